// What a node may write, through the whole pipeline.
#include "api/auth/node_restriction.hpp"
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using testing::cluster;

namespace {

struct restricted {
  restricted() : c({auth::node_restriction()}) {
    cluster::ok(c.create("namespaces", "", R"({"metadata":{"name":"kube-node-lease"}})"));
    cluster::ok(c.create("serviceaccounts", "default", R"({"metadata":{"name":"default"}})"));
    for (const char* name : {"n1", "n2"})
      cluster::ok(c.create("nodes", "", R"({"metadata":{"name":")" + std::string(name) + R"("}})"));
    pod("mine", "n1");
    pod("theirs", "n2");
  }

  void pod(std::string_view name, std::string_view node) {
    cluster::ok(c.create("pods", "default",
                         R"({"metadata":{"name":")" + std::string(name) +
                             R"("},"spec":{"nodeName":")" + std::string(node) +
                             R"(","containers":[{"name":"c","image":"i"}]}})"));
  }

  /// What the node n1 is told; empty when it may.
  std::string as_node(verb v, std::string resource, std::string ns, std::string name,
                      std::string body, std::string sub = {}) {
    auto request = cluster::make(v, std::move(resource), std::move(ns), std::move(name),
                                 std::move(body), std::move(sub));
    request.user = {"system:node:n1", "", {"system:nodes"}};
    if (v == verb::patch)
      request.patch = patch_kind::json_merge;
    const auto r = c.send(request);
    return r.ok ? "" : r.failure.message;
  }

  cluster c;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(node_restriction, restricted)

BOOST_AUTO_TEST_CASE(a_node_changes_itself_and_no_other) {
  const std::string ready = R"({"status":{"phase":"Running"}})";
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n1", ready, "status") == "");
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n2", ready, "status") ==
             "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n1", R"({"metadata":{"labels":{"a":"b"}}})") == "");
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n1",
                     R"({"metadata":{"labels":{"node-restriction.kubernetes.io/x":"y",
                       "node-role.kubernetes.io/master":""}}})") ==
             "nodes \"n1\" is forbidden: node \"n1\" is not allowed to modify labels: "
             "node-restriction.kubernetes.io/x, node-role.kubernetes.io/master");
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n1",
                     R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})") ==
             "nodes \"n1\" is forbidden: node \"n1\" is not allowed to modify taints");
  BOOST_TEST(as_node(verb::patch, "nodes", "", "n1",
                     R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod",
                       "name":"x","uid":"u"}]}})") ==
             "nodes \"n1\" is forbidden: node \"n1\" is not allowed to modify ownerReferences");
}

BOOST_AUTO_TEST_CASE(a_node_reports_and_ends_its_own_pods) {
  const std::string running = R"({"status":{"phase":"Running"}})";
  BOOST_TEST(as_node(verb::patch, "pods", "default", "mine", running, "status") == "");
  BOOST_TEST(as_node(verb::patch, "pods", "default", "theirs", running, "status") ==
             "pods \"theirs\" is forbidden: node \"n1\" can only update pod status for pods with "
             "spec.nodeName set to itself");
  BOOST_TEST(as_node(verb::remove, "pods", "default", "theirs", "") ==
             "pods \"theirs\" is forbidden: node \"n1\" can only delete pods with spec.nodeName "
             "set to itself");
  BOOST_TEST(as_node(verb::remove, "pods", "default", "mine", R"({"gracePeriodSeconds":0})") == "");
}

BOOST_AUTO_TEST_CASE(a_node_makes_mirror_pods_of_its_own_only) {
  auto make = [&](std::string_view annotations, std::string_view node) {
    return as_node(
        verb::create, "pods", "default", "",
        R"({"metadata":{"name":"static","annotations":{)" + std::string(annotations) +
            R"(}},"spec":{"nodeName":")" + std::string(node) +
            R"(","automountServiceAccountToken":false,"containers":[{"name":"c","image":"i"}]}})");
  };
  BOOST_TEST(make("", "n1") ==
             "pods \"static\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" "
             "annotation, node \"n1\" can only create mirror pods");
  BOOST_TEST(make(R"("kubernetes.io/config.mirror":"x")", "n2") ==
             "pods \"static\" is forbidden: node \"n1\" can only create pods with spec.nodeName "
             "set to itself");
}

BOOST_AUTO_TEST_CASE(a_node_keeps_its_own_lease) {
  auto lease = [&](std::string name, std::string ns) {
    return as_node(verb::create, "leases.coordination.k8s.io", std::move(ns), "",
                   R"({"metadata":{"name":")" + name + R"("}})");
  };
  BOOST_TEST(lease("n1", "kube-node-lease") == "");
  BOOST_TEST(lease("n2", "kube-node-lease") ==
             "leases.coordination.k8s.io \"n2\" is forbidden: can only access node lease with the "
             "same name as the requesting node");
  BOOST_TEST(lease("n1", "default") ==
             "leases.coordination.k8s.io \"n1\" is forbidden: can only access leases in the "
             "\"kube-node-lease\" system namespace");
}

BOOST_AUTO_TEST_SUITE_END()
