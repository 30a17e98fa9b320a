#include "api/rest/request_target.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api::rest;

BOOST_AUTO_TEST_SUITE(request_target_)

namespace {

request_target read(std::string_view method, std::string_view target) {
  auto t = read_target(method, target);
  BOOST_REQUIRE(t);
  return *t;
}

} // namespace

BOOST_AUTO_TEST_CASE(reads_a_namespaced_object) {
  auto t = read("GET", "/api/v1/namespaces/default/pods/web");
  BOOST_TEST(t.is_resource);
  BOOST_TEST(t.verb == "get");
  BOOST_TEST(t.group.empty());
  BOOST_TEST(t.version == "v1");
  BOOST_TEST(t.ns == "default");
  BOOST_TEST(t.resource == "pods");
  BOOST_TEST(t.name == "web");
  BOOST_TEST(t.subresource.empty());
}

BOOST_AUTO_TEST_CASE(reads_group_and_subresource) {
  auto t = read("PUT", "/apis/apps/v1/namespaces/a/deployments/b/scale");
  BOOST_TEST(t.group == "apps");
  BOOST_TEST(t.resource == "deployments");
  BOOST_TEST(t.subresource == "scale");
  BOOST_TEST(t.verb == "update");
}

BOOST_AUTO_TEST_CASE(takes_a_namespace_for_a_resource_of_its_own) {
  auto t = read("GET", "/api/v1/namespaces/a");
  BOOST_TEST(t.resource == "namespaces");
  BOOST_TEST(t.name == "a");
  t = read("PUT", "/api/v1/namespaces/a/finalize");
  BOOST_TEST(t.resource == "namespaces");
  BOOST_TEST(t.subresource == "finalize");
  t = read("GET", "/api/v1/namespaces/a/status");
  BOOST_TEST(t.subresource == "status");
}

BOOST_AUTO_TEST_CASE(tells_list_watch_and_collections) {
  BOOST_TEST(read("GET", "/api/v1/pods").verb == "list");
  BOOST_TEST(read("GET", "/api/v1/pods?watch=true").verb == "watch");
  BOOST_TEST(read("GET", "/api/v1/pods?watch=1").verb == "watch");
  BOOST_TEST(read("GET", "/api/v1/pods?watch=false").verb == "list");
  BOOST_TEST(read("DELETE", "/api/v1/namespaces/a/pods").verb == "deletecollection");
  BOOST_TEST(read("DELETE", "/api/v1/namespaces/a/pods/b").verb == "delete");
  BOOST_TEST(read("POST", "/api/v1/namespaces/a/pods").verb == "create");
}

BOOST_AUTO_TEST_CASE(reads_legacy_watch_paths) {
  auto t = read("GET", "/api/v1/watch/namespaces/a/pods/b");
  BOOST_TEST(t.verb == "watch");
  BOOST_TEST(t.ns == "a");
  BOOST_TEST(t.resource == "pods");
  BOOST_TEST(t.name == "b");
}

BOOST_AUTO_TEST_CASE(takes_discovery_for_a_plain_path) {
  BOOST_TEST(!read("GET", "/api/v1").is_resource);
  BOOST_TEST(!read("GET", "/apis/apps/v1").is_resource);
  BOOST_TEST(!read("GET", "/healthz").is_resource);
  BOOST_TEST(read("GET", "/healthz").verb == "get");
}

BOOST_AUTO_TEST_CASE(decodes_segments_and_parameters) {
  auto t = read("GET", "/api/v1/namespaces/a/pods/x%2Fy?labelSelector=app%3Dweb%2Ctier&x=a+b");
  BOOST_TEST(t.name == "x/y");
  BOOST_TEST(t.subresource.empty());
  BOOST_TEST(t.query.get("labelSelector") == "app=web,tier");
  BOOST_TEST(t.query.get("x") == "a b");
}

BOOST_AUTO_TEST_CASE(names_the_object_that_a_field_selector_names) {
  BOOST_TEST(read("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dweb").name == "web");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_target) {
  for (std::string_view bad : {"", "http://x/", "*", "/api/v1/pods/%", "/api/v1/pods/%zz",
                               "/api/v1/pods/%00", "/api/v1/pods/%ff%fe", "/x?a=%"})
    BOOST_TEST(!read_target("GET", bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(refuses_a_flood_of_parameters) {
  std::string target = "/api/v1/pods?";
  for (int i = 0; i < 2000; ++i)
    target += "a=b&";
  BOOST_TEST(!read_target("GET", target).has_value());
}

BOOST_AUTO_TEST_CASE(reads_numbers_strictly) {
  auto t = read("GET", "/api/v1/pods?limit=5&bad=5x&empty=");
  BOOST_TEST(**t.query.integer("limit") == 5);
  BOOST_TEST(!t.query.integer("bad").has_value());
  BOOST_TEST(!t.query.integer("empty")->has_value());
  BOOST_TEST(!t.query.integer("absent")->has_value());
}

BOOST_AUTO_TEST_SUITE_END()
