#include "fixture.hpp"

using namespace thespis::test;
namespace api = thespis::api;
namespace test = thespis::test;

BOOST_FIXTURE_TEST_SUITE(access_, rest_fixture)

BOOST_AUTO_TEST_CASE(strangers_are_asked_who_they_are) {
  check_status(request("GET", "/api/v1/pods", {}, {}, ""), 401, "Unauthorized", "Unauthorized");
  check_status(request("GET", "/api", {}, {}, ""), 401, "Unauthorized");
  check_status(request("GET", "/api/v1/pods", {}, {}, "wrong"), 401, "Unauthorized");
  check_status(request("GET", "/healthz", {}, {}, "wrong"), 401, "Unauthorized");
  check_status(request("GET", "/api/v1/pods", {}, "Authorization: Basic YTpi\r\n", ""), 401,
               "Unauthorized");
}

BOOST_AUTO_TEST_CASE(health_and_version_are_for_anyone) {
  for (std::string_view path : {"/healthz", "/livez", "/readyz", "/version"})
    BOOST_TEST(request("GET", path, {}, {}, "").status == 200, path);
  check_status(request("GET", "/metrics", {}, {}, ""), 401, "Unauthorized");
}

BOOST_AUTO_TEST_CASE(others_are_refused_in_kubernetes_words) {
  auto as_joe = [&](std::string_view method, std::string_view path) {
    return request(method, path, {}, {}, "joe-token");
  };
  check_status(as_joe("GET", "/api/v1/namespaces/default/pods"), 403, "Forbidden",
               "pods is forbidden: User \"joe\" cannot list resource \"pods\" in API group \"\" in "
               "the namespace \"default\"");
  check_status(as_joe("GET", "/apis/apps/v1/namespaces/a/deployments/web/scale"), 403, "Forbidden",
               "deployments.apps \"web\" is forbidden: User \"joe\" cannot get resource "
               "\"deployments/scale\" in API group \"apps\" in the namespace \"a\"");
  check_status(
      as_joe("GET", "/api/v1/nodes"), 403, "Forbidden",
      "nodes is forbidden: User \"joe\" cannot list resource \"nodes\" in API group \"\" at "
      "the cluster scope");
  check_status(as_joe("GET", "/metrics"), 403, "Forbidden",
               "forbidden: User \"joe\" cannot get path \"/metrics\"");
  check_status(as_joe("GET", "/thespis/v1/introspect?command=ps"), 403, "Forbidden");
  BOOST_TEST(as_joe("GET", "/apis").status == 200);
}

BOOST_AUTO_TEST_CASE(a_shell_is_no_read) {
  check_status(request("GET", "/api/v1/namespaces/a/pods/p/exec?command=sh", {}, {}, "joe-token"),
               403, "Forbidden",
               "pods \"p\" is forbidden: User \"joe\" cannot create resource \"pods/exec\" in API "
               "group \"\" in the namespace \"a\"");
}

BOOST_AUTO_TEST_CASE(a_browser_shows_its_token_as_a_subprotocol) {
  auto open = [&](std::string_view token) {
    return request("GET", "/api/v1/namespaces/a/pods/none/exec?command=sh", {},
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: "
                   "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io." +
                       std::string(token) + "\r\n",
                   "");
  };
  check_status(open("YWRtaW4tdG9rZW4"), 404, "NotFound"); // admin-token
  check_status(open("d3Jvbmc"), 401, "Unauthorized");
  check_status(open("!"), 401, "Unauthorized");
}

BOOST_AUTO_TEST_CASE(nobody_plays_another_without_the_right_to) {
  auto as = [&](std::string_view token, std::string_view headers) {
    return request("GET", "/api/v1/namespaces/default/pods", {}, headers, token);
  };
  check_status(as("joe-token", "Impersonate-User: root\r\n"), 403, "Forbidden",
               "users \"root\" is forbidden: User \"joe\" cannot impersonate resource \"users\" in "
               "API group \"\" at the cluster scope");
  check_status(as("joe-token", "impersonate-user: system:serviceaccount:a:b\r\n"), 403, "Forbidden",
               "serviceaccounts \"b\" is forbidden: User \"joe\" cannot impersonate resource "
               "\"serviceaccounts\" in API group \"\" in the namespace \"a\"");
  check_status(as("joe-token", "impersonate-group: system:masters\r\n"), 500, "InternalError");
  // An administrator may, and has no more rights than the one they play.
  check_status(as("admin-token", "Impersonate-User: joe\r\n"), 403, "Forbidden",
               "pods is forbidden: User \"joe\" cannot list resource \"pods\" in API group \"\" in "
               "the namespace \"default\"");
  BOOST_TEST(
      as("admin-token", "Impersonate-User: x\r\nImpersonate-Group: system:masters\r\n").status ==
      200);
}

BOOST_AUTO_TEST_CASE(who_plays_another_is_the_other) {
  auto who = [&](std::string_view headers) {
    auto a =
        request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                R"({"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"})", headers);
    auto doc = parse(a.body);
    const auto* info = api::json::at(doc, {"status", "userInfo"});
    return info ? api::json::to_string(*info) : a.body;
  };
  BOOST_TEST(who("Impersonate-User: ann\r\nImpersonate-Uid: 7\r\nImpersonate-Group: a\r\n"
                 "Impersonate-Group: b\r\nImpersonate-Extra-Acme.com%2fScope: x\r\n") ==
             R"({"username":"ann","uid":"7","groups":["a","b","system:authenticated"],)"
             R"("extra":{"acme.com/scope":["x"]}})");
  BOOST_TEST(who("Impersonate-User: system:serviceaccount:a:b\r\n") ==
             R"({"username":"system:serviceaccount:a:b","groups":["system:serviceaccounts",)"
             R"("system:serviceaccounts:a","system:authenticated"]})");
}

BOOST_AUTO_TEST_CASE(client_certificates_name_user_and_groups) {
  const auto& pki = shared_pki();
  api::rest::server_options o;
  o.transport = pki.options();
  o.now = [] { return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}; };
  auto secure = api::rest::server::start(cluster, api::schema::registry::builtin(), o);
  BOOST_REQUIRE(secure);
  auto ask = [&](const key_pair* identity) {
    client c((*secure)->port(), pki.ca.certificate, identity);
    return test::get(c, "/api/v1/namespaces/default/pods");
  };
  auto admin = make_leaf(pki.ca, "kubernetes-admin", {"system:masters"});
  auto joe = make_leaf(pki.ca, "joe", {"people"});
  auto stranger = make_leaf(make_ca("other"), "kubernetes-admin", {"system:masters"});
  BOOST_TEST(ask(&admin).status == 200);
  check_status(ask(&joe), 403, "Forbidden");
  check_status(ask(nullptr), 401, "Unauthorized");
  check_status(ask(&stranger), 401, "Unauthorized");
}

BOOST_AUTO_TEST_CASE(anyone_known_may_ask_what_they_may) {
  auto ask = [&](std::string_view token, std::string_view verb) {
    auto a = request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                     R"({"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1",
                       "spec":{"resourceAttributes":{"resource":"pods","verb":")" +
                         std::string(verb) + R"("}}})",
                     {}, token);
    BOOST_TEST_CONTEXT(a.body) {
      BOOST_REQUIRE_EQUAL(a.status, 201);
    }
    return api::json::get_bool(*api::json::find(parse(a.body), "status"), "allowed");
  };
  BOOST_TEST(ask("admin-token", "delete"));
  BOOST_TEST(!ask("joe-token", "delete"));
  auto who = request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                     R"({"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"})", {},
                     "joe-token");
  BOOST_TEST(text_at(parse(who.body), {"status", "userInfo", "username"}) == "joe");
  check_status(
      request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "{}", {}, "joe-token"),
      403, "Forbidden");
  check_status(request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}"), 422,
               "Invalid",
               "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: "
               "spec.resourceAttributes: Required value: exactly one of nonResourceAttributes or "
               "resourceAttributes must be specified");
}

BOOST_AUTO_TEST_CASE(reviews_answer_for_others) {
  auto ask = [&](std::string_view body, std::string_view ns = {}) {
    std::string path = "/apis/authorization.k8s.io/v1/";
    path += ns.empty() ? "subjectaccessreviews"
                       : "namespaces/" + std::string(ns) + "/localsubjectaccessreviews";
    return request("POST", path, body);
  };
  auto a = ask(R"({"spec":{"user":"x","groups":["system:authenticated"],
                 "nonResourceAttributes":{"path":"/apis","verb":"get"}}})");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(text_at(parse(a.body), {"status", "reason"}) ==
             "RBAC: allowed by ClusterRoleBinding \"system:discovery\" of ClusterRole "
             "\"system:discovery\" to Group \"system:authenticated\"");
  check_status(ask(R"({"spec":{"resourceAttributes":{"verb":"get"}}})"), 422, "Invalid",
               "SubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.user: Required "
               "value: at least one of user or group must be specified");
  check_status(
      ask(R"({"spec":{"user":"x","resourceAttributes":{"verb":"get","namespace":"b"}}})", "a"), 422,
      "Invalid",
      "LocalSubjectAccessReview.authorization.k8s.io \"\" is invalid: "
      "spec.resourceAttributes.namespace: Invalid value: \"b\": must match "
      "metadata.namespace");
  check_status(ask(R"({"spec":{"user":7}})"), 400, "BadRequest");
}

BOOST_AUTO_TEST_CASE(rules_are_listed) {
  auto a = request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                   R"({"spec":{"namespace":"default"}})", {}, "joe-token");
  BOOST_TEST(a.status == 201);
  auto doc = parse(a.body);
  const auto* rules = api::json::at(doc, {"status", "resourceRules"});
  BOOST_REQUIRE(rules);
  BOOST_TEST(api::json::to_string(*rules) ==
             R"([{"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":)"
             R"(["selfsubjectaccessreviews","selfsubjectrulesreviews"]},{"verbs":["create"],)"
             R"("apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"]}])");
  BOOST_TEST(!api::json::get_bool(*api::json::find(doc, "status"), "incomplete", true));
}

BOOST_AUTO_TEST_SUITE_END()
