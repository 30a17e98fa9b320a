// Pods that a node runs because a file says so, and what the API shows of them.
#include "actors/pod/node_fixture.hpp"

#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::test;

namespace {

struct static_node : node_fixture {
  std::filesystem::path folder;

  static_node() : node_fixture(false) {
    char name[] = "/tmp/thespis-static-XXXXXX";
    folder = ::mkdtemp(name);
    create("{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}");
  }
  ~static_node() { std::filesystem::remove_all(folder); }

  void write(const std::string& file, const std::string& image = "web:1") const {
    std::ofstream{folder / file}
        << "apiVersion: v1\nkind: Pod\nmetadata: {name: proxy, namespace: kube-system}\nspec:\n"
           "  containers: [{name: main, image: '" +
               image + "', imagePullPolicy: IfNotPresent}]\n";
  }
  void start() {
    actors::node_deps deps;
    deps.static_pod_path = folder.string();
    start_node(deps);
    advance(15s);
  }
  api::v1::pod mirror() const { return get<api::v1::pod>("proxy-node-1", "kube-system"); }
  std::string container() const {
    const auto all = mirror().status.container_statuses;
    return all.empty() ? "" : all[0].container_id;
  }
  static std::string hash_of(const api::v1::pod& p) {
    return p.metadata.annotations.at("kubernetes.io/config.hash");
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(static_pods, static_node)

BOOST_AUTO_TEST_CASE(run_and_are_shown) {
  write("proxy.yaml");
  write(".hidden.yaml", "other:1");
  std::ofstream{folder / "broken.yaml"} << "kind: [";
  start();
  const auto p = mirror();
  BOOST_TEST(p.status.phase == "Running");
  BOOST_TEST(p.spec.node_name == "node-1");
  BOOST_TEST(p.metadata.annotations.at("kubernetes.io/config.mirror") == hash_of(p));
  BOOST_TEST(p.metadata.annotations.at("kubernetes.io/config.source") == "file");
  BOOST_REQUIRE(p.metadata.owner_references.size() == 1);
  BOOST_TEST(p.metadata.owner_references[0].kind == "Node");
  BOOST_TEST(p.metadata.owner_references[0].uid == get<api::v1::node>("node-1", "").metadata.uid);
  BOOST_TEST(count("pods", "kube-system") == 1u);
  BOOST_TEST(sandboxes() == 1u);
}

BOOST_AUTO_TEST_CASE(outlive_their_mirror) {
  write("proxy.yaml");
  start();
  const auto before = mirror();
  const auto id = container();
  remove("pods", "proxy-node-1", "kube-system");
  advance(15s);
  BOOST_TEST(mirror().metadata.uid != before.metadata.uid);
  BOOST_TEST(mirror().status.phase == "Running");
  BOOST_TEST(container() == id);
  BOOST_TEST(mirror().metadata.deletion_timestamp == "");
}

BOOST_AUTO_TEST_CASE(go_with_their_file) {
  write("proxy.yaml");
  start();
  std::filesystem::remove(folder / "proxy.yaml");
  advance(60s);
  BOOST_TEST(count("pods", "kube-system") == 0u);
  BOOST_TEST(sandboxes() == 0u);
}

BOOST_AUTO_TEST_CASE(are_replaced_with_their_file) {
  write("proxy.yaml");
  start();
  const auto before = hash_of(mirror());
  write("proxy.yaml", "web:2");
  advance(90s);
  BOOST_TEST(hash_of(mirror()) != before);
  BOOST_TEST(mirror().spec.containers[0].image == "web:2");
  BOOST_TEST(mirror().status.phase == "Running");
  BOOST_TEST(sandboxes() == 1u);
}

BOOST_AUTO_TEST_CASE(run_on_when_the_node_starts_again) {
  write("proxy.yaml");
  start();
  const auto id = container();
  stop_node();
  start();
  BOOST_TEST(container() == id);
  BOOST_TEST(sandboxes() == 1u);
}

BOOST_AUTO_TEST_CASE(leave_ordinary_pods_of_their_name_alone) {
  create(
      "{apiVersion: v1, kind: Pod, metadata: {name: proxy-node-1, namespace: kube-system}, spec: "
      "{nodeName: node-1, automountServiceAccountToken: false, containers: [{name: c, image: "
      "'web:1', imagePullPolicy: IfNotPresent}]}}");
  write("proxy.yaml");
  start();
  BOOST_TEST(mirror().metadata.annotations.empty());
  BOOST_TEST(mirror().status.phase == "Running");
}

BOOST_AUTO_TEST_CASE(run_while_the_api_takes_nothing) {
  start();
  // Nobody answers: no mirror can be made.
  const auto requests = env().roles->find<caf::actor>(runtime::requests_role);
  env().roles->erase(std::string{runtime::requests_role});
  write("proxy.yaml");
  advance(30s);
  BOOST_TEST(sandboxes() == 1u);
  BOOST_TEST(count("pods", "kube-system") == 0u);
  env().roles->put(std::string{runtime::requests_role},
                   caf::actor_cast<caf::strong_actor_ptr>(requests));
  advance(30s);
  BOOST_TEST(mirror().status.phase == "Running");
  BOOST_TEST(mirror().status.container_statuses[0].restart_count == 0);
  BOOST_TEST(sandboxes() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
