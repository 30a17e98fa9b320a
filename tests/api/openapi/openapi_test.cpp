#include "api/openapi/openapi.hpp"

#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>

using namespace thespis::api;

namespace {

const schema::registry& schemas() {
  return schema::registry::builtin();
}

json::limits no_limits() {
  json::limits l;
  l.max_bytes = 64 * 1024 * 1024;
  return l;
}

/// Every $ref in a document.
void for_refs(const json::value& v, const std::function<void(std::string_view)>& f) {
  if (v.IsArray()) {
    for (const auto& item : v.GetArray())
      for_refs(item, f);
  } else if (v.IsObject()) {
    for (const auto& m : v.GetObject()) {
      if (json::as_string(m.name) == "$ref" && m.value.IsString())
        f(json::as_string(m.value));
      else
        for_refs(m.value, f);
    }
  }
}

/// The fields of one protobuf message; scalars are left out.
std::multimap<unsigned, std::string> fields_of(std::string_view bytes) {
  std::multimap<unsigned, std::string> out;
  auto varint = [&] {
    uint64_t n = 0;
    for (unsigned shift = 0;; shift += 7) {
      BOOST_REQUIRE(!bytes.empty());
      auto c = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      n |= static_cast<uint64_t>(c & 127) << shift;
      if (c < 128)
        return n;
    }
  };
  while (!bytes.empty()) {
    auto tag = varint();
    if ((tag & 7) == 0) {
      varint();
      continue;
    }
    BOOST_REQUIRE_EQUAL(tag & 7, 2u);
    auto size = varint();
    BOOST_REQUIRE(size <= bytes.size());
    out.emplace(static_cast<unsigned>(tag >> 3), std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
  return out;
}

/// Field `field` of the entry called `name` in a list of named messages.
std::string named(const std::string& bytes, unsigned list, std::string_view name) {
  auto all = fields_of(bytes);
  for (auto [it, end] = all.equal_range(list); it != end; ++it) {
    auto entry = fields_of(it->second);
    if (entry.find(1)->second == name)
      return entry.find(2)->second;
  }
  return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(openapi_documents)

BOOST_AUTO_TEST_CASE(v2_references_only_what_it_defines) {
  auto doc = json::parse(openapi::v2_json(schemas()), no_limits());
  BOOST_REQUIRE(doc);
  const auto* definitions = json::find(*doc, "definitions");
  BOOST_REQUIRE(definitions);
  size_t count = 0;
  for_refs(*doc, [&](std::string_view ref) {
    constexpr std::string_view prefix = "#/definitions/";
    BOOST_REQUIRE(ref.substr(0, prefix.size()) == prefix);
    BOOST_TEST(json::find(*definitions, ref.substr(prefix.size())) != nullptr, ref);
    ++count;
  });
  BOOST_TEST(count > 1000u);
}

BOOST_AUTO_TEST_CASE(v2_carries_what_kubectl_patches_by) {
  auto doc = json::parse(openapi::v2_json(schemas()), no_limits());
  BOOST_REQUIRE(doc);
  const auto* spec = json::at(*doc, {"definitions", "io.k8s.api.core.v1.PodSpec", "properties"});
  BOOST_REQUIRE(spec);
  const auto* containers = json::find(*spec, "containers");
  BOOST_TEST(json::get_string(*containers, "type") == "array");
  BOOST_TEST(json::get_string(*containers, "x-kubernetes-patch-merge-key") == "name");
  BOOST_TEST(json::get_string(*containers, "x-kubernetes-patch-strategy") == "merge");
  BOOST_TEST(json::get_string(*containers, "x-kubernetes-list-type") == "map");
  BOOST_TEST(json::get_string(*json::find(*spec, "volumes"), "x-kubernetes-patch-strategy") ==
             "merge,retainKeys");
  const auto* gvk = json::at(
      *doc, {"definitions", "io.k8s.api.apps.v1.Deployment", "x-kubernetes-group-version-kind"});
  BOOST_REQUIRE(gvk && gvk->IsArray() && gvk->Size() == 1);
  BOOST_TEST(json::get_string((*gvk)[0], "group") == "apps");
  BOOST_TEST(json::get_string((*gvk)[0], "kind") == "Deployment");
  const auto* pod = json::at(*doc, {"definitions", "io.k8s.api.core.v1.Pod", "properties"});
  BOOST_TEST(json::find(*pod, "apiVersion") != nullptr);
  BOOST_TEST(json::find(*pod, "kind") != nullptr);
}

BOOST_AUTO_TEST_CASE(protobuf_says_the_same_as_json) {
  auto bytes = openapi::v2_protobuf(schemas());
  auto document = fields_of(bytes);
  BOOST_TEST(document.find(1)->second == "2.0");
  auto pod_spec = named(document.find(9)->second, 1, "io.k8s.api.core.v1.PodSpec");
  BOOST_REQUIRE(!pod_spec.empty());
  auto properties = fields_of(pod_spec).find(25)->second;
  auto containers = named(properties, 1, "containers");
  BOOST_REQUIRE(!containers.empty());
  BOOST_TEST(fields_of(fields_of(containers).find(22)->second).find(1)->second == "array");
  auto merge_key = named(containers, 31, "x-kubernetes-patch-merge-key");
  BOOST_TEST(fields_of(merge_key).find(2)->second == "\"name\"");
  auto items = fields_of(fields_of(containers).find(23)->second).find(1)->second;
  BOOST_TEST(fields_of(items).find(1)->second == "#/definitions/io.k8s.api.core.v1.Container");
  // kubectl looks for the dryRun parameter of the patch operation.
  auto path =
      named(document.find(8)->second, 2, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
  BOOST_REQUIRE(!path.empty());
  BOOST_TEST(fields_of(path).find(8)->second.find("dryRun") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(v3_has_a_document_for_each_group_version) {
  auto index = json::parse(openapi::v3_index(schemas()));
  BOOST_REQUIRE(index);
  const auto* paths = json::find(*index, "paths");
  for (const auto& m : paths->GetObject()) {
    auto text = openapi::v3(schemas(), json::as_string(m.name));
    BOOST_REQUIRE(text);
    BOOST_TEST(json::get_string(m.value, "serverRelativeURL").find(openapi::hash_of(*text)) !=
               std::string_view::npos);
    auto doc = json::parse(*text, no_limits());
    BOOST_REQUIRE(doc);
    const auto* components = json::at(*doc, {"components", "schemas"});
    for_refs(*doc, [&](std::string_view ref) {
      constexpr std::string_view prefix = "#/components/schemas/";
      BOOST_TEST(json::find(*components, ref.substr(prefix.size())) != nullptr, ref);
    });
  }
  BOOST_TEST(json::find(*paths, "api/v1") != nullptr);
  BOOST_TEST(json::find(*paths, "apis/apps/v1") != nullptr);
}

BOOST_AUTO_TEST_CASE(v3_knows_no_other_documents) {
  for (std::string_view name :
       {"", "api", "api/v9", "apis/apps", "apis/apps/v1/x", "apis//v1", "x"})
    BOOST_TEST(!openapi::v3(schemas(), name).has_value(), name);
}

/// What an extension server of two versions may say.
constexpr auto sea = R"({"swagger":"2.0","paths":{
  "/apis/sea.example.com/v1/fishes":{"get":{"operationId":"listFish","parameters":
    [{"name":"limit","in":"query","type":"integer"}],
    "responses":{"200":{"description":"OK","schema":{"$ref":"#/definitions/com.example.sea.v1.Fish"}}}},
    "post":{"parameters":[{"name":"body","in":"body","schema":
      {"$ref":"#/definitions/com.example.sea.v1.Fish"}}],"responses":{"201":{"description":"x"}}}},
  "/apis/sea.example.com/v2/fishes":{"get":{"responses":{}}},
  "/api/v1/pods":{"get":{"description":"not yours","responses":{}}}},
 "definitions":{
  "com.example.sea.v1.Fish":{"type":"object","description":"It swims.","properties":{
     "metadata":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
     "fins":{"type":"array","items":{"$ref":"#/definitions/com.example.sea.v1.Fin"}}},
     "x-kubernetes-group-version-kind":[{"group":"sea.example.com","version":"v1","kind":"Fish"}]},
  "com.example.sea.v1.Fin":{"type":"object","properties":{"next":
     {"$ref":"#/definitions/com.example.sea.v1.Fin"}}},
  "com.example.sea.v1.Odd":{"type":"string"},
  "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta":{"type":"object","description":"theirs"}}})";

BOOST_AUTO_TEST_CASE(what_others_describe_is_part_of_v2) {
  const auto part =
      std::make_shared<const std::string>(openapi::part_of_v2(sea, "sea.example.com", "v1"));
  auto kept = json::parse(*part);
  BOOST_REQUIRE(kept);
  BOOST_TEST(json::find(*kept, "paths")->MemberCount() == 1u);
  BOOST_TEST(json::find(*kept, "definitions")->MemberCount() == 3u);
  auto doc = json::parse(openapi::v2_json(schemas(), {part, nullptr, part}), no_limits());
  BOOST_REQUIRE(doc);
  BOOST_TEST(json::find(*json::find(*doc, "paths"), "/apis/sea.example.com/v1/fishes") != nullptr);
  const auto& definitions = *json::find(*doc, "definitions");
  const auto* fish = json::find(definitions, "com.example.sea.v1.Fish");
  BOOST_REQUIRE(fish != nullptr);
  BOOST_TEST(json::get_string(*fish, "description") == "It swims.");
  BOOST_TEST(json::find(definitions, "com.example.sea.v1.Odd") == nullptr);
  // What has our name is ours.
  BOOST_TEST(
      json::get_string(*json::find(definitions, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
                       "description") != "theirs");
  auto bytes = openapi::v2_protobuf(schemas(), {part});
  for (const char* text :
       {"com.example.sea.v1.Fish", "It swims.", "listFish", "/apis/sea.example.com/v1/fishes",
        "#/definitions/com.example.sea.v1.Fin"})
    BOOST_TEST(bytes.find(text) != std::string::npos, text);
  BOOST_TEST(bytes.find("theirs") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(nonsense_of_others_is_left_out) {
  for (const std::string text : {"", "{", "[]", "{}", R"({"paths":[]})", R"({"paths":{"/x":{}}})",
                                 R"({"paths":{"/apis/sea.example.com/v1/f":7}})"})
    BOOST_TEST(openapi::part_of_v2(text, "sea.example.com", "v1").empty(), text);
  BOOST_TEST(openapi::part_of_v2(sea, "sea.example.com", "v3").empty());
  const auto odd = std::make_shared<const std::string>(openapi::part_of_v2(
      R"({"paths":{"/apis/g/v1/x":{"get":3,"put":{"parameters":{},"responses":[],"tags":[1]}}},
          "definitions":{"a":{"properties":[],"x-kubernetes-group-version-kind":
             [{"group":"g","version":"v1"}],"items":[1],"type":["string"]}}})",
      "g", "v1"));
  BOOST_TEST(!odd->empty());
  BOOST_TEST(json::parse(openapi::v2_json(schemas(), {odd}), no_limits()).has_value());
  BOOST_TEST(!openapi::v2_protobuf(schemas(), {odd}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
