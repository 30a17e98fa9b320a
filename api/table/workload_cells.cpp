// Rows of the kinds that run pods.
#include "api/table/cells.hpp"

namespace thespis::api::table {

namespace {

row replica_cells(const json::value& object, timestamp now, std::string selector) {
  return {object_name(object),
          int_at(object, {"spec", "replicas"}),
          int_at(object, {"status", "replicas"}),
          int_at(object, {"status", "readyReplicas"}),
          object_age(object, now),
          container_names(object),
          container_images(object),
          std::move(selector)};
}

bool is_true(const json::value& job, std::string_view type) {
  for (const auto* c : items_at(job, {"status", "conditions"}))
    if (text_at(*c, {"type"}) == type && text_at(*c, {"status"}) == "True")
      return true;
  return false;
}

/// The most final of its conditions.
std::string job_status(const json::value& job) {
  for (const auto* type : {"Complete", "Failed"})
    if (is_true(job, type))
      return type;
  if (!text_at(job, {"metadata", "deletionTimestamp"}).empty())
    return "Terminating";
  for (const auto* type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"})
    if (is_true(job, type))
      return type;
  return "Running";
}

std::string job_completions(const json::value& job) {
  auto done = std::to_string(int_at(job, {"status", "succeeded"}));
  if (const auto* wanted = json::at(job, {"spec", "completions"}); wanted && wanted->IsInt64())
    return done + "/" + std::to_string(wanted->GetInt64());
  auto parallelism = int_at(job, {"spec", "parallelism"}, 1);
  return parallelism > 1 ? done + "/1 of " + std::to_string(parallelism) : done + "/1";
}

std::string job_duration(const json::value& job, timestamp now) {
  auto start = parse_time(text_at(job, {"status", "startTime"}));
  if (!start)
    return {};
  auto end = parse_time(text_at(job, {"status", "completionTime"}));
  return human_duration(end.value_or(now) - *start);
}

} // namespace

row deployment_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          std::to_string(int_at(object, {"status", "readyReplicas"})) + "/" +
              std::to_string(int_at(object, {"spec", "replicas"})),
          int_at(object, {"status", "updatedReplicas"}),
          int_at(object, {"status", "availableReplicas"}),
          object_age(object, now),
          container_names(object),
          container_images(object),
          format_label_selector(json::at(object, {"spec", "selector"}))};
}

row replica_set_cells(const json::value& object, timestamp now) {
  return replica_cells(object, now, format_label_selector(json::at(object, {"spec", "selector"})));
}

row replication_controller_cells(const json::value& object, timestamp now) {
  return replica_cells(object, now, format_labels(json::at(object, {"spec", "selector"})));
}

row daemon_set_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          int_at(object, {"status", "desiredNumberScheduled"}),
          int_at(object, {"status", "currentNumberScheduled"}),
          int_at(object, {"status", "numberReady"}),
          int_at(object, {"status", "updatedNumberScheduled"}),
          int_at(object, {"status", "numberAvailable"}),
          format_labels(json::at(object, {"spec", "template", "spec", "nodeSelector"})),
          object_age(object, now),
          container_names(object),
          container_images(object),
          format_label_selector(json::at(object, {"spec", "selector"}))};
}

row stateful_set_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          std::to_string(int_at(object, {"status", "readyReplicas"})) + "/" +
              std::to_string(int_at(object, {"spec", "replicas"})),
          object_age(object, now), container_names(object), container_images(object)};
}

row job_cells(const json::value& object, timestamp now) {
  return {object_name(object),      job_status(object),
          job_completions(object),  job_duration(object, now),
          object_age(object, now),  container_names(object),
          container_images(object), format_label_selector(json::at(object, {"spec", "selector"}))};
}

} // namespace thespis::api::table
