#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;

namespace {

struct limited : cluster {
  void quota(const std::string& hard, const std::string& more = {}, std::string name = "q") {
    ok(create("resourcequotas", "default",
              R"({"metadata":{"name":")" + name + R"("},"spec":{"hard":{)" + hard + "}" + more +
                  "}}"));
  }
  reply pod(const std::string& name, const std::string& container = {},
            const std::string& spec = {}) {
    return create("pods", "default", body(name, container, spec));
  }
  static std::string body(const std::string& name, const std::string& container = {},
                          const std::string& spec = {}) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec +
           R"("containers":[{"name":"c","image":"i")" + container + "}]}}";
  }
  /// What is said of the refusal behind `pods "p" is forbidden: `.
  static std::string why(const reply& r) {
    BOOST_TEST(http_code(r.failure.why) == 403);
    auto at = r.failure.message.find("is forbidden: ");
    return at == std::string::npos ? r.failure.message : r.failure.message.substr(at + 14);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(resource_quota, limited)

BOOST_AUTO_TEST_CASE(counts_pods_that_are_alive) {
  quota(R"("pods":"2","count/pods":"3")");
  ok(pod("a"));
  ok(pod("b"));
  BOOST_TEST(pod("c").failure.message == "pods \"c\" is forbidden: exceeded quota: q, requested: "
                                         "pods=1, used: pods=2, limited: pods=2");
  ok(patch("pods", "default", "a", R"({"status":{"phase":"Succeeded"}})", patch_kind::json_merge,
           "status"));
  ok(pod("c"));
  BOOST_TEST(why(pod("d")) == "exceeded quota: q, requested: count/pods=1,pods=1, used: "
                              "count/pods=3,pods=2, limited: count/pods=3,pods=2");
  ok(remove("pods", "default", "a"));
  ok(remove("pods", "default", "b"));
  ok(pod("d"));
}

BOOST_AUTO_TEST_CASE(lets_go_of_pods_that_should_be_gone) {
  quota(R"("pods":"1")");
  ok(pod("a"));
  ok(create("pods", "default", R"({"metadata":{"name":"a"},"target":{"name":"n"}})", "a",
            "binding"));
  ok(remove("pods", "default", "a"));
  BOOST_TEST(!pod("b").ok);
  advance(std::chrono::seconds{61});
  ok(pod("b"));
}

BOOST_AUTO_TEST_CASE(sums_what_pods_ask_for) {
  quota(R"("requests.cpu":"1","limits.memory":"1Gi","requests.example.com/gpu":"1")");
  BOOST_TEST(why(pod("a")) == "failed quota: q: must specify limits.memory for: c; requests.cpu "
                              "for: c");
  auto asks = [](const std::string& cpu, const std::string& memory, const std::string& more = "") {
    return R"(,"resources":{"requests":{"cpu":")" + cpu + "\"" + more +
           R"(},"limits":{"memory":")" + memory + "\"" + more + "}}";
  };
  ok(pod("a", asks("600m", "512Mi")));
  BOOST_TEST(why(pod("b", asks("500m", "768Mi"))) ==
             "exceeded quota: q, requested: limits.memory=768Mi,requests.cpu=500m, used: "
             "limits.memory=512Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1");
  ok(pod("b", asks("400m", "512Mi")));
  quota(R"("requests.example.com/gpu":"1")", {}, "gpus");
  BOOST_TEST(why(pod("d", asks("0", "0", R"(,"example.com/gpu":"2")"))) ==
             "exceeded quota: gpus, requested: requests.example.com/gpu=2, used: "
             "requests.example.com/gpu=0, limited: requests.example.com/gpu=1");
}

BOOST_AUTO_TEST_CASE(takes_the_greater_of_starting_and_running) {
  quota(R"("cpu":"3")");
  BOOST_TEST(
      why(pod(
          "a", R"(,"resources":{"requests":{"cpu":"1"}})",
          R"("initContainers":[{"name":"i","image":"i","resources":{"requests":{"cpu":"4"}}}],)")) ==
      "exceeded quota: q, requested: cpu=4, used: cpu=0, limited: cpu=3");
}

BOOST_AUTO_TEST_CASE(counts_services_and_their_ports) {
  quota(R"("services":"2","services.nodeports":"1","services.loadbalancers":"0")");
  auto service = [&](const std::string& name, const std::string& type, const std::string& ports) {
    return create("services", "default",
                  R"({"metadata":{"name":")" + name + R"("},"spec":{"type":")" + type +
                      R"(","ports":[)" + ports + "]}}");
  };
  const std::string two = R"({"name":"a","port":1},{"name":"b","port":2})";
  BOOST_TEST(why(service("s", "NodePort", two)) ==
             "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, "
             "limited: services.nodeports=1");
  BOOST_TEST(why(service("s", "LoadBalancer", R"({"port":1})")) ==
             "exceeded quota: q, requested: services.loadbalancers=1, used: "
             "services.loadbalancers=0, limited: services.loadbalancers=0");
  ok(service("s", "ClusterIP", two));
  // A change of the type counts, too; a change of something else does not.
  BOOST_TEST(why(patch("services", "default", "s", R"({"spec":{"type":"NodePort"}})")) ==
             "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, "
             "limited: services.nodeports=1");
  ok(patch("services", "default", "s", R"({"metadata":{"labels":{"a":"b"}}})"));
}

BOOST_AUTO_TEST_CASE(counts_claims_by_class_and_their_growth) {
  ok(create("storageclasses.storage.k8s.io", "",
            R"({"metadata":{"name":"gold"},"provisioner":"x","allowVolumeExpansion":true})"));
  quota(R"("gold.storageclass.storage.k8s.io/requests.storage":"3Gi",
           "requests.storage":"5Gi","persistentvolumeclaims":"2")");
  auto claim = [&](const std::string& name, const std::string& size) {
    return create("persistentvolumeclaims", "default",
                  R"({"metadata":{"name":")" + name + R"("},"spec":{"storageClassName":"gold",
                      "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":")" +
                      size + R"("}}}})");
  };
  ok(claim("a", "2Gi"));
  BOOST_TEST(why(claim("b", "2Gi")) ==
             "exceeded quota: q, requested: "
             "gold.storageclass.storage.k8s.io/requests.storage=2Gi, used: "
             "gold.storageclass.storage.k8s.io/requests.storage=2Gi, limited: "
             "gold.storageclass.storage.k8s.io/requests.storage=3Gi");
  ok(patch("persistentvolumeclaims", "default", "a", R"({"status":{"phase":"Bound"}})",
           patch_kind::json_merge, "status"));
  auto grow = [&](const std::string& size) {
    return patch("persistentvolumeclaims", "default", "a",
                 R"({"spec":{"resources":{"requests":{"storage":")" + size + R"("}}}})");
  };
  BOOST_TEST(why(grow("4Gi"))
                 .starts_with("exceeded quota: q, requested: "
                              "gold.storageclass.storage.k8s.io/requests.storage=2Gi"));
  ok(grow("3Gi"));
}

BOOST_AUTO_TEST_CASE(counts_objects_of_any_kind) {
  quota(R"("configmaps":"1","count/deployments.apps":"0","secrets":"1","resourcequotas":"1")");
  ok(create("configmaps", "default", R"({"metadata":{"name":"a"}})"));
  BOOST_TEST(why(create("configmaps", "default", R"({"metadata":{"name":"b"}})")) ==
             "exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: "
             "configmaps=1");
  BOOST_TEST(why(create("deployments.apps", "default", R"({"metadata":{"name":"d"},
      "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})")) ==
             "exceeded quota: q, requested: count/deployments.apps=1, used: "
             "count/deployments.apps=0, limited: count/deployments.apps=0");
  BOOST_TEST(!create("resourcequotas", "default", R"({"metadata":{"name":"r"},"spec":{}})").ok);
  ok(create("namespaces", "", R"({"metadata":{"name":"free"}})"));
  ok(create("configmaps", "free", R"({"metadata":{"name":"b"}})"));
}

BOOST_AUTO_TEST_CASE(keeps_to_its_scopes) {
  quota(R"("pods":"0")", R"(,"scopes":["BestEffort"])", "besteffort");
  quota(R"("pods":"0")", R"(,"scopes":["Terminating"])", "terminating");
  ok(create("priorityclasses.scheduling.k8s.io", "", R"({"metadata":{"name":"high"},"value":9})"));
  quota(R"("pods":"0")", R"(,"scopeSelector":{"matchExpressions":[
      {"scopeName":"PriorityClass","operator":"In","values":["high"]}]})",
        "high");
  quota(R"("pods":"0")", R"(,"scopes":["CrossNamespacePodAffinity"])", "crossing");
  const std::string asks = R"(,"resources":{"requests":{"cpu":"1"}})";
  auto refused_by = [&](const reply& r, const std::string& name) {
    BOOST_TEST(why(r) ==
               "exceeded quota: " + name + ", requested: pods=1, used: pods=0, limited: pods=0");
  };
  refused_by(pod("a"), "besteffort");
  refused_by(pod("a", asks, R"("activeDeadlineSeconds":5,)"), "terminating");
  refused_by(pod("a", asks, R"("priorityClassName":"high",)"), "high");
  refused_by(pod("a", asks, R"("affinity":{"podAffinity":{
      "requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"z","namespaces":["x"],
      "labelSelector":{"matchLabels":{"a":"b"}}}]}},)"),
             "crossing");
  ok(pod("a", asks));
}

BOOST_AUTO_TEST_CASE(rehearsals_take_nothing) {
  quota(R"("pods":"1")");
  auto c = make(verb::create, "pods", "default", "", body("a"), "");
  c.dry_run = true;
  ok(send(c));
  ok(send(c));
  ok(pod("a"));
  BOOST_TEST(!send(make(verb::create, "pods", "default", "", body("b"), "")).ok);
}

BOOST_AUTO_TEST_CASE(counts_writes_under_way_until_they_are_settled) {
  quota(R"("pods":"1")");
  auto first = prepare(make(verb::create, "pods", "default", "", body("a"), ""));
  BOOST_TEST(why(pod("b")) ==
             "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
  first = reply{}; // the write failed
  auto second = prepare(make(verb::create, "pods", "default", "", body("b"), ""));
  auto& write = std::get<prepared_write>(second);
  auto holds = write.holds;
  ok(commit(std::move(write)));
  // Durable and still held: counted once.
  ok(patch("resourcequotas", "default", "q", R"({"spec":{"hard":{"pods":"2"}}})"));
  ok(pod("c"));
  holds.clear();
  BOOST_TEST(!pod("d").ok);
}

BOOST_AUTO_TEST_SUITE_END()
