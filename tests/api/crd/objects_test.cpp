#include "support.hpp"

namespace thespis::api::crd {

using testing::kind;

BOOST_AUTO_TEST_SUITE(custom_objects)

BOOST_AUTO_TEST_CASE(unknown_members_are_dropped_and_told) {
  kind k("{type: object, properties: {spec: {type: object, properties: {a: {type: string}, "
         "list: {type: array, items: {type: object, properties: {b: {type: string}}}}}}}}");
  BOOST_TEST(k.canonical("{apiVersion: example.com/v1, kind: CronTab, metadata: {name: x, foo: 1}, "
                         "spec: {a: x, z: 1, list: [{b: w, c: 1}]}, other: 1}") ==
             R"({"apiVersion":"example.com/v1","kind":"CronTab","metadata":{"name":"x"},)"
             R"("spec":{"a":"x","list":[{"b":"w"}]}})");
  // Those of the object itself first, then the schema's, as Go sorts them.
  const std::vector<std::string> told{"unknown field \"metadata.foo\"", "unknown field \"other\"",
                                      "unknown field \"spec.list[0].c\"",
                                      "unknown field \"spec.z\""};
  BOOST_TEST(k.unknown == told, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unknown_members_are_kept_where_the_schema_says_so) {
  kind k("{type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: "
         "true, properties: {a: {type: object, properties: {b: {type: string}}}}}, "
         "more: {type: object, additionalProperties: {type: object, properties: {c: {type: "
         "string}}}}}}");
  BOOST_TEST(k.canonical("{spec: {z: {w: 1}, a: {b: x, q: 1}}, more: {k: {c: x, d: 1}}}") ==
             R"({"spec":{"z":{"w":1},"a":{"b":"x"}},"more":{"k":{"c":"x"}}})");
}

BOOST_AUTO_TEST_CASE(an_embedded_object_keeps_what_every_object_has) {
  kind k("{type: object, properties: {t: {type: object, x-kubernetes-embedded-resource: true, "
         "properties: {spec: {type: object}}}}}");
  BOOST_TEST(k.canonical("{t: {apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {}, z: 1}}") ==
             R"({"t":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{}}})");
  BOOST_TEST(k.complaints("{t: {kind: Pod}}") == "t.apiVersion: Required value: must not be empty");
  BOOST_TEST(k.canonical("{t: {metadata: {name: x, w: 1, labels: {a: b}}}}") ==
             R"({"t":{"metadata":{"name":"x","labels":{"a":"b"}}}})");
}

BOOST_AUTO_TEST_CASE(defaults_fill_in_at_all_levels_and_replace_nulls) {
  kind k("{type: object, properties: {spec: {type: object, default: {}, properties: {num: {type: "
         "integer, default: 3}, s: {type: string, default: x}, t: {type: string}, u: {type: "
         "string, nullable: true}, list: {type: array, items: {type: object, properties: {p: "
         "{type: string, default: TCP}}}}}}}}");
  BOOST_TEST(k.canonical("{}") == R"({"spec":{"num":3,"s":"x"}})");
  BOOST_TEST(k.canonical("{spec: {num: null, s: w, t: null, u: null, list: [{}]}}") ==
             R"({"spec":{"num":3,"s":"w","u":null,"list":[{"p":"TCP"}]}})");
}

BOOST_AUTO_TEST_CASE(wrong_types_are_told_as_kubernetes_does) {
  kind k("{type: object, properties: {spec: {type: object, required: [a], properties: {a: {type: "
         "string}, replicas: {type: integer, minimum: 1, maximum: 10}, port: "
         "{x-kubernetes-int-or-string: true}, f: {type: number}, when: {type: string, format: "
         "date-time}}}}}");
  BOOST_TEST(k.complaints("{spec: {a: x, replicas: \"5\"}}") ==
             "spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type "
             "integer: \"string\"");
  BOOST_TEST(k.complaints("{spec: {a: x, replicas: 11}}") ==
             "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal "
             "to 10");
  BOOST_TEST(k.complaints("{spec: {a: x, replicas: 0}}") ==
             "spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or "
             "equal to 1");
  BOOST_TEST(k.complaints("{spec: {}}") == "spec.a: Required value");
  BOOST_TEST(k.complaints("{spec: {a: x, port: true}}") ==
             "spec.port: Invalid value: \"boolean\": spec.port in body must be of type "
             "integer,string: \"boolean\"");
  BOOST_TEST(k.complaints("{spec: {a: x, port: 8080, f: 1}}").empty());
  BOOST_TEST(k.complaints("{spec: {a: x, port: http, replicas: 5.0}}").empty());
  BOOST_TEST(k.complaints("{spec: {a: x, when: soon}}") ==
             "spec.when: Invalid value: \"soon\": spec.when in body must be of type date-time: "
             "\"soon\"");
}

BOOST_AUTO_TEST_CASE(bounds_of_texts_lists_and_objects) {
  kind k(
      "{type: object, properties: {s: {type: string, minLength: 2, maxLength: 3, pattern: "
      "'^[a-z]+$'}, l: {type: array, minItems: 1, maxItems: 2, items: {type: string}}, o: {type: "
      "object, minProperties: 1, maxProperties: 1, additionalProperties: {type: string}}, e: "
      "{type: string, enum: [a, b]}, m: {type: number, multipleOf: 0.5}, x: {type: integer, "
      "maximum: 3, exclusiveMaximum: true}}}");
  BOOST_TEST(k.complaints("{s: a}") ==
             "s: Invalid value: \"a\": s in body should be at least 2 chars long");
  BOOST_TEST(k.complaints("{s: abcd}") == "s: Too long: may not be more than 3 bytes");
  BOOST_TEST(k.complaints("{s: AB}") ==
             "s: Invalid value: \"AB\": s in body should match '^[a-z]+$'");
  BOOST_TEST(k.complaints("{s: \u00e4\u00f6}") ==
             "s: Invalid value: \"\u00e4\u00f6\": s in body should match '^[a-z]+$'");
  BOOST_TEST(k.complaints("{l: []}") ==
             "l: Invalid value: []: l in body should have at least 1 items");
  BOOST_TEST(k.complaints("{l: [a, b, c]}") == "l: Too many: 3: must have at most 2 items");
  BOOST_TEST(k.complaints("{o: {}}") ==
             "o: Invalid value: {}: o in body should have at least 1 properties");
  BOOST_TEST(k.complaints("{o: {a: x, b: x}}") == "o: Too many: 2: must have at most 1 items");
  BOOST_TEST(k.complaints("{e: c}") ==
             "e: Unsupported value: \"c\": supported values: \"a\", \"b\"");
  BOOST_TEST(k.complaints("{m: 1.5}").empty());
  BOOST_TEST(k.complaints("{m: 1.7}") ==
             "m: Invalid value: 1.7: m in body should be a multiple of 0.5");
  BOOST_TEST(k.complaints("{x: 3}") == "x: Invalid value: 3: x in body should be less than 3");
}

BOOST_AUTO_TEST_CASE(schemas_combine) {
  kind k("{type: object, properties: {v: {type: object, properties: {a: {type: string}, b: {type: "
         "string}}, oneOf: [{required: [a]}, {required: [b]}]}, w: {type: integer, not: {enum: "
         "[3]}}, r: {type: integer, anyOf: [{minimum: 10}, {maximum: 1}]}, z: {type: string, "
         "allOf: [{minLength: 2}, {maxLength: 3}]}}}");
  BOOST_TEST(k.complaints("{v: {a: x}}").empty());
  BOOST_TEST(k.complaints("{v: {}}") ==
             "<nil>: Invalid value: \"\": \"v\" must validate one and only one schema (oneOf). "
             "Found none valid\nv.a: Required value");
  BOOST_TEST(k.complaints("{v: {a: x, b: w}}") ==
             "<nil>: Invalid value: \"\": \"v\" must validate one and only one schema (oneOf). "
             "Found 2 valid alternatives");
  BOOST_TEST(k.complaints("{w: 3}") ==
             "<nil>: Invalid value: \"\": \"w\" must not validate the schema (not)");
  BOOST_TEST(k.complaints("{r: 5}").find("\"r\" must validate at least one schema (anyOf)") !=
             std::string::npos);
  BOOST_TEST(k.complaints("{z: a}").find("\"z\" must validate all the schemas (allOf)") !=
             std::string::npos);
  BOOST_TEST(k.complaints("{w: 4, r: 0, z: ab}").empty());
}

BOOST_AUTO_TEST_CASE(sets_and_maps_have_no_duplicates) {
  kind k("{type: object, properties: {s: {type: array, x-kubernetes-list-type: set, items: {type: "
         "string}}, m: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: "
         "[name], items: {type: object, required: [name], properties: {name: {type: string}}}}}}");
  BOOST_TEST(k.complaints("{s: [a, b, a]}") == "s[2]: Duplicate value: \"a\"");
  BOOST_TEST(k.complaints("{m: [{name: x}, {name: x}]}") ==
             "m[1]: Duplicate value: {\"name\":\"x\"}");
}

BOOST_AUTO_TEST_CASE(an_update_is_not_blamed_for_what_it_leaves_alone) {
  kind k(
      "{type: object, properties: {spec: {type: object, properties: {a: {type: integer, maximum: "
      "3}, b: {type: string}, l: {type: array, x-kubernetes-list-type: map, "
      "x-kubernetes-list-map-keys: [id], items: {type: object, required: [id], properties: {id: "
      "{type: string}, v: {type: integer, maximum: 3}}}}}}}}");
  BOOST_TEST(k.complaints("{spec: {a: 9, b: new}}", "{spec: {a: 9, b: old}}").empty());
  BOOST_TEST(!k.complaints("{spec: {a: 8, b: old}}", "{spec: {a: 9, b: old}}").empty());
  BOOST_TEST(k.complaints("{spec: {l: [{id: w}, {id: x, v: 9}]}}", "{spec: {l: [{id: x, v: 9}]}}")
                 .empty());
}

BOOST_AUTO_TEST_CASE(the_type_knows_what_apply_needs) {
  kind k("{type: object, properties: {spec: {type: object, properties: {ports: {type: array, "
         "x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port], items: {type: object, "
         "required: [port], properties: {port: {type: integer}}}}, tags: {type: array, "
         "x-kubernetes-list-type: set, items: {type: string}}, cfg: {type: object, "
         "x-kubernetes-map-type: atomic, properties: {a: {type: string}}}}}}}");
  const auto* spec = k.resource.type->find("spec");
  BOOST_REQUIRE(spec && spec->type.object);
  const auto* ports = spec->type.object->find("ports");
  BOOST_REQUIRE(ports);
  BOOST_CHECK(ports->type.list == schema::list_kind::map);
  BOOST_TEST(ports->type.list_keys == std::vector<std::string>{"port"},
             boost::test_tools::per_element());
  BOOST_CHECK(spec->type.object->find("tags")->type.list == schema::list_kind::set);
  BOOST_TEST(spec->type.object->find("cfg")->type.atomic_map);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(hostile_schemas)

BOOST_AUTO_TEST_CASE(a_catastrophic_pattern_takes_linear_time) {
  kind k("{type: object, properties: {s: {type: string, pattern: '^(a+)+$'}}}");
  const auto text = "{s: " + std::string(100'000, 'a') + "b}";
  BOOST_TEST(k.complaints(text).size() > 0U);
}

BOOST_AUTO_TEST_CASE(defaults_that_unfold_are_cut) {
  std::string inner = "{type: string, default: x}";
  for (int i = 0; i < 12; ++i)
    inner = "{type: array, default: [null, null, null, null, null, null], items: " + inner + "}";
  const auto schema = "{type: object, properties: {a: " + inner + "}}";
  BOOST_TEST(testing::complaints_of(testing::definition(schema)).find("too many values") !=
             std::string::npos);
  kind k(schema);
  BOOST_TEST(k.canonical("{}").size() < 10'000'000U);
}

BOOST_AUTO_TEST_CASE(a_deep_schema_is_walked_to_its_end) {
  std::string inner = "{type: string, default: x}";
  for (int i = 0; i < 25; ++i)
    inner = "{type: object, default: {}, properties: {a: " + inner + "}}";
  kind k(inner);
  std::string wanted = "{\"a\":\"x\"}";
  for (int i = 0; i < 24; ++i)
    wanted = "{\"a\":" + wanted + "}";
  BOOST_TEST(k.canonical("{}") == wanted);
}

BOOST_AUTO_TEST_CASE(complaints_come_to_an_end) {
  kind k("{type: object, properties: {l: {type: array, items: {type: string}}}}");
  std::string text = "{l: [";
  for (int i = 0; i < 5000; ++i)
    text += "1,";
  const auto all = k.complaints(text + "1]}");
  BOOST_TEST(std::count(all.begin(), all.end(), '\n') < 200);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace thespis::api::crd
