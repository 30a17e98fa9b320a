// Deployments, ReplicaSets, ReplicationControllers, DaemonSets, StatefulSets, Jobs and CronJobs.
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/batch.hpp"
#include "api/validation/workload.hpp"

namespace thespis::api {

namespace {

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

void validate_stateful_change(const operation& op, const json::value& now, const json::value& old,
                              findings& f) {
  if (!is_status_call(op))
    validate_stateful_set_update(now, old, f);
}

void validate_job_change(const operation& op, const json::value& now, const json::value& old,
                         findings& f) {
  if (!is_status_call(op))
    validate_job_update(now, old, f);
}

/// A job's pods are known by its uid: in labels of the template, and in a selector for them.
void label_pods(operation&, json::document& job) {
  auto& a = job.GetAllocator();
  auto& spec = json::ensure_object(job, "spec", a);
  if (json::get_bool(spec, "manualSelector"))
    return;
  const std::string uid(json::get_string(metadata_of(job), "uid"));
  const std::string name(json::get_string(metadata_of(job), "name"));
  auto& labels = json::ensure_object(
      json::ensure_object(json::ensure_object(spec, "template", a), "metadata", a), "labels", a);
  for (std::string_view prefix : {"", "batch.kubernetes.io/"}) {
    json::set(labels, std::string(prefix) + "controller-uid", uid, a);
    json::set(labels, std::string(prefix) + "job-name", name, a);
  }
  auto& selector = json::ensure_object(spec, "selector", a);
  if (!selector.IsObject())
    return;
  auto& wanted = json::ensure_object(selector, "matchLabels", a);
  if (wanted.IsObject() && !json::find(wanted, "batch.kubernetes.io/controller-uid"))
    json::set(wanted, "batch.kubernetes.io/controller-uid", uid, a);
}

std::vector<strategy> batch_strategies() {
  strategy job;
  job.resource = "jobs.batch";
  job.orphans_by_default = true;
  job.prepare_create = label_pods;
  job.validate = validate_job;
  job.validate_create = validate_new_job;
  job.validate_update = validate_job_change;

  strategy cron_job;
  cron_job.resource = "cronjobs.batch";
  cron_job.validate = validate_cron_job;
  return {job, cron_job};
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
  set.validate = validate_replica_set;
  set.validate_update = validate_change;

  strategy controller;
  controller.resource = "replicationcontrollers";
  controller.orphans_by_default = true;
  controller.validate = validate_replication_controller;

  strategy daemons;
  daemons.resource = "daemonsets.apps";
  daemons.validate = validate_daemon_set;
  daemons.validate_update = validate_change;

  strategy stateful;
  stateful.resource = "statefulsets.apps";
  stateful.validate = validate_stateful_set;
  stateful.validate_update = validate_stateful_change;

  auto all = batch_strategies();
  all.insert(all.end(), {deployment, set, controller, daemons, stateful});
  return all;
}

} // namespace thespis::api
