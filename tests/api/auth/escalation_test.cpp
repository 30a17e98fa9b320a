// Nobody grants rights that they do not hold; and what every cluster starts with.
#include "api/auth/default_policy.hpp"
#include "api/auth/policy.hpp"
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using testing::cluster;

namespace {

constexpr std::string_view roles = "roles.rbac.authorization.k8s.io";
constexpr std::string_view cluster_roles = "clusterroles.rbac.authorization.k8s.io";
constexpr std::string_view bindings = "rolebindings.rbac.authorization.k8s.io";

/// Ann may read pods in `default` and write roles and bindings there.
struct grants {
  grants() : access(std::make_shared<auth::policy>()), c({}, nullptr, access) {
    admin("clusterroles", "",
          R"({"metadata":{"name":"ann"},"rules":[
            {"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]},
            {"verbs":["create","update"],"apiGroups":["rbac.authorization.k8s.io"],
             "resources":["roles","rolebindings","clusterroles"]}]})");
    admin("clusterroles", "",
          R"({"metadata":{"name":"reader"},"rules":[
            {"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]})");
    admin("clusterroles", "",
          R"({"metadata":{"name":"binder"},"rules":[
            {"verbs":["bind"],"apiGroups":["rbac.authorization.k8s.io"],
             "resources":["clusterroles"],"resourceNames":["root"]}]})");
    admin("clusterroles", "",
          R"({"metadata":{"name":"root"},"rules":[
            {"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})");
    bind("ann", "ann");
  }

  void bind(std::string_view user, std::string_view role) {
    admin("rolebindings", "default",
          R"({"metadata":{"name":")" + std::string(user) + "-" + std::string(role) +
              R"("},"roleRef":{"kind":"ClusterRole","name":")" + std::string(role) +
              R"("},"subjects":[{"kind":"User","name":")" + std::string(user) + R"("}]})");
    access->rebuild(*c.state);
  }

  reply admin(std::string_view resource, std::string_view ns, std::string body) {
    auto r = send("admin", {"system:masters"}, verb::create,
                  std::string(resource) + ".rbac.authorization.k8s.io", ns, "", std::move(body));
    BOOST_REQUIRE_MESSAGE(r.ok, r.failure.message);
    return r;
  }

  reply send(std::string user, std::vector<std::string> groups, verb v, std::string_view resource,
             std::string_view ns, std::string_view name, std::string body) {
    call request;
    request.verb = v;
    request.resource = resource;
    request.ns = ns;
    request.name = name;
    request.body = std::move(body);
    request.user = {std::move(user), "", std::move(groups)};
    return c.send(request);
  }

  reply as_ann(verb v, std::string_view resource, std::string_view name, std::string body) {
    return send("ann", {"dev"}, v, resource, resource == cluster_roles ? "" : "default", name,
                std::move(body));
  }

  std::shared_ptr<auth::policy> access;
  cluster c;
};

std::string role(std::string_view name, std::string_view verbs, std::string_view resources) {
  return R"({"metadata":{"name":")" + std::string(name) + R"("},"rules":[{"verbs":)" +
         std::string(verbs) + R"(,"apiGroups":[""],"resources":)" + std::string(resources) + "}]}";
}

std::string binding_to(std::string_view name, std::string_view binding = "b") {
  return R"({"metadata":{"name":")" + std::string(binding) +
         R"("},"roleRef":{"kind":"ClusterRole","name":")" + std::string(name) +
         R"("},"subjects":[{"kind":"User","name":"eve"}]})";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(escalation, grants)

BOOST_AUTO_TEST_CASE(a_role_grants_what_its_writer_holds) {
  BOOST_TEST(as_ann(verb::create, roles, "", role("r", R"(["get"])", R"(["pods"])")).ok);
  const auto r =
      as_ann(verb::create, roles, "", role("more", R"(["delete","get"])", R"(["pods","secrets"])"));
  BOOST_TEST(!r.ok);
  BOOST_TEST((r.failure.why == reason::forbidden));
  BOOST_TEST(
      r.failure.message ==
      "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"ann\" (groups=[\"dev\"]) "
      "is attempting to grant RBAC permissions not currently held:\n"
      "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n"
      "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"delete\" \"get\"]}");
}

BOOST_AUTO_TEST_CASE(an_update_is_judged_by_what_the_role_becomes) {
  BOOST_REQUIRE(as_ann(verb::create, roles, "", role("r", R"(["get"])", R"(["pods"])")).ok);
  BOOST_TEST(as_ann(verb::update, roles, "r", role("r", R"(["list"])", R"(["pods"])")).ok);
  BOOST_TEST(!as_ann(verb::update, roles, "r", role("r", R"(["watch"])", R"(["pods"])")).ok);
}

BOOST_AUTO_TEST_CASE(rights_in_a_namespace_are_none_in_the_cluster) {
  BOOST_TEST(!as_ann(verb::create, cluster_roles, "", role("r", R"(["get"])", R"(["pods"])")).ok);
}

BOOST_AUTO_TEST_CASE(only_administrators_aggregate) {
  auto r = as_ann(verb::create, cluster_roles, "",
                  R"({"metadata":{"name":"all"},"aggregationRule":{"clusterRoleSelectors":
                    [{"matchLabels":{"a":"b"}}]}})");
  BOOST_TEST(r.failure.message ==
             "clusterroles.rbac.authorization.k8s.io \"all\" is forbidden: must have "
             "cluster-admin privileges to use an aggregationRule");
}

BOOST_AUTO_TEST_CASE(a_binding_gives_what_its_writer_holds) {
  BOOST_TEST(as_ann(verb::create, bindings, "", binding_to("reader", "a")).ok);
  auto r = as_ann(verb::create, bindings, "", binding_to("root"));
  BOOST_TEST((r.failure.why == reason::forbidden));
  BOOST_TEST(r.failure.message ==
             "rolebindings.rbac.authorization.k8s.io \"b\" is forbidden: user \"ann\" "
             "(groups=[\"dev\"]) is attempting to grant RBAC permissions not currently held:\n"
             "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}");
  r = as_ann(verb::create, bindings, "", binding_to("nowhere"));
  BOOST_TEST((r.failure.why == reason::not_found));
}

BOOST_AUTO_TEST_CASE(who_may_bind_a_role_needs_not_hold_it) {
  bind("ann", "binder");
  BOOST_TEST(as_ann(verb::create, bindings, "", binding_to("root")).ok);
}

BOOST_AUTO_TEST_CASE(the_role_of_a_binding_is_fixed) {
  BOOST_REQUIRE(as_ann(verb::create, bindings, "", binding_to("reader")).ok);
  const auto r = as_ann(verb::update, bindings, "b", binding_to("ann"));
  BOOST_TEST(!r.ok);
  BOOST_TEST(r.failure.message.find("roleRef: Invalid value: ") != std::string::npos);
  BOOST_TEST(r.failure.message.find("cannot change roleRef") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rules_and_subjects_are_validated) {
  auto refusal = [&](std::string_view resource, std::string_view ns, std::string body) {
    return send("admin", {"system:masters"}, verb::create, resource, ns, "", std::move(body))
        .failure.message;
  };
  BOOST_TEST(refusal(roles, "default",
                     R"({"metadata":{"name":"r"},"rules":[{"verbs":["get"],
                       "nonResourceURLs":["/x"]}]})") ==
             "Role.rbac.authorization.k8s.io \"r\" is invalid: rules[0].nonResourceURLs: Invalid "
             "value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs");
  BOOST_TEST(refusal(roles, "default", R"({"metadata":{"name":"r"},"rules":[{"verbs":[],
                       "apiGroups":[""]}]})") ==
             "Role.rbac.authorization.k8s.io \"r\" is invalid: [rules[0].verbs: Required value: "
             "verbs must contain at least one value, rules[0].resources: Required value: resource "
             "rules must supply at least one resource]");
  BOOST_TEST(refusal(bindings, "default",
                     R"({"metadata":{"name":"b"},"roleRef":{"kind":"Role","name":"r"},
                       "subjects":[{"kind":"Robot","name":"x"}]})") ==
             "RoleBinding.rbac.authorization.k8s.io \"b\" is invalid: subjects[0].kind: "
             "Unsupported value: \"Robot\": supported values: \"Group\", \"ServiceAccount\", "
             "\"User\"");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(default_policy)

BOOST_AUTO_TEST_CASE(is_made_once_and_stays) {
  cluster c;
  auto apply = [&] {
    auto calls = auth::reconcile_policy(*c.state);
    for (auto& call : calls) {
      call.user.groups = {"system:masters"};
      const auto r = c.send(call);
      BOOST_REQUIRE_MESSAGE(r.ok, call.body << ": " << r.failure.message);
    }
    return calls.size();
  };
  for (const char* ns : {"kube-system", "kube-public"})
    c.ok(c.create("namespaces", "", R"({"metadata":{"name":")" + std::string(ns) + R"("}})"));
  BOOST_TEST(apply() > 100u);
  BOOST_TEST(apply() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_added_and_what_was_added_stays) {
  cluster c;
  for (const char* ns : {"kube-system", "kube-public"})
    c.ok(c.create("namespaces", "", R"({"metadata":{"name":")" + std::string(ns) + R"("}})"));
  auto create = [&](std::string_view resource, std::string body) {
    c.ok(c.create(std::string(resource), "", std::move(body)));
  };
  create(cluster_roles,
         R"({"metadata":{"name":"system:basic-user"},"rules":[
           {"verbs":["get"],"apiGroups":[""],"resources":["extras"]}]})");
  create(cluster_roles,
         R"({"metadata":{"name":"system:discovery","annotations":
           {"rbac.authorization.kubernetes.io/autoupdate":"false"}}})");
  create("clusterrolebindings.rbac.authorization.k8s.io",
         R"({"metadata":{"name":"cluster-admin"},"roleRef":{"kind":"ClusterRole","name":"view"}})");
  for (auto& call : auth::reconcile_policy(*c.state))
    BOOST_REQUIRE(c.send(call).ok);
  auth::policy p;
  p.rebuild(*c.state);
  const user_info joe{"joe", "", {"system:authenticated"}};
  auto may = [&](std::string_view group, std::string_view verb, std::string_view resource) {
    return p.authorize({joe, true, verb, group, "v1", "", resource, "", "", ""}).allowed();
  };
  BOOST_TEST(may("authorization.k8s.io", "create", "selfsubjectaccessreviews"));
  BOOST_TEST(may("", "get", "extras"));
  // The one that is to be left alone has no rules.
  BOOST_TEST(!p.authorize({joe, false, "get", "", "", "", "", "", "", "/apis"}).allowed());
  const auto b = c.state->get("clusterrolebindings.rbac.authorization.k8s.io", "", "cluster-admin");
  BOOST_REQUIRE(b);
  BOOST_TEST(b->bytes().find("\"name\":\"cluster-admin\"}") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(gives_everyone_discovery_and_questions_about_themselves) {
  auth::policy p;
  p.set_index(auth::default_index());
  const user_info joe{"joe", "", {"system:authenticated"}};
  const user_info nobody{"system:anonymous", "", {"system:unauthenticated"}};
  const user_info scheduler{"system:kube-scheduler", "", {"system:authenticated"}};
  const user_info collector{"system:serviceaccount:kube-system:generic-garbage-collector", "", {}};
  auto path = [&](const user_info& u, std::string_view what) {
    return p.authorize({u, false, "get", "", "", "", "", "", "", what}).allowed();
  };
  auto may = [&](const user_info& u, std::string_view verb, std::string_view resource,
                 std::string_view sub = "") {
    return p.authorize({u, true, verb, "", "v1", "default", resource, sub, "", ""}).allowed();
  };
  BOOST_TEST(path(joe, "/apis/apps"));
  BOOST_TEST(!path(joe, "/metrics"));
  BOOST_TEST(path(nobody, "/healthz"));
  BOOST_TEST(!path(nobody, "/apis"));
  BOOST_TEST(!may(joe, "get", "pods"));
  BOOST_TEST(may(scheduler, "create", "pods", "binding"));
  BOOST_TEST(!may(scheduler, "create", "pods"));
  BOOST_TEST(may(collector, "delete", "pods"));
}

BOOST_AUTO_TEST_CASE(has_the_roles_of_kubernetes) {
  const auto& p = auth::kubernetes_policy();
  std::set<std::string> names;
  for (const auto& r : p.cluster_roles) {
    BOOST_TEST(names.insert(r.metadata.name).second, r.metadata.name << " stands twice");
    BOOST_TEST((!r.rules.empty() || r.aggregation_rule.has_value()), r.metadata.name);
  }
  for (const auto& b : p.cluster_role_bindings)
    BOOST_TEST(names.count(b.role_ref.name) == 1u, b.metadata.name << " leads nowhere");
  for (const auto& b : p.role_bindings)
    BOOST_TEST(std::any_of(p.roles.begin(), p.roles.end(), [&](const auto& r) {
      return r.metadata.name == b.role_ref.name && r.metadata.namespace_ == b.metadata.namespace_;
    }));
  for (const char* name : {"cluster-admin", "admin", "edit", "view", "system:node",
                           "system:kube-scheduler", "system:controller:job-controller"})
    BOOST_TEST(names.count(name) == 1u, name);
}

BOOST_AUTO_TEST_SUITE_END()
