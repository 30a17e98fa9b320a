#include "fixture.hpp"

#include "api/rest/answers.hpp"

using namespace thespis::test;
namespace json = thespis::api::json;

namespace {

constexpr std::string_view config_map =
    R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"1"}})";
const std::string collection = "/api/v1/namespaces/default/configmaps";
const std::string one = collection + "/c";

/// {"kind":"ConfigMap",...,"metadata":{"name":"p"},"data":{"k":"v"}} as client-go encodes it.
std::string protobuf_config_map() {
  auto field = [](char number, std::string_view bytes) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} +
           std::string(bytes);
  };
  // ObjectMeta: name, empty generateName, namespace, and an empty creationTimestamp.
  auto metadata = field(1, "p") + field(2, "") + field(3, "") + field(8, "");
  auto raw = field(1, metadata) + field(2, field(1, "k") + field(2, "v"));
  auto type = field(1, "v1") + field(2, "ConfigMap");
  return std::string("k8s\0", 4) + field(1, type) + field(2, raw);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(writes, rest_fixture)

BOOST_AUTO_TEST_CASE(creates_reads_and_deletes) {
  auto a = request("POST", collection, config_map);
  BOOST_TEST(a.status == 201);
  auto made = parse(a.body);
  BOOST_TEST(!text_at(made, {"metadata", "uid"}).empty());
  BOOST_TEST(text_at(made, {"metadata", "namespace"}) == "default");
  BOOST_TEST(get(one).body == a.body);
  check_status(request("POST", collection, config_map), 409, "AlreadyExists",
               "configmaps \"c\" already exists");
  a = request("DELETE", one);
  BOOST_TEST(a.status == 200);
  auto gone = parse(a.body);
  BOOST_TEST(text_at(gone, {"kind"}) == "Status");
  BOOST_TEST(text_at(gone, {"status"}) == "Success");
  BOOST_TEST(text_at(gone, {"details", "name"}) == "c");
  BOOST_TEST(text_at(gone, {"details", "kind"}) == "configmaps");
  check_status(request("DELETE", one), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(replaces_and_refuses_stale_revisions) {
  auto made = parse(request("POST", collection, config_map).body);
  auto rv = text_at(made, {"metadata", "resourceVersion"});
  auto body =
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c","resourceVersion":")" + rv +
      R"("},"data":{"a":"2"}})";
  BOOST_TEST(request("PUT", one, body).status == 200);
  check_status(request("PUT", one, body), 409, "Conflict");
}

BOOST_AUTO_TEST_CASE(patches_in_three_ways) {
  request("POST", collection, config_map);
  auto patch = [&](std::string_view type, std::string_view body) {
    return request("PATCH", one, body, "Content-Type: " + std::string(type) + "\r\n");
  };
  BOOST_TEST(patch("application/merge-patch+json", R"({"data":{"b":"2"}})").status == 200);
  BOOST_TEST(patch("application/strategic-merge-patch+json", R"({"data":{"c":"3"}})").status ==
             200);
  BOOST_TEST(
      patch("application/json-patch+json", R"([{"op":"replace","path":"/data/a","value":"9"}])")
          .status == 200);
  auto now = get_json(one);
  BOOST_TEST(text_at(now, {"data", "a"}) == "9");
  BOOST_TEST(text_at(now, {"data", "b"}) == "2");
  BOOST_TEST(text_at(now, {"data", "c"}) == "3");
  auto bad = patch("application/json", "{}");
  check_status(bad, 415, "UnsupportedMediaType");
  BOOST_TEST(bad.body.find("application/strategic-merge-patch+json") != std::string::npos);
  check_status(
      request("PATCH", one + "?force=true", "{}", "Content-Type: application/merge-patch+json\r\n"),
      422, "Invalid");
  check_status(
      patch("application/apply-patch+yaml", "kind: ConfigMap\n"), 422, "Invalid",
      "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required "
      "for apply patch");
}

BOOST_AUTO_TEST_CASE(takes_yaml_and_protobuf_bodies) {
  auto a = request("POST", collection,
                   "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: written\ndata:\n  a: b\n",
                   "Content-Type: application/yaml\r\n");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(text_at(get_json(collection + "/written"), {"data", "a"}) == "b");
  a = request("POST", collection, protobuf_config_map(),
              "Content-Type: application/vnd.kubernetes.protobuf\r\n");
  BOOST_TEST_CONTEXT(a.body) {
    BOOST_TEST(a.status == 201);
  }
  auto made = get_json(collection + "/p");
  BOOST_TEST(text_at(made, {"data", "k"}) == "v");
  BOOST_TEST(json::at(made, {"metadata", "generateName"}) == nullptr);
  auto cut = protobuf_config_map();
  cut.resize(cut.size() - 3);
  check_status(
      request("POST", collection, cut, "Content-Type: application/vnd.kubernetes.protobuf\r\n"),
      400, "BadRequest");
  check_status(request("POST", collection, "x", "Content-Type: application/cbor\r\n"), 415,
               "UnsupportedMediaType");
}

BOOST_AUTO_TEST_CASE(passes_on_what_the_query_asks) {
  request("POST", collection + "?dryRun=All&fieldManager=me&fieldValidation=Strict", config_map);
  auto c = cluster.calls().back();
  BOOST_TEST(c.dry_run);
  BOOST_TEST(c.field_manager == "me");
  BOOST_TEST((c.validation == thespis::api::validation_level::strict));
  BOOST_TEST(c.user.name == "admin");
  BOOST_TEST(get(one).status == 404);
  request("POST", collection, config_map);
  BOOST_TEST(cluster.calls().back().field_manager == "tester");
  request("DELETE", one + "?gracePeriodSeconds=7&propagationPolicy=Foreground");
  c = cluster.calls().back();
  BOOST_TEST(c.grace_seconds == 7);
  BOOST_TEST((c.policy == thespis::api::propagation::foreground));
}

BOOST_AUTO_TEST_CASE(refuses_bad_queries) {
  check_status(request("POST", collection + "?dryRun=Some", config_map), 422, "Invalid");
  check_status(request("POST", collection + "?fieldValidation=Maybe", config_map), 422, "Invalid");
  check_status(request("POST", collection + "?fieldManager=" + std::string(200, 'x'), config_map),
               422, "Invalid");
  check_status(request("DELETE", one + "?propagationPolicy=Sideways"), 422, "Invalid");
  check_status(request("DELETE", one + "?gracePeriodSeconds=soon"), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(warns_of_unknown_fields) {
  auto a = request("POST", collection,
                   R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"dta":{}})");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.headers["warning"] == "299 - \"unknown field \\\"dta\\\"\"");
  check_status(
      request("POST", collection + "?fieldValidation=Strict",
              R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"d"},"dta":{}})"),
      400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(tells_of_names_that_stand_twice) {
  const std::string twice =
      "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: c\ndata: {}\ndata: {a: b}\ndta: {}\n";
  const std::string line = "line 6: key \"data\" already set in map";
  auto a = request("POST", collection + "?fieldValidation=Strict", twice,
                   "Content-Type: application/yaml\r\n");
  check_status(a, 400, "BadRequest",
               "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding "
               "error: yaml: unmarshal errors:\n  " +
                   line + ", unknown field \"dta\"");
  a = request("POST", collection, twice.substr(0, twice.find("dta")),
              "Content-Type: application/yaml\r\n");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(text_at(parse(a.body), {"data", "a"}) == "b");
  BOOST_TEST(a.headers["warning"] == "299 - \"line 6: key \\\"data\\\" already set in map\"");
  a = request("PATCH", one + "?fieldManager=m&fieldValidation=Strict", twice,
              "Content-Type: application/apply-patch+yaml\r\n");
  check_status(a, 400, "BadRequest",
               "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal "
               "errors:\n  " +
                   line);
  a = request("PUT", one + "?fieldValidation=Strict",
              R"({"metadata":{"name":"c"},"dta":1,"data":{"a":"b"},"data":{"a":"c"}})");
  check_status(a, 400, "BadRequest",
               "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding "
               "error: unknown field \"dta\", duplicate field \"data\"");
}

BOOST_AUTO_TEST_CASE(deletes_what_a_selector_selects) {
  for (std::string_view name : {"a", "b", "c"})
    request("POST", collection,
            R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":")" + std::string(name) +
                R"(","labels":{"x":")" + std::string(name == "b" ? "keep" : "go") + R"("}}})");
  auto a = request("DELETE", collection + "?labelSelector=x%3Dgo");
  BOOST_TEST(a.status == 200);
  auto list = parse(a.body);
  BOOST_TEST(text_at(list, {"kind"}) == "ConfigMapList");
  BOOST_TEST(json::find(list, "items")->Size() == 2u);
  BOOST_TEST(json::find(get_json(collection), "items")->Size() == 1u);
  BOOST_TEST(request("DELETE", collection + "?labelSelector=x%3Dgo").status == 200);
}

BOOST_AUTO_TEST_CASE(scales_by_the_subresource) {
  auto a = request("POST", "/apis/apps/v1/namespaces/default/deployments", R"({"kind":"Deployment",
    "apiVersion":"apps/v1","metadata":{"name":"web"},"spec":{"replicas":1,"selector":{"matchLabels":
    {"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[
    {"name":"c","image":"i"}]}}}})");
  BOOST_TEST_CONTEXT(a.body) {
    BOOST_REQUIRE_EQUAL(a.status, 201);
  }
  a = request("PATCH", "/apis/apps/v1/namespaces/default/deployments/web/scale",
              R"({"spec":{"replicas":5}})", "Content-Type: application/merge-patch+json\r\n");
  BOOST_TEST_CONTEXT(a.body) {
    BOOST_TEST(a.status == 200);
  }
  BOOST_TEST(text_at(parse(a.body), {"kind"}) == "Scale");
  auto web = get_json("/apis/apps/v1/namespaces/default/deployments/web");
  BOOST_TEST(json::get_int(*json::find(web, "spec"), "replicas") == 5);
}

BOOST_AUTO_TEST_CASE(knows_which_methods_go_where) {
  check_status(request("PUT", collection, config_map), 405, "MethodNotAllowed",
               "the server does not allow this method on the requested resource");
  check_status(request("POST", one, config_map), 405, "MethodNotAllowed");
  check_status(request("POST", "/api/v1/configmaps", config_map), 405, "MethodNotAllowed");
  check_status(request("DELETE", "/api/v1/configmaps"), 405, "MethodNotAllowed");
  check_status(request("GET", "/api/v1/configmaps/c"), 404, "NotFound");
  check_status(request("GET", "/api/v1/namespaces/default/nodes"), 404, "NotFound");
  check_status(request("GET", "/api/v1/namespaces/default/pods/a/nothing"), 404, "NotFound");
  check_status(request("DELETE", "/api/v1/namespaces"), 405, "MethodNotAllowed");
}

BOOST_AUTO_TEST_CASE(warnings_do_not_flood_the_headers) {
  const auto sent = [](const std::vector<std::string>& warnings) {
    thespis::api::transport::response r;
    thespis::api::rest::add_warnings(r, warnings);
    std::vector<std::string> out;
    for (const auto& h : r.headers)
      out.push_back(h.second);
    return out;
  };
  const std::string long_one(1000, 'x');
  BOOST_TEST(sent({long_one, "short"})[0].size() == long_one.size() + 8);
  const auto many = sent(std::vector<std::string>(10000, long_one));
  BOOST_TEST(many.size() == 17u); // the 17th makes it more than 4096
  BOOST_TEST(many[0] == "299 - \"" + long_one.substr(0, 256) + "\"");
  // Cut between characters.
  std::string umlauts;
  for (int i = 0; i < 5000; ++i)
    umlauts += "\xC3\xA4";
  BOOST_TEST(sent({umlauts})[0].size() == 512u + 8);
}

BOOST_AUTO_TEST_SUITE_END()
