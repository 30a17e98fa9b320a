#include "fixture.hpp"

using namespace thespis::test;

BOOST_FIXTURE_TEST_SUITE(hostile, rest_fixture)

BOOST_AUTO_TEST_CASE(crooked_paths_get_a_status) {
  for (std::string_view path :
       {"/api/v1/namespaces/%", "/api/v1/namespaces/default/pods/%zz", "/api/v1/pods?a=%f",
        "/api/v1/namespaces/default/pods/%00", "/api/v1/pods/%ff"})
    check_status(get(path), 400, "BadRequest");
  for (std::string_view path :
       {"/api/v1//pods", "/api/v1/namespaces/default/pods/..%2f..%2fsecrets", "/api/v1/nope",
        "/apis/nope/v1/pods", "/api/v1/namespaces/default/pods/a/log/b/c", "/%2e%2e/etc",
        "/api/v1/namespaces/default/pods/a/status/more", "/api/v1/watch", "/api/v1/watch/nope"})
    check_status(get(path), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(bodies_of_the_wrong_kind_get_a_status) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  check_status(request("POST", path, "{"), 400, "BadRequest");
  check_status(request("POST", path, ""), 400, "BadRequest");
  check_status(request("POST", path, "[]"), 400, "BadRequest");
  check_status(request("POST", path, "\xff\xfe"), 400, "BadRequest");
  check_status(request("POST", path, std::string(1000, '[')), 400, "BadRequest");
  check_status(request("POST", path, R"({"kind":"Pod","apiVersion":"v1"})"), 400, "BadRequest");
  check_status(request("POST", path, "a: *x", "Content-Type: application/yaml\r\n"), 400,
               "BadRequest");
  check_status(request("POST", path, "{}", "Content-Type: text/html\r\n"), 415,
               "UnsupportedMediaType");
}

BOOST_AUTO_TEST_CASE(huge_selectors_are_refused) {
  std::string terms;
  for (int i = 0; i < 900; ++i)
    terms += "a" + std::to_string(i) + ",";
  BOOST_TEST(get("/api/v1/pods?labelSelector=" + terms + "z").status == 200);
  // Beyond the transport's limit on heads.
  auto a = get("/api/v1/pods?labelSelector=" + std::string(64 * 1024, 'a'));
  BOOST_TEST((a.status == 431 || a.status == 414 || a.status == 400));
}

BOOST_AUTO_TEST_CASE(hostile_protobuf_is_refused) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  const std::string type = "Content-Type: application/vnd.kubernetes.protobuf\r\n";
  const std::string magic("k8s\0", 4);
  for (const auto& body :
       {std::string("x"), magic, magic + "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        magic + "\x0a\x00", magic + std::string(100, '\xff')})
    check_status(request("POST", path, body, type), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(methods_beyond_the_api_are_refused) {
  for (std::string_view method : {"OPTIONS", "TRACE", "PROPFIND"}) {
    auto a = request(method, "/api/v1/pods");
    BOOST_TEST((a.status == 405 || a.status == 400 || a.status == 501), method << a.status);
    BOOST_TEST(a.body.find("admin-token") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_backend_that_fails_is_answered_for) {
  // It drops the callback: the client gets an error, not an endless wait.
  cluster.silent = true;
  check_status(request("POST", "/api/v1/namespaces/default/configmaps", "{}"), 500,
               "InternalError");
}

BOOST_AUTO_TEST_SUITE_END()
