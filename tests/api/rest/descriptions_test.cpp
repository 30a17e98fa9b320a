#include "fixture.hpp"

using namespace thespis::test;
namespace json = thespis::api::json;

BOOST_FIXTURE_TEST_SUITE(descriptions, rest_fixture)

BOOST_AUTO_TEST_CASE(plain_discovery_names_groups_and_resources) {
  BOOST_TEST(text_at(get_json("/api"), {"kind"}) == "APIVersions");
  BOOST_TEST(text_at(get_json("/apis"), {"kind"}) == "APIGroupList");
  BOOST_TEST(text_at(get_json("/apis/apps"), {"preferredVersion", "groupVersion"}) == "apps/v1");
  auto core = get_json("/api/v1");
  BOOST_TEST(text_at(core, {"groupVersion"}) == "v1");
  bool pods = false;
  bool log = false;
  for (const auto& r : json::find(core, "resources")->GetArray()) {
    pods = pods || text_at(r, {"name"}) == "pods";
    log = log || text_at(r, {"name"}) == "pods/log";
  }
  BOOST_TEST(pods);
  BOOST_TEST(log);
  BOOST_TEST(text_at(get_json("/apis/apps/v1"), {"groupVersion"}) == "apps/v1");
  check_status(get("/apis/nope"), 404, "NotFound");
  check_status(get("/apis/apps/v7"), 404, "NotFound");
  check_status(get("/api/v2"), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(aggregated_discovery_comes_when_asked_for) {
  auto a = get("/apis", "Accept: application/json;g=apidiscovery.k8s.io;v=v2;"
                        "as=APIGroupDiscoveryList,application/json\r\n");
  BOOST_TEST(a.headers["content-type"] ==
             "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  auto doc = parse(a.body);
  BOOST_TEST(text_at(doc, {"apiVersion"}) == "apidiscovery.k8s.io/v2");
  BOOST_TEST(json::find(doc, "items")->Size() > 0u);
  auto again = get("/apis", "Accept: application/json;g=apidiscovery.k8s.io;v=v2;"
                            "as=APIGroupDiscoveryList\r\nIf-None-Match: " +
                                a.headers["etag"] + "\r\n");
  BOOST_TEST(again.status == 304);
}

BOOST_AUTO_TEST_CASE(health_tells_what_fails) {
  BOOST_TEST(get("/readyz").body == "ok");
  cluster.checks = {{"ping", ""}, {"etcd", ""}, {"poststarthook/rbac/bootstrap-roles", ""}};
  BOOST_TEST(get("/readyz?verbose").body ==
             "[+]ping ok\n[+]etcd ok\n[+]poststarthook/rbac/bootstrap-roles ok\n"
             "readyz check passed\n");
  for (const char* root : {"/healthz", "/livez", "/readyz"})
    for (const char* check : {"/ping", "/etcd", "/poststarthook/rbac/bootstrap-roles"})
      BOOST_TEST(get(std::string(root) + check).body == "ok");
  cluster.checks = {{"ping", ""}, {"etcd", "no leader"}, {"log", ""}};
  for (const char* root : {"/healthz", "/livez", "/readyz"}) {
    auto a = get(root);
    BOOST_TEST(a.status == 500);
    BOOST_TEST(a.body == "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n" +
                             std::string(root + 1) + " check failed\n");
  }
  BOOST_TEST(get("/readyz/etcd").status == 500);
  BOOST_TEST(get("/readyz/etcd").body == "internal server error: no leader\n");
  BOOST_TEST(get("/readyz?exclude=etcd").body == "ok");
  BOOST_TEST(get("/livez?verbose=1&exclude=etcd&exclude=nope").body ==
             "[+]ping ok\n[+]etcd excluded: ok\n[+]log ok\n"
             "warn: some health checks cannot be excluded: no matches for \"nope\"\n"
             "livez check passed\n");
  // What says only that requests may come is no sign of life.
  cluster.checks = {{"ping", ""}, {"informer-sync", "not started: x"}};
  BOOST_TEST(get("/readyz").status == 500);
  BOOST_TEST(get("/livez").body == "ok");
  check_status(get("/livez/informer-sync"), 404, "NotFound");
  check_status(get("/readyz/nope"), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(version_is_kubernetes_compatible) {
  auto v = get_json("/version");
  BOOST_TEST(text_at(v, {"major"}) == "1");
  BOOST_TEST(text_at(v, {"minor"}) == "34");
  BOOST_TEST(text_at(v, {"gitVersion"}).substr(0, 7) == "v1.34.0");
}

BOOST_AUTO_TEST_CASE(metrics_count_requests_and_watches) {
  get("/api/v1/pods");
  get("/api/v1/pods");
  watch_client w(*this, "/api/v1/pods?watch=true");
  BOOST_REQUIRE(becomes_true([&] { return cluster.watchers() == 1; }));
  auto a = get("/metrics");
  BOOST_TEST(a.headers["content-type"].substr(0, 10) == "text/plain");
  BOOST_TEST_CONTEXT(a.body) {
    BOOST_TEST(a.body.find("apiserver_request_total{code=\"200\",group=\"\",resource=\"pods\","
                           "subresource=\"\",verb=\"LIST\",version=\"v1\"} 2") !=
               std::string::npos);
    BOOST_TEST(a.body.find("apiserver_registered_watchers{group=\"\",resource=\"pods\"} 1") !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(openapi_documents_hang_together) {
  auto v2 = get_json("/openapi/v2");
  BOOST_TEST(text_at(v2, {"swagger"}) == "2.0");
  auto pb =
      get("/openapi/v2", "Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf\r\n");
  BOOST_TEST(pb.status == 200);
  BOOST_TEST(pb.headers["content-type"] ==
             "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  auto index = get_json("/openapi/v3");
  auto url = text_at(index, {"paths", "apis/apps/v1", "serverRelativeURL"});
  auto a = get(url);
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.headers["cache-control"].find("immutable") != std::string::npos);
  BOOST_TEST(text_at(parse(a.body), {"openapi"}) == "3.0.0");
  BOOST_TEST(get(url, "If-None-Match: " + a.headers["etag"] + "\r\n").status == 304);
  BOOST_TEST(a.headers.at("cache-control") == "public, immutable");
  BOOST_TEST(a.headers.at("expires") == "Fri, 01 Jan 2027 01:00:00 GMT");
  auto etag = a.headers.at("etag");
  BOOST_TEST(url == "/openapi/v3/apis/apps/v1?hash=" + etag.substr(1, etag.size() - 2));
  BOOST_TEST(get(url, "If-None-Match: " + etag + "\r\n").status == 304);
  auto moved = get("/openapi/v3/apis/apps/v1?hash=OLD");
  BOOST_TEST(moved.status == 301);
  BOOST_TEST(moved.headers.at("location") == url);
  auto bare = get("/openapi/v3/apis/apps/v1");
  BOOST_TEST(bare.headers.at("cache-control") == "public");
  BOOST_TEST(bare.headers.count("expires") == 0u);
  check_status(get("/openapi/v3/apis/nope/v1"), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(introspection_reaches_the_backend) {
  BOOST_TEST(get("/thespis/v1/introspect?command=info%2012").body ==
             R"({"command":"info 12","changes":false,"user":"admin"})");
}

BOOST_AUTO_TEST_CASE(the_root_lists_paths) {
  auto a = get("/");
  BOOST_TEST(a.body.find("\"/apis/apps/v1\"") != std::string::npos);
  check_status(get("/nope"), 404, "NotFound");
  check_status(request("POST", "/version", "{}"), 405, "MethodNotAllowed");
}

BOOST_AUTO_TEST_SUITE_END()
