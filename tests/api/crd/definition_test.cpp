#include "support.hpp"

namespace thespis::api::crd {

using testing::complaints_of;
using testing::definition;
using testing::kind;

namespace {

const std::string simple =
    "{type: object, properties: {spec: {type: object, properties: {a: {type: "
    "string}}}}}";

bool says(const std::string& crd, std::string_view text) {
  const auto all = complaints_of(crd);
  const bool found = all.find(text) != std::string::npos;
  BOOST_TEST_MESSAGE(all);
  return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(definitions)

BOOST_AUTO_TEST_CASE(a_good_one_is_good) {
  BOOST_TEST(complaints_of(definition(simple)) == "");
  BOOST_TEST(complaints_of(definition(
                 simple, ", subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, "
                         "statusReplicasPath: .status.replicas, labelSelectorPath: "
                         ".status.selector}}, additionalPrinterColumns: [{name: A, type: string, "
                         "jsonPath: .spec.a}], selectableFields: [{jsonPath: .spec.a}]")) == "");
}

BOOST_AUTO_TEST_CASE(its_name_is_plural_and_group) {
  auto text = definition(simple);
  text.replace(text.find("crontabs.example.com"), 20, "tabs.example.com");
  BOOST_TEST(complaints_of(text) == "metadata.name: Invalid value: \"tabs.example.com\": must be "
                                    "spec.names.plural+\".\"+spec.group");
}

BOOST_AUTO_TEST_CASE(schemas_are_structural) {
  const auto at = "spec.versions[0].schema.openAPIV3Schema";
  BOOST_TEST(complaints_of(definition("{type: object, properties: {a: {}}}")) ==
             std::string(at) +
                 ".properties[a].type: Required value: must not be empty for specified object "
                 "fields");
  BOOST_TEST(complaints_of(definition("{properties: {}}")) ==
             std::string(at) + ".type: Required value: must not be empty at the root");
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: array}}}"),
                  ".properties[a].items: Required value: must be specified"));
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: string, anyOf: [{default: "
                             "x}]}}}"),
                  ".anyOf[0].default: Forbidden: must be undefined to be structural"));
  BOOST_TEST(says(definition("{type: object, properties: {a: {$ref: x}}}"),
                  "$ref: Forbidden: $ref is not supported"));
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: array, uniqueItems: true, "
                             "items: {type: string}}}}"),
                  "uniqueItems cannot be set to true since the runtime complexity becomes "
                  "quadratic"));
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: string, pattern: '('}}}"),
                  "must be a valid regular expression, but isn't"));
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: object, properties: {b: {type: "
                             "string}}, additionalProperties: {type: string}}}}"),
                  "additionalProperties and properties are mutual exclusive"));
  BOOST_TEST(says(definition("{type: object, properties: {metadata: {type: object, properties: "
                             "{labels: {type: object}}}}}"),
                  "must not specify anything other than name and generateName"));
  BOOST_TEST(complaints_of(definition("{type: object, properties: {p: {x-kubernetes-int-or-string: "
                                      "true, anyOf: [{type: integer}, {type: string}]}}}")) == "");
}

BOOST_AUTO_TEST_CASE(defaults_fit_their_schema) {
  BOOST_TEST(
      says(definition("{type: object, properties: {a: {type: integer, default: x}}}"),
           ".properties[a].default: Invalid value: \"string\": "
           "spec.versions[0].schema.openAPIV3Schema.properties[a].default in body must be of "
           "type integer: \"string\""));
  BOOST_TEST(says(definition("{type: object, properties: {a: {type: object, default: {z: 1}}}}"),
                  "must not have unknown fields"));
}

BOOST_AUTO_TEST_CASE(map_keys_are_scalars_that_are_there) {
  BOOST_TEST(says(definition("{type: object, properties: {l: {type: array, x-kubernetes-list-type: "
                             "map, x-kubernetes-list-map-keys: [k], items: {type: object, "
                             "properties: {k: {type: string}}}}}}"),
                  "so it must have a default or be a required property"));
  BOOST_TEST(says(definition("{type: object, properties: {l: {type: array, x-kubernetes-list-type: "
                             "map, items: {type: object}}}}"),
                  "must not be empty if x-kubernetes-list-type is map"));
}

BOOST_AUTO_TEST_CASE(versions_and_conversion) {
  auto text = definition(simple);
  const auto storage = text.find("storage: true");
  text.replace(storage, 13, "storage: false");
  BOOST_TEST(says(text, "must have exactly one version marked as storage version"));
  auto hooked = definition(simple);
  hooked.replace(hooked.find("strategy: None"), 14, "strategy: Webhook");
  BOOST_TEST(says(hooked, "required when strategy is set to Webhook"));
  BOOST_TEST(says(definition(simple, "", ", preserveUnknownFields: true"),
                  "spec.preserveUnknownFields: Invalid value: true: must be false"));
}

BOOST_AUTO_TEST_CASE(paths_of_scale_and_selectable_fields) {
  BOOST_TEST(says(definition(simple, ", subresources: {scale: {specReplicasPath: .replicas, "
                                     "statusReplicasPath: .status.replicas}}"),
                  "should be a json path under .spec"));
  BOOST_TEST(says(definition(simple, ", selectableFields: [{jsonPath: .spec.nope}]"),
                  "is an invalid path: does not refer to a valid field"));
  BOOST_TEST(says(definition(simple, ", selectableFields: [{jsonPath: .spec}]"),
                  "must point to a field of type string, boolean or integer"));
}

BOOST_AUTO_TEST_CASE(a_community_group_needs_approval) {
  auto text = definition(simple);
  for (auto at = text.find("example.com"); at != text.npos; at = text.find("example.com"))
    text.replace(at, 11, "x.k8s.io");
  BOOST_TEST(says(text, "protected groups must have approval annotation"));
}

BOOST_AUTO_TEST_CASE(identity_never_changes) {
  auto old = definition(simple);
  auto now = old;
  now.replace(now.find("scope: Namespaced"), 17, "scope: Cluster");
  findings before;
  check_definition_update(testing::parse(now), testing::parse(old), before);
  BOOST_TEST(before.empty());
  old.insert(old.rfind('}'), ", status: {conditions: [{type: Established, status: 'True'}]}");
  findings after;
  check_definition_update(testing::parse(now), testing::parse(old), after);
  BOOST_TEST(kind::joined(after.causes()) ==
             "spec.scope: Invalid value: \"Cluster\": field is immutable");
}

BOOST_AUTO_TEST_CASE(resources_have_all_that_is_defined) {
  kind k(simple,
         ", deprecated: true, subresources: {status: {}}, additionalPrinterColumns: [{name: "
         "A, type: string, jsonPath: .spec.a, priority: 1}], selectableFields: [{jsonPath: "
         ".spec.a}]");
  const auto& r = k.resource;
  BOOST_TEST(r.group_resource() == "crontabs.example.com");
  BOOST_TEST(r.deprecation == "example.com/v1 CronTab is deprecated");
  BOOST_TEST(r.field_selectors == std::vector<std::string>{"spec.a"},
             boost::test_tools::per_element());
  for (const bool v2 : {false, true})
    BOOST_TEST(r.type->custom->open_api(v2).find(
                   R"("x-kubernetes-selectable-fields":[{"fieldPath":"spec.a"}])") !=
               std::string::npos);
  BOOST_TEST(r.columns.size() == 1U);
  BOOST_TEST(r.find_subresource("status") != nullptr);
  BOOST_TEST(r.list_type->name == "CronTabList");
}

BOOST_AUTO_TEST_CASE(open_api_shows_the_schema) {
  kind k("{type: object, description: A tab., properties: {p: {x-kubernetes-int-or-string: true, "
         "anyOf: [{type: integer}, {type: string}]}, n: {type: string, nullable: true, pattern: "
         "a}}}");
  const auto v3 = k.resource.type->custom->open_api(false);
  BOOST_TEST(v3.find("\"anyOf\"") != std::string::npos);
  BOOST_TEST(v3.find("\"x-kubernetes-group-version-kind\":[{\"group\":\"example.com\",\"kind\":"
                     "\"CronTab\",\"version\":\"v1\"}]") != std::string::npos);
  const auto v2 = k.resource.type->custom->open_api(true);
  BOOST_TEST(v2.find("anyOf") == std::string::npos);
  BOOST_TEST(v2.find("nullable") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(old_open_api_says_what_old_clients_can_judge) {
  const auto shown = [](const std::string& schema) {
    const auto doc = json::parse(kind(schema).resource.type->custom->open_api(true));
    BOOST_REQUIRE(doc);
    const auto* properties = json::find(*doc, "properties");
    const auto* spec = properties ? json::find(*properties, "spec") : nullptr;
    return spec ? json::to_string(*spec) : json::to_string(*doc);
  };
  BOOST_TEST(shown("{type: object, properties: {spec: {type: object, required: [a, b], properties: "
                   "{a: {type: string, nullable: true}, b: {type: string, enum: [x], pattern: x, "
                   "maxLength: 3}}}}}") ==
             R"({"type":"object","required":["b"],"properties":{"a":{},"b":{"type":"string",)"
             R"("enum":["x"],"pattern":"x","maxLength":3}}})");
  BOOST_TEST(
      shown("{type: object, properties: {spec: {type: object, description: d, "
            "x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}}}") ==
      R"({"description":"d","x-kubernetes-preserve-unknown-fields":true})");
  BOOST_TEST(shown("{type: object, description: d, x-kubernetes-preserve-unknown-fields: true}") ==
             R"({"type":"object","x-kubernetes-group-version-kind":[{"group":"example.com","kind":)"
             R"("CronTab","version":"v1"}]})");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace thespis::api::crd
