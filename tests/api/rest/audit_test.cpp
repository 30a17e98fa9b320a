#include "api/audit/record.hpp"
#include "config/temporary_directory.hpp"
#include "fixture.hpp"

#include <fstream>

using namespace thespis::test;
namespace api = thespis::api;
namespace json = thespis::api::json;

namespace {

struct audited_fixture {
  temporary_directory folder;
  std::shared_ptr<api::audit::log> log = *api::audit::log::open({folder / "audit.log"});
  rest_fixture f{options()};

  api::rest::server_options options() {
    auto sink = std::make_shared<api::audit::sink>();
    sink->to = log;
    sink->now = [] { return api::time_point{std::chrono::hours{24 * 20'000}}; };
    sink->new_id = [] { return "made-id"; };
    api::rest::server_options o;
    o.audit = sink;
    return o;
  }

  std::string text() {
    log->flush();
    std::ifstream in{folder / "audit.log"};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  /// The only event of that URI and stage.
  json::document event(std::string_view uri, std::string_view stage = "ResponseComplete") {
    std::istringstream lines{text()};
    json::document found;
    int n = 0;
    for (std::string line; std::getline(lines, line);) {
      auto doc = parse(line);
      if (json::get_string(doc, "requestURI") == uri && json::get_string(doc, "stage") == stage) {
        ++n;
        found = std::move(doc);
      }
    }
    BOOST_REQUIRE_MESSAGE(n == 1, n << " events about " << uri << " in " << text());
    return found;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(audit_trail, audited_fixture)

BOOST_AUTO_TEST_CASE(a_write_is_told_with_its_body) {
  const std::string uri = "/api/v1/namespaces/default/services";
  f.request("POST", uri,
            R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"s"},)"
            R"("spec":{"ports":[{"port":80}]}})",
            "Audit-ID: from-client\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n");
  const auto e = event(uri);
  BOOST_TEST(text_at(e, {"level"}) == "Request");
  BOOST_TEST(text_at(e, {"auditID"}) == "from-client");
  BOOST_TEST(text_at(e, {"verb"}) == "create");
  BOOST_TEST(text_at(e, {"user", "username"}) == "admin");
  BOOST_TEST(text_at(e, {"userAgent"}) == "tester/1.0");
  BOOST_TEST(text_at(e, {"objectRef", "namespace"}) == "default");
  BOOST_TEST(text_at(e, {"requestObject", "metadata", "name"}) == "s");
  BOOST_TEST(text_at(e, {"annotations", "authorization.k8s.io/decision"}) == "allow");
  BOOST_TEST(json::to_string(*json::find(e, "sourceIPs")) ==
             R"(["192.0.2.1","192.0.2.2","127.0.0.1"])");
}

BOOST_AUTO_TEST_CASE(no_secret_gets_into_the_log) {
  const std::string uri = "/api/v1/namespaces/default/secrets";
  const std::string body = R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},)"
                           R"("stringData":{"a":"canary-value"}})";
  BOOST_TEST(f.request("POST", uri, body).status == 201);
  f.request("PATCH", uri + "/s", R"({"stringData":{"a":"canary-again"}})",
            "Content-Type: application/merge-patch+json\r\n");
  f.get(uri);
  f.request("GET", "/api/v1/pods", {}, {}, "canary-token");
  f.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews",
            R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":)"
            R"("canary-token"}})");
  const auto all = text();
  BOOST_TEST(all.find("canary") == std::string::npos, all);
  BOOST_TEST(all.find("Y2FuYXJ5") == std::string::npos); // base64 of "canary"
  BOOST_TEST(all.find("tokenreviews") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(refusals_are_told_with_their_reason) {
  f.request("GET", "/api/v1/nodes", {}, {}, "joe-token");
  auto e = event("/api/v1/nodes");
  BOOST_TEST(text_at(e, {"user", "username"}) == "joe");
  BOOST_TEST(text_at(e, {"responseStatus", "reason"}) == "Forbidden");
  BOOST_TEST(text_at(e, {"annotations", "authorization.k8s.io/decision"}) == "forbid");
  f.request("GET", "/api/v1/pods", {}, {}, "wrong");
  e = event("/api/v1/pods", "ResponseStarted");
  BOOST_TEST(text_at(e, {"responseStatus", "reason"}) == "Unauthorized");
  BOOST_TEST(text_at(e, {"user", "username"}) == "");
}

BOOST_AUTO_TEST_CASE(who_plays_another_is_named) {
  f.request("GET", "/api/v1/services", {}, "Impersonate-User: ann\r\nImpersonate-Group: dev\r\n");
  const auto e = event("/api/v1/services");
  BOOST_TEST(text_at(e, {"user", "username"}) == "admin");
  BOOST_TEST(text_at(e, {"impersonatedUser", "username"}) == "ann");
}

BOOST_AUTO_TEST_CASE(a_watch_is_told_when_it_begins_and_when_it_ends) {
  const std::string uri = "/api/v1/pods?watch=true&timeoutSeconds=1";
  watch_client w{f, uri};
  event(uri, "ResponseStarted");
  BOOST_TEST(w.ended());
  BOOST_TEST(becomes_true([&] { return text().find("ResponseComplete") != std::string::npos; }));
  event(uri);
}

BOOST_AUTO_TEST_SUITE_END()
