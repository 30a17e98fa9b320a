// Affinity, anti-affinity and spreading: which nodes may be chosen and which are preferred.
#include "actors/scheduler/scheduler_state.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis;
using namespace thespis::actors;
using namespace std::chrono_literals;
using enum api::event_kind;

namespace {

struct topology {
  scheduler_state s;
  uint64_t revision = 1;

  api::object_ptr object_of(const char* resource, const std::string& text) {
    auto doc = *api::yaml::parse(text);
    return api::seal(api::make_draft(resource, doc), ++revision);
  }
  void node(const std::string& name, const std::string& zone, const std::string& spec = "{}") {
    s.apply_node(
        {added, object_of("nodes", "{apiVersion: v1, kind: Node, metadata: {name: " + name +
                                       ", uid: n-" + name + ", labels: {host: " + name +
                                       ", zone: " + zone + "}}, spec: " + spec +
                                       ", status: {allocatable: {cpu: '64', memory: "
                                       "64Gi, pods: '110'}}}")});
  }
  api::object_ptr pod(const std::string& name, const std::string& labels, const std::string& spec,
                      const std::string& ns = "default") {
    return object_of("pods", "{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                                 ", namespace: " + ns + ", uid: uid-" + name + ", labels: " +
                                 labels + "}, spec: {containers: [{name: c, image: i}]" +
                                 (spec.empty() ? "" : ", " + spec) + "}}");
  }
  void bound(const std::string& name, const std::string& labels, const std::string& node,
             const std::string& spec = {}, const std::string& ns = "default") {
    s.apply_pod(
        {added, pod(name, labels, "nodeName: " + node + (spec.empty() ? "" : ", " + spec), ns)});
  }
  /// Where the pod goes; the reason when nowhere.
  std::string place(const std::string& name, const std::string& labels, const std::string& spec,
                    const std::string& ns = "default") {
    s.apply_pod({added, pod(name, labels, spec, ns)});
    const auto plan = s.schedule(1, 0s);
    BOOST_REQUIRE(plan.size() == 1U);
    return plan[0].node.empty() ? plan[0].message.substr(0, plan[0].message.find(". pre"))
                                : plan[0].node;
  }
};

std::string required(const std::string& kind, const std::string& app, const std::string& key,
                     const std::string& more = {}) {
  return "affinity: {" + kind +
         ": {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: " + key +
         ", labelSelector: {matchLabels: {app: " + app + "}}" + more + "}]}}";
}

std::string spread(const std::string& key, int skew, const std::string& more = {}) {
  return "topologySpreadConstraints: [{maxSkew: " + std::to_string(skew) + ", topologyKey: " + key +
         ", whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}" + more +
         "}]";
}

} // namespace

BOOST_AUTO_TEST_SUITE(scheduler_topology_suite)

BOOST_AUTO_TEST_CASE(affinity_leads_into_the_zone_of_the_others) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  t.bound("db", "{app: db}", "b");
  BOOST_TEST(t.place("web", "{app: web}", required("podAffinity", "db", "zone")) == "b");
  BOOST_TEST(t.place("lone", "{}", required("podAffinity", "nobody", "zone")) ==
             "0/2 nodes are available: 2 node(s) didn't match pod affinity rules");
  // The first of a group that wants to be together may begin.
  BOOST_TEST(t.place("one", "{app: club}", required("podAffinity", "club", "host")) != "");
}

BOOST_AUTO_TEST_CASE(affinity_looks_in_its_own_namespace_unless_told_otherwise) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  t.s.apply_namespace(
      {added, t.object_of("namespaces", "{apiVersion: v1, kind: Namespace, metadata: "
                                        "{name: other, labels: {team: red}}}")});
  t.bound("db", "{app: db}", "b", {}, "other");
  BOOST_TEST(t.place("w1", "{}", required("podAffinity", "db", "zone")) ==
             "0/2 nodes are available: 2 node(s) didn't match pod affinity rules");
  BOOST_TEST(t.place("w2", "{}", required("podAffinity", "db", "zone", ", namespaces: [other]")) ==
             "b");
  BOOST_TEST(t.place("w3", "{}",
                     required("podAffinity", "db", "zone",
                              ", namespaceSelector: {matchLabels: {team: red}}")) == "b");
  BOOST_TEST(t.place("w4", "{}",
                     required("podAffinity", "db", "zone",
                              ", namespaceSelector: {matchLabels: {team: blue}}")) ==
             "0/2 nodes are available: 2 node(s) didn't match pod affinity rules");
  BOOST_TEST(
      t.place("w5", "{}", required("podAffinity", "db", "zone", ", namespaceSelector: {}")) == "b");
}

BOOST_AUTO_TEST_CASE(anti_affinity_holds_in_both_directions) {
  topology t;
  t.node("a", "x");
  t.node("b", "x");
  t.node("c", "y");
  t.bound("alone", "{app: alone}", "a", required("podAntiAffinity", "web", "zone"));
  BOOST_TEST(t.place("web", "{app: web}", {}) == "c");
  BOOST_TEST(t.place("shy", "{app: shy}", required("podAntiAffinity", "web", "host")) != "c");
  BOOST_TEST(t.place("hidden", "{app: web}", "nodeSelector: {zone: x}") ==
             "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 "
             "node(s) didn't satisfy existing pods anti-affinity rules");
}

BOOST_AUTO_TEST_CASE(one_a_host_by_anti_affinity_and_the_next_waits_for_one_to_go) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  const auto alone = required("podAntiAffinity", "web", "host");
  const auto first = t.place("w1", "{app: web}", alone);
  const auto second = t.place("w2", "{app: web}", alone);
  BOOST_TEST(first != second);
  BOOST_TEST(t.place("w3", "{app: web}", alone) ==
             "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules");
  t.node("a", "x"); // no news
  BOOST_TEST(!t.s.retry(5s));
  t.s.apply_pod({deleted, t.pod("w1", "{app: web}", "nodeName: " + first)});
  BOOST_TEST(t.s.retry(5s));
  BOOST_TEST(t.s.schedule(1, 5s).front().node == first);
}

BOOST_AUTO_TEST_CASE(matched_label_keys_keep_only_the_same_version_apart) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  t.bound("old", "{app: web, v: '1'}", "a");
  const auto spec = required("podAntiAffinity", "web", "zone", ", matchLabelKeys: [v]");
  // Only pods of the same version keep away from each other.
  const auto first = t.place("n1", "{app: web, v: '2'}", spec + ", nodeSelector: {host: a}");
  BOOST_TEST(first == "a");
  BOOST_TEST(t.place("n2", "{app: web, v: '2'}", spec) == "b");
}

BOOST_AUTO_TEST_CASE(preferred_neighbours_decide_among_equals) {
  topology t;
  for (const char* n : {"a", "b", "c"})
    t.node(n, n);
  t.bound("db", "{app: db}", "b");
  t.bound("noise", "{app: noise}", "c");
  BOOST_TEST(t.place("w", "{}",
                     "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
                     "[{weight: 100, podAffinityTerm: {topologyKey: zone, labelSelector: "
                     "{matchLabels: {app: db}}}}]}}") == "b");
  for (int i = 0; i < 6; ++i)
    BOOST_TEST(t.place("q" + std::to_string(i), "{}",
                       "affinity: {podAntiAffinity: "
                       "{preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, "
                       "podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: {app: "
                       "noise}}}}]}}") != "c");
}

BOOST_AUTO_TEST_CASE(preferred_nodes_win) {
  topology t;
  for (const char* n : {"a", "b", "c"})
    t.node(n, n);
  for (int i = 0; i < 4; ++i)
    BOOST_TEST(t.place("p" + std::to_string(i), "{}",
                       "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
                       "[{weight: 5, preference: {matchExpressions: [{key: zone, operator: In, "
                       "values: [c]}]}}]}}") == "c");
}

BOOST_AUTO_TEST_CASE(spreading_keeps_the_skew_of_zones) {
  topology t;
  t.node("a", "x");
  t.node("b", "x");
  t.node("c", "y");
  t.bound("w1", "{app: web}", "a");
  t.bound("w2", "{app: web}", "b");
  BOOST_TEST(t.place("w3", "{app: web}", spread("zone", 1)) == "c");
  BOOST_TEST(t.place("w4", "{app: web}", spread("zone", 1)) == "c");
  t.node("d", "z", "{taints: [{key: k, value: v, effect: NoSchedule}]}");
  // A zone that is empty, but not for this pod, counts unless taints are honoured.
  BOOST_TEST(t.place("w5", "{app: web}", spread("zone", 1)) ==
             "0/4 nodes are available: 1 node(s) had untolerated taint {k: v}, 3 node(s) didn't "
             "match pod topology spread constraints");
  BOOST_TEST(t.place("w6", "{app: web}", spread("zone", 1, ", nodeTaintsPolicy: Honor")).size() ==
             1U);
}

BOOST_AUTO_TEST_CASE(spreading_wants_as_many_domains_as_it_says_and_the_label) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  t.bound("w1", "{app: web}", "a");
  t.bound("w2", "{app: web}", "b");
  BOOST_TEST(t.place("w3", "{app: web}", spread("zone", 1, ", minDomains: 3")) ==
             "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints");
  BOOST_TEST(t.place("w4", "{app: web}", spread("rack", 1)) ==
             "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints "
             "(missing required label)");
}

BOOST_AUTO_TEST_CASE(wished_spreading_prefers_the_emptier_zone) {
  topology t;
  t.node("a", "x");
  t.node("b", "y");
  for (int i = 0; i < 3; ++i)
    t.bound("w" + std::to_string(i), "{app: web}", "a");
  BOOST_TEST(t.place("n", "{app: web}",
                     "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, "
                     "whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: "
                     "web}}}]") == "b");
}

BOOST_AUTO_TEST_CASE(host_ports_of_sidecars_clash_as_those_of_containers) {
  topology t;
  t.node("a", "x");
  const std::string sidecar = "initContainers: [{name: s, image: i, restartPolicy: Always, ports: "
                              "[{containerPort: 80, hostPort: 8080}]}]";
  BOOST_TEST(t.place("p1", "{}", sidecar) == "a");
  BOOST_TEST(t.place("p2", "{}", sidecar) ==
             "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
             "ports");
}

BOOST_AUTO_TEST_CASE(only_changes_that_may_help_wake_a_pod) {
  topology t;
  t.node("a", "x");
  t.place("p", "{}", "nodeSelector: {zone: q}");
  t.bound("other", "{}", "a");
  t.s.apply_pod({deleted, t.pod("other", "{}", "nodeName: a")});
  BOOST_TEST(!t.s.retry(20s));
  t.node("b", "q");
  BOOST_TEST(t.s.retry(20s));
  BOOST_TEST(t.s.schedule(1, 20s).front().node == "b");
}

// Anti-affinity by the plain definition, on random clusters.
BOOST_AUTO_TEST_CASE(nobody_is_ever_beside_whom_one_of_them_refuses) {
  std::mt19937 random{11};
  for (int round = 0; round < 30; ++round) {
    topology t;
    const int nodes = 2 + static_cast<int>(random() % 4);
    for (int i = 0; i < nodes; ++i)
      t.node("n" + std::to_string(i), "z" + std::to_string(i % 2));
    std::map<std::string, std::vector<std::pair<int, int>>> on; // node: own app, refused app
    for (int i = 0; i < 20; ++i) {
      const int app = static_cast<int>(random() % 3);
      const int refused = static_cast<int>(random() % 5);
      const auto name = "p" + std::to_string(i);
      const auto where =
          t.place(name, "{app: a" + std::to_string(app) + "}",
                  required("podAntiAffinity", "a" + std::to_string(refused), "host"));
      const auto allowed = [&](const std::vector<std::pair<int, int>>& there) {
        return std::none_of(there.begin(), there.end(),
                            [&](const auto& q) { return q.first == refused || q.second == app; });
      };
      if (where.starts_with("0/")) {
        for (int n = 0; n < nodes; ++n)
          BOOST_REQUIRE(!allowed(on["n" + std::to_string(n)]));
        t.s.apply_pod({deleted, t.pod(name, "{}", "")});
      } else {
        BOOST_REQUIRE(allowed(on[where]));
        on[where].emplace_back(app, refused);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
