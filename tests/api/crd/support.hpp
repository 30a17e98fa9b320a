// Definitions and custom objects for the tests of api/crd.
#pragma once

#include "api/crd/definition.hpp"
#include "api/crd/definition_rules.hpp"
#include "api/schema/decode.hpp"
#include "api/schema/defaults.hpp"
#include "api/schema/validate.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::crd::testing {

inline json::document parse(std::string_view text) {
  auto doc = yaml::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, "bad test text: " << text);
  return std::move(*doc);
}

/// A definition of CronTabs with that schema (YAML flow or block text of openAPIV3Schema).
inline std::string definition(const std::string& schema, const std::string& more_of_version = {},
                              const std::string& more_of_spec = {}) {
  return "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
         "metadata: {name: crontabs.example.com}, spec: {group: example.com, scope: Namespaced, "
         "names: {plural: crontabs, singular: crontab, kind: CronTab, listKind: CronTabList, "
         "shortNames: [ct]}, conversion: {strategy: None}, versions: [{name: v1, served: true, "
         "storage: true, schema: {openAPIV3Schema: " +
         schema + "}" + more_of_version + "}]" + more_of_spec + "}}";
}

/// The schema at work on objects.
class kind {
public:
  explicit kind(const std::string& schema, const std::string& more_of_version = {}) {
    auto made = resources_of(parse(definition(schema, more_of_version)));
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    BOOST_REQUIRE(made->size() == 1);
    resource = std::move(made->front());
  }

  /// Decoded and with defaults, as JSON; unknown fields in `unknown`.
  std::string canonical(std::string_view text) {
    auto doc = parse(text);
    unknown.clear();
    BOOST_REQUIRE(schema::conform(*resource.type, doc, doc.GetAllocator(), &unknown));
    schema::apply_defaults(*resource.type, doc, doc.GetAllocator());
    return json::to_string(doc);
  }

  /// What is wrong, "field: message" joined by newlines.
  std::string complaints(std::string_view text, std::string_view old = {}) {
    auto doc = parse(text);
    json::document before;
    if (!old.empty())
      before = parse(old);
    std::vector<cause> causes;
    schema::validate(*resource.type, doc, old.empty() ? nullptr : &before, causes);
    return joined(causes);
  }

  static std::string joined(const std::vector<cause>& causes) {
    std::string out;
    for (const auto& c : causes)
      out += (out.empty() ? "" : "\n") + c.field + ": " + c.message;
    return out;
  }

  schema::resource resource;
  std::vector<std::string> unknown;
};

/// What is wrong with a definition, "field: message" joined by newlines.
inline std::string complaints_of(const std::string& crd) {
  findings f;
  check_definition(parse(crd), f);
  return kind::joined(f.causes());
}

} // namespace thespis::api::crd::testing
