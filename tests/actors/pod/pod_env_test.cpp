#include "actors/pod/fake_state.hpp"
#include "actors/pod/pod_driver.hpp"
#include "actors/pod/pod_env.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct env_fixture {
  fake_state state;
  node_facts node;
  volume_paths volumes;

  env_fixture() {
    node.name = "node-1";
    node.ip = "192.0.2.1";
    node.second_ip = "2001:db8::1";
    node.cluster_domain = "cluster.local";
    node.allocatable = {{"cpu", "4"}, {"memory", "8Gi"}};
    state.put("configmaps", "{metadata: {name: settings}, data: {COLOR: blue, a-b: dash}}");
    state.put("secrets", "{metadata: {name: keys}, data: {token: czNjcjN0}}");
    state.put("services", "{metadata: {name: kubernetes}, spec: {clusterIP: 10.43.0.1, ports: "
                          "[{name: https, port: 443, protocol: TCP}]}}");
  }

  container_surroundings around() const {
    return {node, state, volumes, {"10.42.0.5", "fd42::5"}, 0, {}, {}, {}};
  }

  api::result<std::vector<runtime::env_var>> make(std::string_view text) const {
    const auto object = make_pod(text);
    const auto pod = api::typed<api::v1::pod>(*object);
    return make_env(*pod, pod->spec.containers.front(), around());
  }

  /// The variables that a container with this `env` (and perhaps more) gets.
  std::map<std::string, std::string> vars(const std::string& fields) const {
    const auto res = make("{metadata: {labels: {app: web, tier: 'a\"b'}}, spec: "
                          "{enableServiceLinks: false, serviceAccountName: robot, containers: "
                          "[{name: main, image: i, " +
                          fields + "}]}}");
    BOOST_REQUIRE_MESSAGE(res, res.error().message);
    std::map<std::string, std::string> all;
    for (const auto& v : *res)
      BOOST_REQUIRE_MESSAGE(all.emplace(v.name, v.value).second, v.name << " twice");
    return all;
  }

  std::string failure(const std::string& fields) const {
    const auto res = make("{spec: {containers: [{name: main, image: i, " + fields + "}]}}");
    BOOST_REQUIRE(!res);
    return res.error().message;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(pod_env, env_fixture)

BOOST_AUTO_TEST_CASE(expands_variables_as_kubelet_does) {
  const std::vector<runtime::env_var> env{{"A", "1"}, {"B", "$(A)"}, {"A", "2"}};
  BOOST_TEST(expand_variables("$(A)-$(B)", env) == "2-$(A)");
  BOOST_TEST(expand_variables("$$(A) $(NO) $A $ $$ $(A $(", env) == "$(A) $(NO) $A $ $ $(A $(");
  BOOST_TEST(expand_variables("$$$(A)", env) == "$2");
  BOOST_TEST(expand_all_variables("x/$(A)", env).value() == "x/2");
  BOOST_TEST(expand_all_variables("x/$(NO)", env).error().message == "missing value for \"NO\"");
}

BOOST_AUTO_TEST_CASE(later_variables_see_earlier_ones_and_win) {
  const auto all =
      vars("envFrom: [{prefix: P_, configMapRef: {name: settings}}], env: [{name: X, "
           "value: '$(P_COLOR)$(LATER)'}, {name: LATER, value: late}, {name: Z, value: "
           "'$(LATER)$(KUBERNETES_SERVICE_HOST)'}, {name: P_a-b, value: own}]");
  BOOST_TEST(all.at("P_COLOR") == "blue");
  BOOST_TEST(all.at("X") == "blue$(LATER)");
  BOOST_TEST(all.at("Z") == "late10.43.0.1");
  BOOST_TEST(all.at("P_a-b") == "own");
}

BOOST_AUTO_TEST_CASE(reads_config_maps_and_secrets) {
  const auto all =
      vars("envFrom: [{secretRef: {name: keys}}, {configMapRef: {name: none, optional: true}}], "
           "env: [{name: C, valueFrom: {configMapKeyRef: {name: settings, key: COLOR}}}, {name: S, "
           "valueFrom: {secretKeyRef: {name: keys, key: token}}}, {name: N, valueFrom: "
           "{secretKeyRef: {name: keys, key: none, optional: true}}}, {name: M, valueFrom: "
           "{configMapKeyRef: {name: none, key: k, optional: true}}}]");
  BOOST_TEST(all.at("token") == "s3cr3t");
  BOOST_TEST(all.at("C") == "blue");
  BOOST_TEST(all.at("S") == "s3cr3t");
  BOOST_TEST(!all.contains("N"));
  BOOST_TEST(!all.contains("M"));
}

BOOST_AUTO_TEST_CASE(says_what_is_missing_in_kubelets_words) {
  BOOST_TEST(failure("envFrom: [{configMapRef: {name: none}}]") == "configmap \"none\" not found");
  BOOST_TEST(failure("envFrom: [{secretRef: {name: none}}]") == "secret \"none\" not found");
  BOOST_TEST(
      failure("env: [{name: X, valueFrom: {configMapKeyRef: {name: settings, key: nope}}}]") ==
      "couldn't find key nope in ConfigMap default/settings");
  BOOST_TEST(failure("env: [{name: X, valueFrom: {secretKeyRef: {name: keys, key: nope}}}]") ==
             "couldn't find key nope in Secret default/keys");
  BOOST_TEST(failure("env: [{name: X, valueFrom: {fieldRef: {fieldPath: status.phase}}}]") ==
             "unsupported fieldPath: status.phase");
}

BOOST_AUTO_TEST_CASE(tells_the_pod_about_itself) {
  const auto field = [this](const std::string& path) {
    return vars("env: [{name: X, valueFrom: {fieldRef: {fieldPath: \"" + path + "\"}}}]").at("X");
  };
  BOOST_TEST(field("metadata.name") == "web");
  BOOST_TEST(field("metadata.namespace") == "default");
  BOOST_TEST(field("metadata.uid") == "u-1");
  BOOST_TEST(field("metadata.labels['app']") == "web");
  BOOST_TEST(field("metadata.labels['none']") == "");
  BOOST_TEST(field("metadata.labels") == "app=\"web\"\ntier=\"a\\\"b\"");
  BOOST_TEST(field("spec.nodeName") == "node-1");
  BOOST_TEST(field("spec.serviceAccountName") == "robot");
  BOOST_TEST(field("status.podIP") == "10.42.0.5");
  BOOST_TEST(field("status.hostIP") == "192.0.2.1");
  BOOST_TEST(field("status.podIPs") == "10.42.0.5,fd42::5");
  BOOST_TEST(field("status.hostIPs") == "192.0.2.1,2001:db8::1");
}

BOOST_AUTO_TEST_CASE(tells_resources_in_units_of_the_divisor) {
  const auto value = [this](const std::string& ref) {
    return vars("resources: {limits: {cpu: 1500m}, requests: {cpu: 250m, memory: 100Mi}}, env: "
                "[{name: X, valueFrom: {resourceFieldRef: {" +
                ref + "}}}]")
        .at("X");
  };
  BOOST_TEST(value("resource: limits.cpu") == "2");
  BOOST_TEST(value("resource: limits.cpu, divisor: 1m") == "1500");
  BOOST_TEST(value("resource: requests.memory") == "104857600");
  BOOST_TEST(value("resource: requests.memory, divisor: 1Mi") == "100");
  BOOST_TEST(value("resource: requests.memory, divisor: 1Gi") == "1");
  BOOST_TEST(value("resource: limits.memory, divisor: 1Gi") == "8");
  BOOST_TEST(value("resource: requests.ephemeral-storage") == "0");
}

BOOST_AUTO_TEST_CASE(finds_services_by_variables) {
  state.put("services", "{metadata: {name: my-db}, spec: {clusterIP: 10.43.0.9, ports: [{name: "
                        "sql-x, port: 5432, protocol: TCP}, {name: dns, port: 53, protocol: "
                        "UDP}]}}");
  state.put("services",
            "{metadata: {name: headless}, spec: {clusterIP: None, ports: [{port: 1}]}}");
  state.put("services", "{metadata: {name: far, namespace: other}, spec: {clusterIP: 10.43.0.8, "
                        "ports: [{port: 1}]}}");
  const auto res = make("{spec: {containers: [{name: main, image: i}]}}");
  BOOST_REQUIRE(res);
  std::map<std::string, std::string> all;
  for (const auto& v : *res)
    all[v.name] = v.value;
  BOOST_TEST(all.at("KUBERNETES_SERVICE_HOST") == "10.43.0.1");
  BOOST_TEST(all.at("KUBERNETES_SERVICE_PORT_HTTPS") == "443");
  BOOST_TEST(all.at("MY_DB_SERVICE_HOST") == "10.43.0.9");
  BOOST_TEST(all.at("MY_DB_SERVICE_PORT") == "5432");
  BOOST_TEST(all.at("MY_DB_SERVICE_PORT_SQL_X") == "5432");
  BOOST_TEST(all.at("MY_DB_PORT") == "tcp://10.43.0.9:5432");
  BOOST_TEST(all.at("MY_DB_PORT_53_UDP") == "udp://10.43.0.9:53");
  BOOST_TEST(all.at("MY_DB_PORT_53_UDP_PROTO") == "udp");
  BOOST_TEST(all.at("MY_DB_PORT_53_UDP_ADDR") == "10.43.0.9");
  BOOST_TEST(!all.contains("HEADLESS_SERVICE_HOST"));
  BOOST_TEST(!all.contains("FAR_SERVICE_HOST"));
  // Without links the API's own service is still known.
  BOOST_TEST(vars("env: []").contains("KUBERNETES_SERVICE_HOST"));
  BOOST_TEST(!vars("env: []").contains("MY_DB_SERVICE_HOST"));
}

BOOST_AUTO_TEST_SUITE_END()
