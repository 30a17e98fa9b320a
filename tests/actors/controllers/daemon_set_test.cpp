#include "actors/controllers/daemon_set.hpp"
#include "actors/pods.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_event.hpp"
#include "api/generated/core_v1_node.hpp"

#include <set>

using namespace thespis;
using namespace thespis::test;
using api::v1::daemon_set;
using api::v1::pod;

namespace {

struct daemon_fixture : cluster_fixture {
  daemon_fixture() {
    for (int i = 1; i <= 3; ++i)
      add_node("node-" + std::to_string(i));
    run_controller([] { return actors::make_daemon_set_controller(); });
  }

  void add_node(const std::string& name, const std::string& extra = "") {
    create("{apiVersion: v1, kind: Node, metadata: {name: " + name + ", labels: {disk: ssd}}" +
           extra + "}");
  }

  void make_set(const std::string& spec = "", const std::string& pod_spec = "") {
    create("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {" + spec +
           "selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, "
           "spec: {" +
           pod_spec + "containers: [{name: main, image: v1}]}}}}");
    settle();
  }

  static std::string target(const pod& p) {
    return p.spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution
        ->node_selector_terms.front()
        .match_fields.front()
        .values.front();
  }

  /// What a scheduler and a kubelet do: every pod goes where its affinity says.
  void start_pods(bool ready = true) {
    for (const auto& p : list<pod>()) {
      if (!p.metadata.deletion_timestamp.empty()) {
        remove("pods", p.metadata.name, "default", api::propagation::background, 0);
      } else if (p.spec.node_name.empty()) {
        api::call bind;
        bind.verb = api::verb::create;
        bind.resource = "pods";
        bind.subresource = "binding";
        bind.ns = "default";
        bind.name = p.metadata.name;
        bind.body = R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":")" +
                    p.metadata.name + R"("},"target":{"kind":"Node","name":")" + target(p) +
                    R"("}})";
        must(bind);
        run_pod(*this, get<pod>(p.metadata.name), ready);
      }
    }
    advance(1s);
  }

  std::set<std::string> nodes_with_pods() const {
    std::set<std::string> res;
    for (const auto& p : list<pod>())
      if (p.metadata.deletion_timestamp.empty())
        res.insert(target(p));
    return res;
  }

  size_t of_image(const std::string& image) const {
    size_t res = 0;
    for (const auto& p : list<pod>())
      res += p.spec.containers.front().image == image && p.metadata.deletion_timestamp.empty();
    return res;
  }

  api::v1::daemon_set_status status() const { return get<daemon_set>("agent").status; }
  void set_image(const std::string& image) {
    patch("daemonsets.apps", "agent",
          "{spec: {template: {spec: {containers: [{name: main, image: " + image + "}]}}}}");
    settle();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(daemon_set_controller, daemon_fixture)

BOOST_AUTO_TEST_CASE(runs_one_pod_on_every_node) {
  make_set();
  BOOST_TEST(nodes_with_pods() == (std::set<std::string>{"node-1", "node-2", "node-3"}),
             boost::test_tools::per_element());
  const auto first = list<pod>().front();
  BOOST_TEST(first.metadata.labels.contains("controller-revision-hash"));
  BOOST_TEST(
      std::any_of(first.spec.tolerations.begin(), first.spec.tolerations.end(),
                  [](const auto& t) { return t.key == "node.kubernetes.io/unschedulable"; }));
  start_pods();
  const auto s = status();
  BOOST_TEST(s.desired_number_scheduled == 3);
  BOOST_TEST(s.current_number_scheduled == 3);
  BOOST_TEST(s.number_ready == 3);
  BOOST_TEST(s.number_available.value_or(0) == 3);
  BOOST_TEST(s.updated_number_scheduled.value_or(0) == 3);
  BOOST_TEST(s.observed_generation.value_or(0) == 1);
  add_node("node-4");
  settle();
  BOOST_TEST(nodes_with_pods().contains("node-4"));
}

BOOST_AUTO_TEST_CASE(keeps_off_nodes_it_may_not_use) {
  add_node("tainted", ", spec: {taints: [{key: gpu, effect: NoSchedule}]}");
  add_node("cordoned", ", spec: {unschedulable: true}");
  patch("nodes", "node-2", "{metadata: {labels: {disk: hdd}}}", "", "");
  make_set("", "nodeSelector: {disk: ssd}, ");
  BOOST_TEST(nodes_with_pods() == (std::set<std::string>{"cordoned", "node-1", "node-3"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(leaves_a_node_whose_labels_no_longer_fit) {
  make_set("", "nodeSelector: {disk: ssd}, ");
  start_pods();
  patch("nodes", "node-2", "{metadata: {labels: {disk: hdd}}}", "", "");
  settle();
  BOOST_TEST(nodes_with_pods() == (std::set<std::string>{"node-1", "node-3"}),
             boost::test_tools::per_element());
  patch("nodes", "node-1", "{spec: {taints: [{key: a, effect: NoSchedule}]}}", "", "");
  settle();
  start_pods();
  // It may not begin there, but what runs goes on.
  BOOST_TEST(nodes_with_pods().contains("node-1"));
  BOOST_TEST(status().number_misscheduled == 1);
  patch("nodes", "node-1", "{spec: {taints: [{key: a, effect: NoExecute}]}}", "", "");
  settle();
  BOOST_TEST(!nodes_with_pods().contains("node-1"));
}

BOOST_AUTO_TEST_CASE(replaces_deleted_and_failed_pods) {
  make_set();
  start_pods();
  const auto all = list<pod>();
  remove("pods", all[0].metadata.name);
  patch("pods", all[1].metadata.name, "{status: {phase: Failed}}", "status");
  settle();
  start_pods();
  start_pods();
  BOOST_TEST(count("pods") == 3);
  BOOST_TEST(nodes_with_pods().size() == 3);
  BOOST_TEST(!get("pods", all[0].metadata.name));
  BOOST_TEST(!get("pods", all[1].metadata.name));
  BOOST_TEST(status().number_ready == 3);
}

BOOST_AUTO_TEST_CASE(pods_that_fail_again_and_again_are_replaced_less_and_less_often) {
  patch("nodes", "node-2", "{metadata: {labels: {disk: only}}}", "", "");
  make_set("", "nodeSelector: {disk: only}, ");
  const auto fail = [&] {
    const auto name = list<pod>().front().metadata.name;
    patch("pods", name, "{status: {phase: Failed}}", "status");
    settle();
    return name;
  };
  const auto present = [&] { return list<pod>().front().metadata.name; };
  const auto first = fail();
  BOOST_TEST(first != present()); // the first time at once
  auto second = fail();
  BOOST_TEST(second == present());
  advance(1100ms);
  BOOST_TEST(second != present());
  // The third time two seconds after the second.
  second = fail();
  advance(1500ms);
  BOOST_TEST(second == present());
  advance(500ms);
  BOOST_TEST(second != present());
  std::set<std::string> told;
  for (const auto& e : list<api::v1::event>())
    if (e.reason == "FailedDaemonPod")
      told.insert(e.type + " " + e.message.substr(0, 24));
  BOOST_TEST((told == std::set<std::string>{"Warning Found failed daemon pod "}));
}

BOOST_AUTO_TEST_CASE(rolls_one_node_at_a_time) {
  make_set();
  start_pods();
  set_image("v2");
  for (size_t done = 1; done <= 3; ++done) {
    BOOST_TEST(of_image("v1") == 3 - done);
    start_pods(); // the old one ends
    BOOST_TEST(of_image("v2") == done);
    BOOST_TEST(of_image("v1") == 3 - done); // the next waits until this one is ready
    start_pods();
  }
  BOOST_TEST(status().updated_number_scheduled.value_or(0) == 3);
  BOOST_TEST(count("controllerrevisions.apps") == 2);
}

BOOST_AUTO_TEST_CASE(a_broken_version_stops_at_the_first_node) {
  make_set();
  start_pods();
  set_image("v2");
  start_pods();
  for (int i = 0; i < 3; ++i)
    start_pods(false);
  BOOST_TEST(of_image("v1") == 2);
  // Going back replaces the broken pod at once.
  set_image("v1");
  start_pods();
  start_pods();
  BOOST_TEST(of_image("v1") == 3);
  BOOST_TEST(status().number_available.value_or(0) == 3);
  BOOST_TEST(count("controllerrevisions.apps") == 2);
}

BOOST_AUTO_TEST_CASE(surges_without_a_gap) {
  make_set(
      "updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}, ");
  start_pods();
  set_image("v2");
  for (int i = 0; i < 8; ++i) {
    BOOST_TEST(status().number_available.value_or(0) == 3);
    BOOST_TEST(of_image("v1") + of_image("v2") <= 4);
    start_pods();
  }
  BOOST_TEST(of_image("v2") == 3);
  BOOST_TEST(of_image("v1") == 0);
}

BOOST_AUTO_TEST_CASE(on_delete_waits_for_the_pod_to_go) {
  make_set("updateStrategy: {type: OnDelete}, ");
  start_pods();
  set_image("v2");
  BOOST_TEST(of_image("v1") == 3);
  remove("pods", list<pod>().front().metadata.name);
  start_pods();
  start_pods();
  BOOST_TEST(of_image("v2") == 1);
  BOOST_TEST(of_image("v1") == 2);
}

BOOST_AUTO_TEST_CASE(keeps_no_more_history_than_asked) {
  make_set("revisionHistoryLimit: 1, updateStrategy: {type: RollingUpdate, rollingUpdate: "
           "{maxUnavailable: 3}}, ");
  start_pods();
  for (const auto* image : {"v2", "v3", "v4"}) {
    set_image(image);
    start_pods();
    start_pods();
  }
  BOOST_TEST(of_image("v4") == 3);
  BOOST_TEST(count("controllerrevisions.apps") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
