// Calls that come as messages, in the audit log.
#include "api/audit/calls.hpp"

#include "api/object/object.hpp"
#include "config/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

using namespace thespis::api;

namespace {

struct audited {
  explicit audited(const std::string& rules = "- {level: RequestResponse}") {
    auto s = std::make_shared<audit::sink>();
    s->to = *audit::log::open({path()});
    s->rules = *audit::policy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: "
                                     "[RequestReceived]\nrules:\n" +
                                     rules);
    s->now = [] { return time_point{}; };
    s->new_id = [] { return "id"; };
    log = s->to;
    auditor = std::make_unique<audit::call_auditor>(s, schema::registry::builtin());
  }
  std::string path() const { return folder / "audit.log"; }
  std::vector<json::document> events() {
    log->flush();
    std::vector<json::document> out;
    std::ifstream in{path()};
    for (std::string line; std::getline(in, line);)
      out.push_back(std::move(*json::parse(line)));
    return out;
  }
  static call status_of_pod(const std::string& user) {
    call c;
    c.verb = verb::patch;
    c.resource = "pods";
    c.ns = "default";
    c.name = "web";
    c.subresource = "status";
    c.body = R"({"status":{"phase":"Running"}})";
    c.user = {user, "", {"system:nodes"}};
    return c;
  }
  static std::string text(const json::value& v, std::initializer_list<std::string_view> at) {
    const auto* found = json::at(v, at);
    return found == nullptr ? "" : std::string{json::as_string(*found)};
  }

  thespis::test::temporary_directory folder;
  std::shared_ptr<audit::log> log;
  std::unique_ptr<audit::call_auditor> auditor;
};

} // namespace

BOOST_AUTO_TEST_SUITE(audited_calls)

BOOST_AUTO_TEST_CASE(say_who_did_what_as_a_request_would) {
  audited a;
  a.auditor->arrived("system:node:n1", "192.0.2.7");
  reply done;
  done.ok = true;
  done.body = R"({"kind":"Pod"})";
  a.auditor->end(a.auditor->begin(audited::status_of_pod("system:node:n1")), done);
  const auto events = a.events();
  BOOST_REQUIRE(events.size() == 1u);
  const auto& e = events.front();
  BOOST_TEST(audited::text(e, {"user", "username"}) == "system:node:n1");
  BOOST_TEST(audited::text(e, {"verb"}) == "patch");
  BOOST_TEST(audited::text(e, {"requestURI"}) == "/api/v1/namespaces/default/pods/web/status");
  BOOST_TEST(audited::text(e, {"stage"}) == "ResponseComplete");
  BOOST_TEST(audited::text(e, {"objectRef", "subresource"}) == "status");
  BOOST_TEST(audited::text(e, {"objectRef", "apiVersion"}) == "v1");
  BOOST_TEST(audited::text(e, {"requestObject", "status", "phase"}) == "Running");
  BOOST_TEST(audited::text(e, {"responseObject", "kind"}) == "Pod");
  BOOST_TEST(json::at(e, {"responseStatus", "code"})->GetInt() == 200);
  BOOST_TEST(json::as_string((*json::at(e, {"sourceIPs"}))[0]) == "192.0.2.7");
  BOOST_TEST(audited::text(e, {"annotations", "authorization.k8s.io/decision"}) == "allow");
}

BOOST_AUTO_TEST_CASE(say_what_was_refused) {
  audited a;
  auto c = audited::status_of_pod("system:node:n2");
  c.resource = "leases.coordination.k8s.io";
  reply refused;
  refused.failure = forbidden("leases.coordination.k8s.io", "web", "no");
  a.auditor->end(a.auditor->begin(c), refused);
  const error why = forbidden("secrets", "s", "no");
  selection what;
  what.ns = "default";
  what.name = "s";
  a.auditor->watched(c.user, "secrets", what, &why);
  a.auditor->watched(c.user, "secrets", what, nullptr);
  const auto events = a.events();
  BOOST_REQUIRE(events.size() == 3u);
  BOOST_TEST(audited::text(events[0], {"requestURI"}) ==
             "/apis/coordination.k8s.io/v1/namespaces/default/leases/web/status");
  BOOST_TEST(json::at(events[0], {"responseStatus", "code"})->GetInt() == 403);
  BOOST_TEST(audited::text(events[0], {"annotations", "authorization.k8s.io/decision"}) ==
             "forbid");
  BOOST_TEST(json::find(events[0], "sourceIPs") == nullptr);
  BOOST_TEST(audited::text(events[1], {"verb"}) == "watch");
  BOOST_TEST(json::at(events[1], {"responseStatus", "code"})->GetInt() == 403);
  BOOST_TEST(audited::text(events[2], {"stage"}) == "ResponseStarted");
}

BOOST_AUTO_TEST_CASE(are_kept_at_the_level_of_the_policy) {
  audited a{"- {level: None, users: ['system:node:n1']}\n- {level: Metadata}"};
  BOOST_TEST(a.auditor->begin(audited::status_of_pod("system:node:n1")) == nullptr);
  reply done;
  done.ok = true;
  a.auditor->end(nullptr, done);
  a.auditor->end(a.auditor->begin(audited::status_of_pod("system:node:n2")), done);
  const auto events = a.events();
  BOOST_REQUIRE(events.size() == 1u);
  BOOST_TEST(json::find(events[0], "requestObject") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
