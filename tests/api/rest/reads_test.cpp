#include "fixture.hpp"

using namespace thespis::test;
namespace json = thespis::api::json;

namespace {

std::vector<std::string> names(const json::value& list) {
  std::vector<std::string> out;
  for (const auto& item : (*json::find(list, "items")).GetArray())
    out.push_back(text_at(item, {"metadata", "name"}));
  return out;
}

const std::string table_accept =
    "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(reads, rest_fixture)

BOOST_AUTO_TEST_CASE(answers_an_object_with_its_very_bytes) {
  auto pod = add_pod("default", "web");
  auto a = get("/api/v1/namespaces/default/pods/web");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.headers["content-type"] == "application/json");
  BOOST_TEST(a.body == pod->bytes());
}

BOOST_AUTO_TEST_CASE(says_what_is_not_there) {
  auto a = get("/api/v1/namespaces/default/pods/none");
  check_status(a, 404, "NotFound", "pods \"none\" not found");
  auto doc = parse(a.body);
  BOOST_TEST(text_at(doc, {"details", "name"}) == "none");
  BOOST_TEST(text_at(doc, {"details", "kind"}) == "pods");
  check_status(get("/apis/apps/v1/namespaces/default/deployments/none"), 404, "NotFound",
               "deployments.apps \"none\" not found");
}

BOOST_AUTO_TEST_CASE(lists_one_namespace_or_all) {
  add_pod("a", "one");
  add_pod("b", "two");
  auto all = get_json("/api/v1/pods");
  BOOST_TEST(text_at(all, {"kind"}) == "PodList");
  BOOST_TEST(text_at(all, {"apiVersion"}) == "v1");
  BOOST_TEST(!text_at(all, {"metadata", "resourceVersion"}).empty());
  BOOST_TEST(names(all) == (std::vector<std::string>{"one", "two"}));
  BOOST_TEST(names(get_json("/api/v1/namespaces/b/pods")) == (std::vector<std::string>{"two"}));
  auto none = get_json("/apis/apps/v1/namespaces/b/deployments");
  BOOST_TEST(text_at(none, {"kind"}) == "DeploymentList");
  BOOST_TEST(names(none).empty());
}

BOOST_AUTO_TEST_CASE(lists_many_objects_without_losing_a_byte) {
  for (int i = 100; i < 300; ++i)
    add_pod("default", "p" + std::to_string(i), "{\"pad\":\"" + std::string(60, 'x') + "\"}");
  auto list = get_json("/api/v1/pods");
  BOOST_TEST(names(list).size() == 200u);
  BOOST_TEST(names(list).front() == "p100");
  BOOST_TEST(names(list).back() == "p299");
}

BOOST_AUTO_TEST_CASE(selects_by_labels_and_fields) {
  add_pod("default", "a", R"({"app":"web","tier":"front"})", "n1");
  add_pod("default", "b", R"({"app":"web"})", "n2");
  add_pod("default", "c", R"({"app":"db"})", "n1");
  auto query = [&](std::string_view q) {
    return names(get_json("/api/v1/pods?" + std::string(q)));
  };
  using list = std::vector<std::string>;
  BOOST_TEST(query("labelSelector=app%3Dweb") == (list{"a", "b"}));
  BOOST_TEST(query("labelSelector=app+in+(web),!tier") == (list{"b"}));
  BOOST_TEST(query("fieldSelector=spec.nodeName%3Dn1") == (list{"a", "c"}));
  BOOST_TEST(query("fieldSelector=metadata.name%3Db") == (list{"b"}));
  BOOST_TEST(query("fieldSelector=status.phase!%3DRunning").empty());
  BOOST_TEST(query("fieldSelector=status.phase%3DRunning,spec.nodeName%3Dn2") == (list{"b"}));
  check_status(get("/api/v1/pods?fieldSelector=spec.color%3Dred"), 400, "BadRequest",
               "field label not supported: spec.color");
  check_status(get("/api/v1/pods?labelSelector=a%3D%3D%3Db"), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(selects_events_of_an_object) {
  cluster.put("events", R"({"kind":"Event","apiVersion":"v1","metadata":{"name":"e1",
    "namespace":"default"},"involvedObject":{"kind":"Pod","name":"web","uid":"u1"}})");
  cluster.put("events", R"({"kind":"Event","apiVersion":"v1","metadata":{"name":"e2",
    "namespace":"default"},"involvedObject":{"kind":"Pod","name":"db","uid":"u2"}})");
  auto list = get_json("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dweb"
                       ",involvedObject.namespace%3D,involvedObject.uid%3Du1");
  BOOST_TEST(names(list) == (std::vector<std::string>{"e1"}));
}

BOOST_AUTO_TEST_CASE(pages_show_one_state) {
  for (std::string_view name : {"a", "b", "c", "d", "e"})
    add_pod("default", name);
  auto first = get_json("/api/v1/pods?limit=2");
  BOOST_TEST(names(first) == (std::vector<std::string>{"a", "b"}));
  BOOST_TEST(json::get_int(*json::find(first, "metadata"), "remainingItemCount") == 3);
  auto token = text_at(first, {"metadata", "continue"});
  BOOST_REQUIRE(!token.empty());
  add_pod("default", "bb");
  auto second = get_json("/api/v1/pods?limit=2&continue=" + token);
  BOOST_TEST(names(second) == (std::vector<std::string>{"c", "d"}));
  BOOST_TEST(text_at(second, {"metadata", "resourceVersion"}) ==
             text_at(first, {"metadata", "resourceVersion"}));
  auto last =
      get_json("/api/v1/pods?limit=2&continue=" + text_at(second, {"metadata", "continue"}));
  BOOST_TEST(names(last) == (std::vector<std::string>{"e"}));
  BOOST_TEST(text_at(last, {"metadata", "continue"}).empty());
}

BOOST_AUTO_TEST_CASE(a_page_of_a_forgotten_state_expires_and_offers_the_rest) {
  for (std::string_view name : {"a", "b", "c"})
    add_pod("default", name);
  // A token of a state that was never kept: {"v":"meta.k8s.io/v1","rv":7,"start":"default/a"}
  auto a = get("/api/v1/pods?limit=2&continue="
               "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Nywic3RhcnQiOiJkZWZhdWx0L2EifQ");
  check_status(a, 410, "Expired");
  auto token = text_at(parse(a.body), {"metadata", "continue"});
  BOOST_REQUIRE(!token.empty());
  BOOST_TEST(names(get_json("/api/v1/pods?continue=" + token)) ==
             (std::vector<std::string>{"b", "c"}));
  check_status(get("/api/v1/pods?continue=nonsense"), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(honours_resource_versions) {
  auto pod = add_pod("default", "web");
  auto rv = std::to_string(pod->revision());
  auto ahead = std::to_string(pod->revision() + 100);
  BOOST_TEST(get("/api/v1/pods?resourceVersion=0").status == 200);
  BOOST_TEST(get("/api/v1/pods?resourceVersion=" + rv).status == 200);
  BOOST_TEST(get("/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=" + rv).status == 200);
  check_status(get("/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=7"), 410, "Expired");
  check_status(get("/api/v1/pods?resourceVersion=" + ahead), 504, "Timeout");
  check_status(get("/api/v1/namespaces/default/pods/web?resourceVersion=" + ahead), 504, "Timeout");
  check_status(get("/api/v1/pods?resourceVersion=x"), 400, "BadRequest");
  check_status(get("/api/v1/pods?resourceVersionMatch=Exact"), 422, "Invalid");
  check_status(get("/api/v1/pods?resourceVersionMatch=Exact&resourceVersion=0"), 422, "Invalid");
  check_status(get("/api/v1/pods?resourceVersionMatch=Roughly&resourceVersion=1"), 422, "Invalid");
}

BOOST_AUTO_TEST_CASE(answers_tables) {
  add_pod("default", "web", "{}", "n1");
  auto table = get_json("/api/v1/namespaces/default/pods", table_accept);
  BOOST_TEST(text_at(table, {"kind"}) == "Table");
  BOOST_TEST(text_at(table, {"apiVersion"}) == "meta.k8s.io/v1");
  const auto& columns = *json::find(table, "columnDefinitions");
  BOOST_REQUIRE_EQUAL(columns.Size(), 9u);
  BOOST_TEST(text_at(columns[2], {"name"}) == "Status");
  const auto& row = (*json::find(table, "rows"))[0];
  const auto& cells = *json::find(row, "cells");
  BOOST_TEST(json::as_string(cells[0]) == "web");
  BOOST_TEST(json::as_string(cells[2]) == "Running");
  BOOST_TEST(json::as_string(cells[4]) == "60m");
  BOOST_TEST(text_at(row, {"object", "kind"}) == "PartialObjectMetadata");
  BOOST_TEST(text_at(row, {"object", "metadata", "name"}) == "web");
  auto whole = get_json("/api/v1/namespaces/default/pods/web?includeObject=Object", table_accept);
  BOOST_TEST(text_at((*json::find(whole, "rows"))[0], {"object", "kind"}) == "Pod");
  check_status(get("/api/v1/pods?includeObject=Half", table_accept), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(answers_metadata_alone) {
  add_pod("default", "web");
  auto one = get_json("/api/v1/namespaces/default/pods/web",
                      "Accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\r\n");
  BOOST_TEST(text_at(one, {"kind"}) == "PartialObjectMetadata");
  BOOST_TEST(json::find(one, "spec") == nullptr);
  auto list =
      get_json("/api/v1/pods",
               "Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io\r\n");
  BOOST_TEST(text_at(list, {"kind"}) == "PartialObjectMetadataList");
  BOOST_TEST(names(list) == (std::vector<std::string>{"web"}));
}

BOOST_AUTO_TEST_CASE(answers_yaml_and_indented_json) {
  add_pod("default", "web");
  auto a = get("/api/v1/namespaces/default/pods/web", "Accept: application/yaml\r\n");
  BOOST_TEST(a.headers["content-type"] == "application/yaml");
  BOOST_TEST(a.body.find("kind: Pod\n") != std::string::npos);
  a = get("/api/v1/namespaces/default/pods/web?pretty=true");
  BOOST_TEST(a.body.substr(0, 4) == "{\n  ");
  check_status(get("/api/v1/pods", "Accept: application/cbor\r\n"), 406, "NotAcceptable");
}

BOOST_AUTO_TEST_CASE(answers_a_scale) {
  cluster.put("deployments.apps", R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{
    "name":"web","namespace":"default"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}}},
    "status":{"replicas":2}})");
  auto scale = get_json("/apis/apps/v1/namespaces/default/deployments/web/scale");
  BOOST_TEST(text_at(scale, {"kind"}) == "Scale");
  BOOST_TEST(text_at(scale, {"apiVersion"}) == "autoscaling/v1");
  BOOST_TEST(json::get_int(*json::find(scale, "spec"), "replicas") == 3);
  BOOST_TEST(json::get_int(*json::find(scale, "status"), "replicas") == 2);
  BOOST_TEST(text_at(scale, {"status", "selector"}) == "app=web");
}

BOOST_AUTO_TEST_SUITE_END()
