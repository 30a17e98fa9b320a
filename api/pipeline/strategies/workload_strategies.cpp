// Deployments, ReplicaSets and ReplicationControllers.
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/workload.hpp"

namespace thespis::api {

namespace {

/// A new set has no pods, and says so.
void count_none(operation&, json::document& doc) {
  auto& a = doc.GetAllocator();
  json::value status(rapidjson::kObjectType);
  json::set(status, "replicas", json::value(0), a);
  json::set(doc, "status", std::move(status), a);
}

/// The status endpoint of Deployments leaves labels alone.
void keep_labels(operation& op, json::document& doc, const json::value& old) {
  auto& a = doc.GetAllocator();
  if (is_status_call(op))
    keep_member(json::ensure_object(doc, "metadata", a), metadata_of(old), "labels", a);
}

void validate_change(const operation& op, const json::value& now, const json::value& old,
                     findings& f) {
  if (!is_status_call(op))
    validate_selector_kept(now, old, f);
}

} // namespace

std::vector<strategy> workload_strategies() {
  strategy deployment;
  deployment.resource = "deployments.apps";
  deployment.prepare_update = keep_labels;
  deployment.validate = validate_deployment;
  deployment.validate_update = validate_change;

  strategy set;
  set.resource = "replicasets.apps";
  set.prepare_create = count_none;
  set.validate = validate_replica_set;
  set.validate_update = validate_change;

  strategy controller;
  controller.resource = "replicationcontrollers";
  controller.orphans_by_default = true;
  controller.prepare_create = count_none;
  controller.validate = validate_replication_controller;
  return {deployment, set, controller};
}

} // namespace thespis::api
