// Helpers of the patch tests: JSON in short form and a schema shaped like a pod's.
#pragma once

#include "api/json.hpp"
#include "api/patch/patch_schema.hpp"

#include <map>
#include <random>
#include <string>

namespace thespis::api::patch {

/// Parses JSON that the test knows to be right; single quotes stand for double ones.
inline json::document js(std::string text) {
  for (char& c : text)
    if (c == '\'')
      c = '"';
  auto doc = json::parse(text);
  if (!doc)
    throw std::invalid_argument(doc.error().message + " in " + text);
  return std::move(*doc);
}

/// Parses and prints, so that expectations can be written with single quotes.
inline std::string canonical(std::string text) {
  return json::to_string(js(std::move(text)));
}

/// A type whose fields are given by the test; unknown fields have no schema.
class test_type : public type_schema {
public:
  field_schema field(std::string_view name) const override {
    auto it = fields.find(name);
    return it == fields.end() ? field_schema{} : it->second;
  }
  std::map<std::string, field_schema, std::less<>> fields;
};

/// A pod-like schema: containers by name with ports by containerPort, finalizers merging as
/// scalars, volumes with retainKeys, a strategy "replace" field and a plain list.
struct pod_types {
  test_type port, env, container, volume, spec, meta, pod;

  pod_types() {
    container.fields["ports"] = {&port, "containerPort", true, false, false};
    container.fields["env"] = {&env, "name", true, false, false};
    spec.fields["containers"] = {&container, "name", true, false, false};
    spec.fields["volumes"] = {&volume, "name", true, false, true};
    spec.fields["selector"] = {nullptr, {}, false, true, false};
    meta.fields["finalizers"] = {nullptr, {}, true, false, false};
    pod.fields["metadata"] = {&meta, {}, false, false, false};
    pod.fields["spec"] = {&spec, {}, false, false, false};
  }
};

} // namespace thespis::api::patch
