// The index of rights and the aggregation of roles follow the cluster.
#include "actors/controllers/access_index.hpp"
#include "actors/controllers/cluster_role_aggregation.hpp"
#include "actors/fixture.hpp"
#include "api/generated/rbac_v1.hpp"

using namespace thespis;
using namespace thespis::test;
namespace v1 = api::v1;

namespace {

struct access_fixture : cluster_fixture {
  access_fixture() {
    run_controller([p = policy] { return actors::make_access_index({p}); });
  }

  bool may(std::string_view user, std::string_view verb, std::string_view resource,
           std::string_view ns = "default") const {
    const api::user_info who{std::string{user}, "", {}};
    return policy->authorize({who, true, verb, "", "v1", ns, resource, "", "", ""}).allowed();
  }

  std::shared_ptr<api::auth::policy> policy = std::make_shared<api::auth::policy>();
};

constexpr auto reader_role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, "
                             "metadata: {name: reader}, rules: [{verbs: [get], apiGroups: [''], "
                             "resources: [pods]}]}";
constexpr auto ann_reads = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, "
                           "metadata: {name: ann-reads}, roleRef: {kind: ClusterRole, name: "
                           "reader}, subjects: [{kind: User, name: ann}]}";

} // namespace

BOOST_FIXTURE_TEST_SUITE(access_index, access_fixture)

BOOST_AUTO_TEST_CASE(rights_come_and_go_with_bindings) {
  create(reader_role);
  settle();
  BOOST_TEST(!may("ann", "get", "pods"));
  create(ann_reads);
  settle();
  BOOST_TEST(may("ann", "get", "pods"));
  BOOST_TEST(!may("ann", "get", "pods", "kube-system"));
  BOOST_TEST(!may("ann", "list", "pods"));
  advance(1s);
  remove("rolebindings.rbac.authorization.k8s.io", "ann-reads");
  settle();
  BOOST_TEST(!may("ann", "get", "pods"));
}

BOOST_AUTO_TEST_CASE(a_changed_role_changes_every_scope_that_is_bound_to_it) {
  create(reader_role);
  create(ann_reads);
  create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b},"
         " roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: User, name: bob}]}");
  advance(1s);
  BOOST_TEST(!may("ann", "list", "pods"));
  BOOST_TEST(may("bob", "get", "pods", "kube-system"));
  update("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, "
         "rules: [{verbs: [list], apiGroups: [''], resources: [pods]}]}");
  advance(1s);
  BOOST_TEST(may("ann", "list", "pods"));
  BOOST_TEST(!may("ann", "get", "pods"));
  BOOST_TEST(may("bob", "list", "pods", "kube-system"));
  remove("clusterroles.rbac.authorization.k8s.io", "reader", "");
  advance(1s);
  BOOST_TEST(!may("ann", "list", "pods"));
  BOOST_TEST(!may("bob", "list", "pods", ""));
}

BOOST_AUTO_TEST_CASE(a_role_made_after_its_binding_counts) {
  create(ann_reads);
  advance(1s);
  BOOST_TEST(!may("ann", "get", "pods"));
  create(reader_role);
  advance(1s);
  BOOST_TEST(may("ann", "get", "pods"));
}

BOOST_AUTO_TEST_CASE(a_storm_of_bindings_ends_in_the_last_state) {
  create(reader_role);
  for (int i = 0; i < 50; ++i)
    create("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b" +
           std::to_string(i) +
           "}, roleRef: {kind: ClusterRole, name: reader}, subjects: [{kind: "
           "User, name: u" +
           std::to_string(i) + "}]}");
  advance(1s);
  for (int i = 0; i < 50; ++i)
    BOOST_TEST(may("u" + std::to_string(i), "get", "pods"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cluster_role_aggregation)

BOOST_AUTO_TEST_CASE(an_aggregate_holds_the_rules_of_the_roles_it_selects) {
  cluster_fixture f;
  f.run_controller([] { return actors::make_cluster_role_aggregation(); });
  f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: view}, "
           "aggregationRule: {clusterRoleSelectors: [{matchLabels: {to-view: 'true'}}]}}");
  f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: b, "
           "labels: {to-view: 'true'}}, rules: [{verbs: [get], apiGroups: [''], resources: "
           "[pods]}]}");
  f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, "
           "labels: {to-view: 'true'}}, rules: [{verbs: [get], apiGroups: [''], resources: "
           "[services]}, {verbs: [get], apiGroups: [''], resources: [pods]}]}");
  f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: c}, "
           "rules: [{verbs: [get], apiGroups: [''], resources: [secrets]}]}");
  f.settle();
  auto rules = f.get<v1::cluster_role>("view", "").rules;
  BOOST_REQUIRE(rules.size() == 2u); // of a and b in this order, each rule once
  BOOST_TEST(rules[0].resources[0] == "services");
  BOOST_TEST(rules[1].resources[0] == "pods");
  f.remove("clusterroles.rbac.authorization.k8s.io", "a", "");
  f.settle();
  rules = f.get<v1::cluster_role>("view", "").rules;
  BOOST_REQUIRE(rules.size() == 1u);
  BOOST_TEST(rules[0].resources[0] == "pods");
}

BOOST_AUTO_TEST_SUITE_END()
