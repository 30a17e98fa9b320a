#include "api/audit/record.hpp"
#include "api/json.hpp"
#include "config/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

using namespace thespis::api;
using namespace thespis::api::audit;

namespace {

struct audit_fixture {
  thespis::test::temporary_directory folder;
  user_info ann{"ann", "7", {"dev", "system:authenticated"}};

  std::string path() const { return folder.path() + "/audit.log"; }
  static std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream in{file};
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);)
      out.push_back(line);
    return out;
  }
  auth::access_query ask(std::string_view verb, std::string_view resource,
                         std::string_view sub = {}, std::string_view ns = "a",
                         std::string_view group = {}, std::string_view name = {}) const {
    return {ann, true, verb, group, "v1", ns, resource, sub, name, ""};
  }
  static level how(const policy& p, const auth::access_query& q) { return p.decide(q).how; }
  static policy read(std::string_view text) {
    auto p = policy::parse(text);
    BOOST_REQUIRE_MESSAGE(p, p.error().message);
    return std::move(*p);
  }
  static std::string refusal(std::string_view text) {
    auto p = policy::parse(text);
    return p ? "" : p.error().message;
  }
};

constexpr std::string_view head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(audit_, audit_fixture)

BOOST_AUTO_TEST_CASE(the_first_rule_that_matches_decides) {
  const auto p = read(std::string{head} + R"(
- {level: None, users: [system:kube-proxy], verbs: [watch]}
- {level: None, userGroups: [quiet]}
- {level: Metadata, resources: [{group: "", resources: [pods/log, pods/status]}]}
- {level: None, resources: [{group: "", resources: [configmaps], resourceNames: [leader]}]}
- {level: Request, resources: [{group: "", resources: [configmaps]}], namespaces: [kube-system]}
- {level: Request, namespaces: [""], resources: [{group: "*"}]}
- {level: Metadata, resources: [{group: apps, resources: ["deployments/*", "*/scale"]}]}
- {level: RequestResponse, resources: [{group: ""}, {group: apps}]}
- {level: Metadata, nonResourceURLs: [/api*, /exact]}
)");
  BOOST_TEST((how(p, ask("get", "pods")) == level::request_response));
  BOOST_TEST((how(p, ask("get", "pods", "log")) == level::metadata));
  BOOST_TEST((how(p, ask("get", "configmaps", "", "a", "", "leader")) == level::none));
  BOOST_TEST((how(p, ask("get", "configmaps", "", "kube-system")) == level::request));
  BOOST_TEST((how(p, ask("get", "nodes", "", "")) == level::request));
  // As Kubernetes reads it, "deployments/*" is also deployments themselves.
  BOOST_TEST((how(p, ask("get", "deployments", "", "a", "apps")) == level::metadata));
  BOOST_TEST((how(p, ask("get", "replicasets", "", "a", "apps")) == level::request_response));
  BOOST_TEST((how(p, ask("get", "deployments", "status", "a", "apps")) == level::metadata));
  BOOST_TEST((how(p, ask("get", "statefulsets", "scale", "a", "apps")) == level::metadata));
  BOOST_TEST((how(p, ask("get", "jobs", "", "a", "batch")) == level::none));
  ann.groups.push_back("quiet");
  BOOST_TEST((how(p, ask("get", "pods")) == level::none));
  ann.groups.pop_back();
  auto path = [&](std::string_view url) {
    return how(p, {ann, false, "get", "", "", "", "", "", "", url});
  };
  BOOST_TEST((path("/apis/apps") == level::metadata));
  BOOST_TEST((path("/exact") == level::metadata));
  BOOST_TEST((path("/exact/more") == level::none));
}

BOOST_AUTO_TEST_CASE(the_built_in_policy_keeps_no_secret) {
  const auto& p = policy::standard();
  for (const auto* verb : {"create", "update", "patch", "get", "list", "delete"}) {
    BOOST_TEST((how(p, ask(verb, "secrets")) == level::metadata), verb);
    BOOST_TEST((how(p, ask(verb, "configmaps")) == level::metadata), verb);
  }
  BOOST_TEST((how(p, ask("create", "serviceaccounts", "token")) == level::metadata));
  BOOST_TEST(
      (how(p, ask("create", "tokenreviews", "", "", "authentication.k8s.io")) == level::metadata));
  BOOST_TEST((how(p, ask("create", "pods")) == level::request));
  BOOST_TEST((how(p, ask("list", "pods")) == level::metadata));
  BOOST_TEST((how(p, ask("update", "leases", "", "a", "coordination.k8s.io")) == level::none));
  BOOST_TEST(
      (p.decide({ann, false, "get", "", "", "", "", "", "", "/healthz"}).how == level::none));
}

BOOST_AUTO_TEST_CASE(says_what_a_policy_cannot_mean) {
  const std::string h{head};
  BOOST_TEST(refusal("kind: Policy").find("audit.k8s.io/v1") != std::string::npos);
  BOOST_TEST(refusal("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []") ==
             "audit policy: rules: must have at least one rule");
  BOOST_TEST(
      refusal(h + "- {level: Loud}") ==
      "audit policy: rules[0].level: must be None, Metadata, Request or RequestResponse, not "
      "\"Loud\"");
  BOOST_TEST(refusal(h + "- {level: None, user: [a]}") ==
             "audit policy: rules[0].user: unknown field");
  BOOST_TEST(refusal(h + "- {level: None, users: a}") ==
             "audit policy: rules[0].users: must be a list");
  BOOST_TEST(
      refusal(h + "- {level: None, nonResourceURLs: [/a*b]}") ==
      "audit policy: rules[0].nonResourceURLs: \"/a*b\": non-resource URL wildcards '*' must "
      "be the final character");
  BOOST_TEST(refusal(h + "- {level: None, namespaces: [a], nonResourceURLs: [/a]}") ==
             "audit policy: rules[0].nonResourceURLs: rules cannot apply to both regular resources "
             "and non-resource URLs");
  BOOST_TEST(refusal(h + "- {level: None, omitStages: [Never]}") ==
             "audit policy: rules[0].omitStages: unknown stage \"Never\"");
  BOOST_TEST(refusal(h + "- {level: None, resources: [{group: '', resourceNames: [a]}]}") ==
             "audit policy: rules[0].resources[0].resourceNames: using resourceNames requires at "
             "least one resource");
  BOOST_TEST(!refusal("{").empty());
}

BOOST_AUTO_TEST_CASE(an_event_tells_who_did_what_and_how_it_went) {
  auto log = *log::open({path()});
  auto to = std::make_shared<sink>();
  to->to = log;
  to->now = [] { return time_point{std::chrono::hours{24 * 20'000}}; };
  decision d;
  d.how = level::request_response;
  d.omitted = 1; // RequestReceived
  d.omit_managed_fields = true;
  record r{to, d};
  r.id = "id-1";
  r.uri = "/api/v1/namespaces/a/pods?x=\"";
  r.verb = "create";
  r.user = ann;
  r.addresses = {"10.0.0.7"};
  r.object_ref = R"({"resource":"pods","namespace":"a"})";
  r.received = to->now();
  r.annotations = {{"authorization.k8s.io/decision", "allow"}};
  r.tell(stage::request_received, 0);
  r.set_request(R"({"metadata":{"name":"p","managedFields":[1]},"spec":{"a":1}})");
  r.tell(stage::response_complete, 201, R"({"items":[{"metadata":{"managedFields":[2]}}]})");
  r.tell(stage::response_complete, 500); // once is enough
  log->flush();
  const auto lines = lines_of(path());
  BOOST_REQUIRE_EQUAL(lines.size(), 1u);
  BOOST_TEST(
      lines[0] ==
      R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":)"
      R"("id-1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/a/pods?x=\"",)"
      R"("verb":"create","user":{"username":"ann","uid":"7","groups":["dev",)"
      R"("system:authenticated"]},"sourceIPs":["10.0.0.7"],"objectRef":{"resource":"pods",)"
      R"("namespace":"a"},"responseStatus":{"metadata":{},"code":201},"requestObject":)"
      R"({"metadata":{"name":"p"},"spec":{"a":1}},"responseObject":{"items":[{"metadata":{}}]},)"
      R"("requestReceivedTimestamp":"2024-10-04T00:00:00.000000Z","stageTimestamp":)"
      R"("2024-10-04T00:00:00.000000Z","annotations":{"authorization.k8s.io/decision":"allow"}})");
  struct stat s {};
  BOOST_TEST(::stat(path().c_str(), &s) == 0);
  BOOST_TEST((s.st_mode & 0777) == 0600u);
}

BOOST_AUTO_TEST_CASE(bodies_that_are_no_json_are_kept_as_text) {
  auto log = *log::open({path()});
  auto to = std::make_shared<sink>();
  to->to = log;
  to->now = [] { return time_point{}; };
  decision d;
  d.how = level::request;
  record r{to, d};
  r.set_request("\"}{,");
  r.tell(stage::response_complete, 400,
         R"({"kind":"Status","status":"Failure","message":"m","reason":"BadRequest","code":400})");
  log->flush();
  const auto doc = json::parse(lines_of(path()).at(0));
  BOOST_REQUIRE(doc);
  BOOST_TEST(json::get_string(*doc, "requestObject") == "\"}{,");
  BOOST_TEST(json::get_string(*json::find(*doc, "responseStatus"), "reason") == "BadRequest");
}

BOOST_AUTO_TEST_CASE(files_are_put_aside_and_the_oldest_go) {
  auto log = *log::open({path(), 1000, 3});
  for (int i = 0; i < 100; ++i) {
    log->write("{\"n\":" + std::to_string(i) + ",\"pad\":\"" + std::string(100, 'x') + "\"}");
    log->flush();
  }
  size_t files = 0, lines = 0;
  for (const auto& e : std::filesystem::directory_iterator(folder.path())) {
    ++files;
    BOOST_TEST(std::filesystem::file_size(e) <= 1000u);
    for (const auto& line : lines_of(e.path())) {
      ++lines;
      BOOST_TEST(json::parse(line).has_value());
    }
  }
  BOOST_TEST(files == 4u);
  BOOST_TEST(lines >= 24u);
  BOOST_TEST(lines_of(path()).back().find("\"n\":99,") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_lost_under_pressure_is_told_of) {
  uint64_t lost = 0;
  {
    auto log = *log::open({path(), 100 << 20, 3, 10'000});
    const std::string line = "{\"pad\":\"" + std::string(1000, 'x') + "\"}";
    for (int i = 0; i < 20'000; ++i)
      log->write(line);
    log->flush();
    const auto n = log->numbers();
    BOOST_TEST(n.events == 20'000u);
    BOOST_TEST(n.failed == 0u);
    BOOST_TEST(n.batches < 20'000u);
    lost = n.lost;
    // One that is larger than all the room there is, so that something is lost in any case.
    log->write(std::string(20'000, 'x'));
    ++lost;
  }
  uint64_t told = 0, kept = 0;
  for (const auto& text : lines_of(path())) {
    const auto doc = json::parse(text);
    BOOST_REQUIRE(doc);
    const auto* notes = json::find(*doc, "annotations");
    if (notes == nullptr)
      ++kept;
    else
      told += std::stoull(std::string{json::get_string(*notes, "audit.thespis.dev/lost-events")});
  }
  BOOST_TEST(told == lost);
  BOOST_TEST(kept + told == 20'001u);
}

BOOST_AUTO_TEST_CASE(a_log_is_no_link_to_somewhere_else) {
  std::filesystem::create_symlink("/tmp/elsewhere-" + std::to_string(::getpid()), path());
  BOOST_TEST(!log::open({path()}));
}

BOOST_AUTO_TEST_SUITE_END()
