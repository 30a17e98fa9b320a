#include "actors/controllers/controllers.hpp"

#include "actors/controllers/bootstrap_signer.hpp"
#include "actors/controllers/cluster_role_aggregation.hpp"
#include "actors/controllers/cron_job.hpp"
#include "actors/controllers/daemon_set.hpp"
#include "actors/controllers/deployment.hpp"
#include "actors/controllers/disruption.hpp"
#include "actors/controllers/endpoint_slice_mirroring.hpp"
#include "actors/controllers/endpoints.hpp"
#include "actors/controllers/garbage_collector.hpp"
#include "actors/controllers/ingress_status.hpp"
#include "actors/controllers/job.hpp"
#include "actors/controllers/namespace_content.hpp"
#include "actors/controllers/policy_status.hpp"
#include "actors/controllers/replication.hpp"
#include "actors/controllers/resource_quota.hpp"
#include "actors/controllers/stateful_set.hpp"
#include "actors/controllers/volume_protection.hpp"

namespace thespis::actors {

std::vector<controller_entry> all_controllers(const runtime::environment& env,
                                              const controller_tunables& t) {
  std::vector<controller_entry> all{
      {"deployment", [] { return make_deployment_controller(); }},
      {"replicaset", [random = env.random] { return make_replica_set_controller(random); }},
      {"replication", [random = env.random] { return make_replication_controller(random); }},
      {"daemonset", [] { return make_daemon_set_controller(); }},
      {"statefulset", [] { return make_stateful_set_controller(); }},
      {"job", [] { return make_job_controller(); }},
      {"cronjob", [] { return make_cron_job_controller(); }},
      {"endpointslice",
       [deps = t.endpoint_slices] { return make_endpoint_slice_controller(deps); }},
      {"endpoints", [] { return make_endpoints_controller(); }},
      {"endpointslicemirroring", [] { return make_endpoint_slice_mirroring(); }},
      {"ipaddress", [] { return make_ip_address_controller(); }},
      {"servicecidr", [deps = t.service_ranges] { return make_service_cidr_controller(deps); }},
      {"namespace",
       [deps = namespace_deps{env.schemas, t.foreign}] { return make_namespace_controller(deps); }},
      {"garbagecollector", [schemas = env.schemas] { return make_garbage_collector(schemas); }},
      {"node", [deps = t.nodes] { return make_node_lifecycle_controller(deps); }},
      {"podgc", [deps = t.pod_garbage] { return make_pod_garbage_collector(deps); }},
      {"serviceaccount", [deps = t.namespaces] { return make_namespace_defaults(deps); }},
      {"resourcequota",
       [schemas = env.schemas] { return make_resource_quota_controller(schemas); }},
      {"pvcprotection", [] { return make_claim_protection(); }},
      {"pvprotection", [] { return make_volume_protection(); }},
      {"persistentvolume-binder", [deps = t.volumes] { return make_volume_binder(deps); }},
      {"ephemeral-volume", [] { return make_ephemeral_volume_controller(); }},
      {"validatingadmissionpolicy-status",
       [schemas = env.schemas] { return make_policy_status_controller(schemas); }},
      {"disruption", [] { return make_disruption_controller(); }},
      {"eventttl", [deps = t.events] { return make_event_expiry(deps); }},
      {"bootstrapsigner", [] { return make_bootstrap_signer(); }},
      {"tokencleaner", [] { return make_token_cleaner(); }},
      {"clusterroleaggregation", [] { return make_cluster_role_aggregation(); }},
  };
  if (t.serve_ingresses)
    all.push_back({"ingress-status", [] { return make_ingress_status_controller(); }});
  if (t.balance_services)
    all.push_back(
        {"service-lb", [deps = t.service_balancer] { return make_service_balancer(deps); }});
  if (t.resources)
    all.push_back({"customresource", [deps = custom_resource_deps{t.resources, env.schemas}] {
                     return make_custom_resource_controller(deps);
                   }});
  if (t.node_ipam)
    all.push_back({"nodeipam", [deps = *t.node_ipam] { return make_node_ipam_controller(deps); }});
  if (t.api_services.host)
    all.push_back(
        {"apiservice", [deps = t.api_services] { return make_api_service_controller(deps); }});
  if (t.token_secrets.tokens)
    all.push_back({"serviceaccounttoken", [deps = t.token_secrets] {
                     return make_service_account_token_controller(deps);
                   }});
  if (t.signing.sign)
    all.push_back(
        {"certificatesigning", [deps = t.signing] { return make_certificate_signing(deps); }});
  if (!t.trust_bundles.root_ca.empty())
    all.push_back({"trustbundlepublisher",
                   [deps = t.trust_bundles] { return make_trust_bundle_publisher(deps); }});
  if (t.access.policy)
    all.push_back({"accessindex", [deps = t.access] { return make_access_index(deps); }});
  if (t.autoscaler.state)
    all.push_back(
        {"horizontalpodautoscaler", [deps = t.autoscaler] { return make_autoscaler(deps); }});
  if (t.flows.gate)
    all.push_back({"flowcontrol", [deps = t.flows] { return make_flow_control(deps); }});
  return all;
}

} // namespace thespis::actors
