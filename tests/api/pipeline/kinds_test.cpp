#include "api/pipeline/cluster_fixture.hpp"
#include "api/pipeline/scale.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_kinds : cluster {
  static std::string workload(const std::string& spec = {}, const std::string& labels = "app") {
    return R"({"metadata":{"name":"d"},"spec":{)" + spec +
           R"("selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{")" +
           labels + R"(":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})";
  }
  std::string refused(const std::string& resource, const std::string& body) {
    auto r = create(resource, "default", body);
    return r.ok ? "accepted" : r.failure.message;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(kinds, with_kinds)

BOOST_AUTO_TEST_CASE(deployment_grows_its_generation_with_spec_and_annotations) {
  auto r = ok(create("deployments.apps", "default", workload()));
  BOOST_TEST(text_at(*r.object, {"spec", "replicas"}) == "1");
  BOOST_TEST(text_at(*r.object, {"spec", "strategy", "rollingUpdate"}) ==
             R"({"maxUnavailable":"25%","maxSurge":"25%"})");
  BOOST_TEST(r.object->meta().generation == 1);
  r = ok(patch("deployments.apps", "default", "d", R"({"metadata":{"labels":{"a":"b"}}})"));
  BOOST_TEST(r.object->meta().generation == 1);
  r = ok(patch("deployments.apps", "default", "d", R"({"metadata":{"annotations":{"a":"b"}}})"));
  BOOST_TEST(r.object->meta().generation == 2);
  r = ok(patch("deployments.apps", "default", "d", R"({"spec":{"replicas":3}})"));
  BOOST_TEST(r.object->meta().generation == 3);
  r = ok(patch("deployments.apps", "default", "d",
               R"({"metadata":{"labels":{"z":"z"}},"spec":{"replicas":9},
                   "status":{"replicas":2,"observedGeneration":3}})",
               patch_kind::json_merge, "status"));
  BOOST_TEST(r.object->meta().generation == 3);
  BOOST_TEST(text_at(*r.object, {"spec", "replicas"}) == "3");
  BOOST_TEST(text_at(*r.object, {"status", "replicas"}) == "2");
  BOOST_TEST(find_label(r.object->labels(), "z") == nullptr);
}

BOOST_AUTO_TEST_CASE(deployment_selector_matches_and_stays) {
  BOOST_TEST(refused("deployments.apps", workload({}, "other")) ==
             "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: "
             "{\"other\":\"x\"}: `selector` does not match template `labels`");
  ok(create("deployments.apps", "default", workload()));
  auto r = patch("deployments.apps", "default", "d",
                 R"({"spec":{"selector":{"matchLabels":{"app":"y"}},
                     "template":{"metadata":{"labels":{"app":"y"}}}}})");
  BOOST_TEST(r.failure.message == "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: "
                                  "{\"matchLabels\":{\"app\":\"y\"}}: field is immutable");
}

BOOST_AUTO_TEST_CASE(deployment_strategy_follows_its_rules) {
  BOOST_TEST(
      refused("deployments.apps",
              workload(R"("strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}},)")) ==
      "Deployment.apps \"d\" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be "
      "specified when strategy `type` is 'Recreate'");
  BOOST_TEST(
      refused("deployments.apps",
              workload(R"("strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}},)")) ==
      "Deployment.apps \"d\" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid "
      "value: 0: may not be 0 when `maxSurge` is 0");
  BOOST_TEST(refused("deployments.apps",
                     workload(R"("minReadySeconds":60,"progressDeadlineSeconds":60,)")) ==
             "Deployment.apps \"d\" is invalid: spec.progressDeadlineSeconds: Invalid value: 60: "
             "must be greater than minReadySeconds");
  BOOST_TEST(refused("deployments.apps", workload(R"("replicas":-1,)")) ==
             "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater "
             "than or equal to 0");
  BOOST_TEST(refused("deployments.apps", R"({"metadata":{"name":"d"},"spec":{"template":{"spec":
             {"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}})")
                 .find("spec.selector: Required value") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(replication_controller_selects_its_template) {
  auto r = ok(create("replicationcontrollers", "default",
                     R"({"metadata":{"name":"rc"},"spec":{"template":{"metadata":{"labels":
                       {"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  BOOST_TEST(text_at(*r.object, {"spec", "selector"}) == R"({"app":"x"})");
  BOOST_TEST(text_at(*r.object, {"status"}) == R"({"replicas":0})");
  r = ok(remove("replicationcontrollers", "default", "rc"));
  BOOST_TEST(text_at(*r.object, {"metadata", "finalizers"}) == R"(["orphan"])");
}

BOOST_AUTO_TEST_CASE(scale_reads_and_writes_replicas) {
  auto r = ok(create("deployments.apps", "default", workload(R"("replicas":2,)")));
  BOOST_TEST(
      *scale_of(*schema::registry::builtin().find_group_resource("deployments.apps"), *r.object) ==
      R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"d","namespace":"default","uid":")" +
          r.object->uid() + R"(","resourceVersion":")" + std::to_string(r.object->revision()) +
          R"(","creationTimestamp":"2030-01-02T00:00:00Z"},"spec":{"replicas":2},"status":{"replicas":0,"selector":"app=x"}})");
  r = ok(update("deployments.apps", "default", "d",
                R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"d"},
                    "spec":{"replicas":5}})",
                "scale"));
  BOOST_TEST(text_at(*r.object, {"spec", "replicas"}) == "5");
  BOOST_TEST(r.object->meta().generation == 2);
  r = ok(patch("deployments.apps", "default", "d", R"({"spec":{"replicas":0}})",
               patch_kind::json_merge, "scale"));
  BOOST_TEST(text_at(*r.object, {"spec", "replicas"}) == "0");
  r = patch("deployments.apps", "default", "d", R"({"spec":{"replicas":-2}})",
            patch_kind::json_merge, "scale");
  BOOST_TEST(r.failure.message == "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid "
                                  "value: -2: must be greater than or equal to 0");
  r = update("deployments.apps", "default", "d",
             R"({"metadata":{"name":"d","resourceVersion":"1"},"spec":{"replicas":5}})", "scale");
  BOOST_TEST(http_code(r.failure.why) == 409);
}

BOOST_AUTO_TEST_CASE(strategic_merge_keeps_other_containers) {
  ok(create("deployments.apps", "default", workload()));
  auto r = ok(patch("deployments.apps", "default", "d",
                    R"({"spec":{"template":{"spec":{"containers":[
                      {"name":"side","image":"s"},{"name":"c","image":"i2"}]}}}})",
                    patch_kind::strategic_merge));
  auto text = text_at(*r.object, {"spec", "template", "spec", "containers"});
  BOOST_TEST(text.find(R"("image":"i2")") != std::string::npos);
  BOOST_TEST(text.find(R"("name":"side")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(secret_takes_plain_strings) {
  auto r = ok(create("secrets", "default",
                     R"({"metadata":{"name":"s"},"data":{"a":"MQ=="},"stringData":{"b":"two"}})"));
  BOOST_TEST(text_at(*r.object, {"data"}) == R"({"a":"MQ==","b":"dHdv"})");
  BOOST_TEST(text_at(*r.object, {"stringData"}) == "");
  BOOST_TEST(text_at(*r.object, {"type"}) == "Opaque");
  r = patch("secrets", "default", "s", R"({"type":"example.com/t"})");
  BOOST_TEST(r.failure.message == "Secret \"s\" is invalid: type: Invalid value: "
                                  "\"example.com/t\": field is immutable");
  BOOST_TEST(refused("secrets", R"({"metadata":{"name":"t"},"type":"kubernetes.io/tls"})") ==
             "Secret \"t\" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required "
             "value]");
}

BOOST_AUTO_TEST_CASE(immutable_config_map_stays) {
  ok(create("configmaps", "default",
            R"({"metadata":{"name":"m"},"immutable":true,"data":{"a":"1"}})"));
  auto r = patch("configmaps", "default", "m", R"({"data":{"a":"2"}})");
  BOOST_TEST(r.failure.message == "ConfigMap \"m\" is invalid: data: Forbidden: field is "
                                  "immutable when `immutable` is set");
  r = patch("configmaps", "default", "m", R"({"immutable":false})");
  BOOST_TEST(r.failure.message == "ConfigMap \"m\" is invalid: immutable: Forbidden: field is "
                                  "immutable when `immutable` is set");
  ok(patch("configmaps", "default", "m", R"({"metadata":{"labels":{"x":"y"}}})"));
}

BOOST_AUTO_TEST_CASE(namespace_is_labelled_and_held) {
  auto r = ok(create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  BOOST_TEST(text_at(*r.object, {"metadata", "labels"}) ==
             R"({"kubernetes.io/metadata.name":"n"})");
  BOOST_TEST(text_at(*r.object, {"spec", "finalizers"}) == R"(["kubernetes"])");
  BOOST_TEST(text_at(*r.object, {"status", "phase"}) == "Active");
  BOOST_TEST(refused("namespaces", R"({"metadata":{"name":"A_b"}})")
                 .find("metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 label must") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(node_keeps_the_status_it_registers_with) {
  auto r =
      ok(create("nodes", "", R"({"metadata":{"name":"n1"},"status":{"capacity":{"cpu":"2"}}})"));
  BOOST_TEST(text_at(*r.object, {"status", "capacity", "cpu"}) == "2");
  r = ok(
      patch("nodes", "", "n1", R"({"spec":{"podCIDR":"10.0.1.0/24","podCIDRs":["10.0.1.0/24"]}})"));
  r = patch("nodes", "", "n1", R"({"spec":{"podCIDR":"10.0.2.0/24","podCIDRs":["10.0.2.0/24"]}})");
  BOOST_TEST(http_code(r.failure.why) == 422);
  r = patch(
      "nodes", "", "n1",
      R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"}]}})");
  BOOST_TEST(r.failure.message.find("spec.taints[1]: Duplicate value") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lease_update_names_its_revision_or_creates) {
  auto r = ok(update("leases.coordination.k8s.io", "default", "l",
                     R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"a"}})"));
  BOOST_TEST(r.created);
  r = update("leases.coordination.k8s.io", "default", "l",
             R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"b"}})");
  BOOST_TEST(r.failure.message.find("metadata.resourceVersion: Invalid value: 0: must be specified "
                                    "for an update") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(endpoint_slice_keeps_its_address_type) {
  ok(create(
      "endpointslices.discovery.k8s.io", "default",
      R"({"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],
                "ports":[{"port":80}]})"));
  auto r = patch("endpointslices.discovery.k8s.io", "default", "e", R"({"addressType":"FQDN"})");
  BOOST_TEST(r.failure.message.find("addressType: Invalid value: \"FQDN\": field is immutable") !=
             std::string::npos);
  r = ok(patch("endpointslices.discovery.k8s.io", "default", "e",
               R"({"endpoints":[{"addresses":["10.0.0.2"]}]})"));
  BOOST_TEST(r.object->meta().generation == 2);
}

BOOST_AUTO_TEST_CASE(metadata_follows_its_rules) {
  BOOST_TEST(refused("configmaps", R"({"metadata":{"name":"a","labels":{"x":"a b"}}})")
                 .find("metadata.labels: Invalid value: \"a b\": a valid label must be") !=
             std::string::npos);
  BOOST_TEST(refused("configmaps", R"({"metadata":{"name":"a","finalizers":["mine"]}})") ==
             "ConfigMap \"a\" is invalid: metadata.finalizers: Invalid value: \"mine\": name is "
             "neither a standard finalizer name nor is it fully qualified");
  BOOST_TEST(refused("configmaps", R"({"metadata":{"name":"a","ownerReferences":[{"apiVersion":"v1",
             "kind":"Pod","name":"p","uid":""}]}})") ==
             "ConfigMap \"a\" is invalid: metadata.ownerReferences.uid: Invalid value: \"\": must "
             "not be empty");
  std::string big(256 * 1024, 'x');
  BOOST_TEST(
      refused("configmaps", R"({"metadata":{"name":"a","annotations":{"k":")" + big + R"("}}})") ==
      "ConfigMap \"a\" is invalid: metadata.annotations: Too long: may not be more than "
      "262144 bytes");
}

BOOST_AUTO_TEST_CASE(unknown_resources_and_methods_are_named_as_such) {
  auto r = create("gadgets", "default", "{}");
  BOOST_TEST(r.failure.message == "the server could not find the requested resource");
  BOOST_TEST(http_code(r.failure.why) == 404);
  r = create("configmaps", "default", "{}", "a", "status");
  BOOST_TEST(http_code(r.failure.why) == 404);
  r = update("pods", "default", "p", "{}", "binding");
  BOOST_TEST(http_code(r.failure.why) == 405);
}

BOOST_AUTO_TEST_SUITE_END()
