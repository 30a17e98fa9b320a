// Nodes see what the pods on them need.
#include "api/auth/csr.hpp"
#include "api/auth/policy.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "signing_request.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using testing::cluster;
using thespis::test::make_signing_request;

namespace {

struct nodes {
  nodes() : access(std::make_shared<auth::policy>(c.state)) {
    for (const char* ns : {"other", "kube-node-lease"})
      cluster::ok(
          c.create("namespaces", "", R"({"metadata":{"name":")" + std::string(ns) + R"("}})"));
    for (const char* ns : {"default", "other"})
      for (const char* name : {"default", "robot"})
        cluster::ok(c.create("serviceaccounts", ns,
                             R"({"metadata":{"name":")" + std::string(name) + R"("}})"));
    pod("here", "n1", "env-secret", "volume-secret");
    pod("there", "n2", "their-secret", "their-volume");
  }

  void pod(std::string_view name, std::string_view node, std::string_view env,
           std::string_view volume) {
    cluster::ok(c.create(
        "pods", "default",
        R"({"metadata":{"name":")" + std::string(name) + R"("},"spec":{"nodeName":")" +
            std::string(node) + R"(","serviceAccountName":"robot","imagePullSecrets":[{"name":")" +
            std::string(name) + R"(-pull"}],"containers":[{"name":"c","image":"i","env":[{"name":
            "A","valueFrom":{"secretKeyRef":{"name":")" +
            std::string(env) + R"(","key":"k"}}}],"envFrom":[{"configMapRef":{"name":")" +
            std::string(name) + R"(-map"}}]}],"volumes":[{"name":"v","projected":{"sources":
            [{"secret":{"name":")" +
            std::string(volume) + R"("}}]}}]}})"));
  }

  auth::decision ask(std::string_view verb, std::string_view group, std::string_view resource,
                     std::string_view sub, std::string_view ns, std::string_view name,
                     std::string_view node = "n1") const {
    const user_info who{"system:node:" + std::string(node), "", {"system:nodes"}};
    return access->authorize({who, true, verb, group, "v1", ns, resource, sub, name, ""});
  }
  bool may(std::string_view verb, std::string_view resource, std::string_view ns,
           std::string_view name, std::string_view sub = "") const {
    return ask(verb, "", resource, sub, ns, name).allowed();
  }

  cluster c;
  std::shared_ptr<auth::policy> access;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(node_authorizer, nodes)

BOOST_AUTO_TEST_CASE(a_node_reads_what_its_pods_use) {
  for (const char* name : {"env-secret", "volume-secret", "here-pull"})
    BOOST_TEST(may("get", "secrets", "default", name), name);
  for (const char* name : {"their-secret", "their-volume", "there-pull", "unused"})
    BOOST_TEST(!may("get", "secrets", "default", name), name);
  BOOST_TEST(may("get", "configmaps", "default", "here-map"));
  BOOST_TEST(!may("get", "configmaps", "default", "there-map"));
  BOOST_TEST(!may("get", "secrets", "other", "env-secret"));
  BOOST_TEST(!may("list", "secrets", "default", ""));
  BOOST_TEST(!may("update", "secrets", "default", "env-secret"));
  BOOST_TEST(ask("get", "", "secrets", "", "default", "unused").reason ==
             "no relationship found between node 'n1' and this object");
}

BOOST_AUTO_TEST_CASE(a_node_asks_for_tokens_of_its_pods_accounts) {
  BOOST_TEST(may("create", "serviceaccounts", "default", "robot", "token"));
  BOOST_TEST(!may("create", "serviceaccounts", "default", "default", "token"));
  BOOST_TEST(!may("create", "serviceaccounts", "other", "robot", "token"));
  BOOST_TEST(!may("get", "serviceaccounts", "default", "robot"));
}

BOOST_AUTO_TEST_CASE(a_node_is_itself) {
  BOOST_TEST(may("get", "nodes", "", "n1"));
  BOOST_TEST(may("patch", "nodes", "", "n1", "status"));
  BOOST_TEST(may("create", "nodes", "", ""));
  BOOST_TEST(!may("get", "nodes", "", "n2"));
  BOOST_TEST(!may("delete", "nodes", "", "n1"));
  auto lease = [&](std::string_view ns, std::string_view name) {
    return ask("update", "coordination.k8s.io", "leases", "", ns, name).allowed();
  };
  BOOST_TEST(lease("kube-node-lease", "n1"));
  BOOST_TEST(!lease("kube-node-lease", "n2"));
  BOOST_TEST(!lease("default", "n1"));
}

BOOST_AUTO_TEST_CASE(a_node_gets_its_own_pods) {
  BOOST_TEST(may("get", "pods", "default", "here"));
  BOOST_TEST(!may("get", "pods", "default", "there"));
  BOOST_TEST(may("update", "pods", "default", "here", "status"));
  BOOST_TEST(!may("update", "pods", "default", "here"));
  BOOST_TEST(!may("create", "pods", "default", "here", "exec"));
}

BOOST_AUTO_TEST_CASE(who_only_sounds_like_a_node_is_none) {
  const user_info who{"system:node:n1", "", {"dev"}};
  BOOST_TEST(
      !access->authorize({who, true, "get", "", "v1", "default", "secrets", "", "env-secret", ""})
           .allowed());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(signing_requests)

BOOST_AUTO_TEST_CASE(a_request_says_whom_it_is_for) {
  const auto csr = auth::read_csr(
      make_signing_request("system:node:n", {"system:nodes", "x"}, "DNS:a,IP:10.0.0.1,DNS:b"));
  BOOST_REQUIRE(csr);
  BOOST_TEST(csr->common_name == "system:node:n");
  BOOST_TEST((csr->organizations == std::vector<std::string>{"system:nodes", "x"}));
  BOOST_TEST((csr->dns_names == std::vector<std::string>{"a", "b"}));
  BOOST_TEST((csr->addresses == std::vector<std::string>{"10.0.0.1"}));
  BOOST_TEST(!csr->other_names);
  BOOST_TEST(auth::read_csr(make_signing_request("x", {}, "URI:http://x"))->other_names);
  BOOST_TEST(!auth::read_csr("no request"));
}

BOOST_AUTO_TEST_SUITE_END()
