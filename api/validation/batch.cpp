#include "api/validation/batch.hpp"

#include "api/text/cron.hpp"
#include "api/text/labels.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"
#include "api/validation/workload.hpp"

#include <filesystem>
#include <unordered_set>

namespace thespis::api {

namespace {

constexpr int64_t max_indexed_parallelism = 100000;
constexpr size_t max_exit_codes = 255;
constexpr size_t max_policy_rules = 20;
/// The jobs of a CronJob have eleven characters more than its own name.
constexpr size_t max_cron_job_name = 52;

void check_exit_codes(const json::value& codes, const path& at, findings& f) {
  const auto op = text(codes, "operator");
  if (op != "In" && op != "NotIn")
    f.not_supported(path(at, "operator"), op, {"In", "NotIn"});
  const auto& values = member(codes, "values");
  path list(at, "values");
  if (!filled(values))
    f.invalid(list, values, "at least one value is required");
  else if (count(values) > max_exit_codes)
    f.too_many(list, count(values), max_exit_codes);
  int64_t last = -1;
  std::unordered_set<int64_t> seen;
  bool ordered = true;
  each(codes, "values", at, [&](const json::value& v, const path& p) {
    const auto n = v.IsInt64() ? v.GetInt64() : 0;
    if (op == "In" && n == 0)
      f.invalid(p, n, "must not be 0 for the In operator");
    if (!seen.insert(n).second)
      f.duplicate(p, v);
    else
      ordered = ordered && n > last;
    last = n;
  });
  if (!ordered)
    f.invalid(list, values, "must be ordered");
}

/// An Invalid of an object as a whole, which shows no value.
void invalid_whole(const path& at, std::string_view detail, findings& f) {
  f.causes().push_back({"FieldValueInvalid", "Invalid value: " + std::string(detail), at.str()});
}

void check_failure_policy(const json::value& spec, const path& at, findings& f) {
  const auto& policy = member(spec, "podFailurePolicy");
  if (!policy.IsObject())
    return;
  path p(at, "podFailurePolicy");
  if (const auto n = count(member(policy, "rules")); n > max_policy_rules)
    f.too_many(path(p, "rules"), n, max_policy_rules);
  each(policy, "rules", p, [&](const json::value& rule, const path& r) {
    const auto action = text(rule, "action");
    if (action.empty())
      f.required(path(r, "action"),
                 "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
    else if (action == "FailIndex" && !has(spec, "backoffLimitPerIndex"))
      f.invalid(path(r, "action"), action, "requires the backoffLimitPerIndex to be set");
    else if (action != "Count" && action != "FailIndex" && action != "FailJob" &&
             action != "Ignore")
      f.not_supported(path(r, "action"), action, {"Count", "FailIndex", "FailJob", "Ignore"});
    const bool codes = has(rule, "onExitCodes"),
               conditions = filled(member(rule, "onPodConditions"));
    if (codes)
      check_exit_codes(member(rule, "onExitCodes"), path(r, "onExitCodes"), f);
    if (codes == conditions)
      invalid_whole(r,
                    codes ? "specifying both OnExitCodes and OnPodConditions is not supported"
                          : "specifying one of OnExitCodes and OnPodConditions is required",
                    f);
  });
}

void check_indexes(const json::value& spec, const path& at, findings& f) {
  const bool indexed = text(spec, "completionMode") == "Indexed";
  if (indexed && !has(spec, "completions"))
    f.required(path(at, "completions"), "when completion mode is Indexed");
  const auto parallelism = json::get_int(spec, "parallelism");
  if (indexed && parallelism > max_indexed_parallelism)
    f.invalid(path(at, "parallelism"), parallelism,
              "must be less than or equal to 100000 when completion mode is Indexed");
  if (!indexed && has(spec, "backoffLimitPerIndex"))
    f.invalid(path(at, "backoffLimitPerIndex"), json::get_int(spec, "backoffLimitPerIndex"),
              "requires indexed completion mode");
  if (!indexed && has(spec, "successPolicy"))
    f.invalid(path(at, "successPolicy"), member(spec, "successPolicy"),
              "requires indexed completion mode");
  if (has(spec, "maxFailedIndexes")) {
    const auto failed = json::get_int(spec, "maxFailedIndexes");
    if (!has(spec, "backoffLimitPerIndex"))
      f.required(path(at, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    if (has(spec, "completions") && failed > json::get_int(spec, "completions"))
      f.invalid(path(at, "maxFailedIndexes"), failed, "must be less than or equal to completions");
  }
  if (const auto policy = text(spec, "podReplacementPolicy");
      has(spec, "podFailurePolicy") && policy == "TerminatingOrFailed")
    f.not_supported(path(at, "podReplacementPolicy"), policy, {"Failed"});
}

/// Pods of a job end: they are not started again for ever.
void check_restart(const json::value& spec, const path& at, findings& f) {
  path tmpl(at, "template"), pod(tmpl, "spec"), where(pod, "restartPolicy");
  const auto policy = text(member(member(spec, "template"), "spec"), "restartPolicy");
  if (policy == "Always" || policy.empty())
    f.required(where, "valid values: \"OnFailure\", \"Never\"");
  else if (policy != "OnFailure" && policy != "Never")
    f.not_supported(where, policy, {"OnFailure", "Never"});
  else if (has(spec, "podFailurePolicy") && policy != "Never")
    f.invalid(where, policy, "only \"Never\" is supported when podFailurePolicy is specified");
}

/// What holds of the jobs of CronJobs, too.
void check_job_spec(const json::value& spec, const path& at, findings& f) {
  check_indexes(spec, at, f);
  check_failure_policy(spec, at, f);
  validate_pod_template(member(spec, "template"), path(at, "template"), f);
  check_restart(spec, at, f);
}

/// Names of time zones are files of the zone database; where it is not installed, any name that
/// could be one will do.
std::string check_time_zone(std::string_view zone) {
  const std::filesystem::path root = "/usr/share/zoneinfo";
  std::error_code ignored;
  const bool odd = zone.find("..") != zone.npos || zone[0] == '/' || zone.find('\\') != zone.npos;
  if (odd)
    return "time: invalid location name";
  if (zone == "UTC" || !std::filesystem::is_directory(root, ignored) ||
      std::filesystem::is_regular_file(root / zone, ignored))
    return {};
  return "unknown time zone " + std::string(zone);
}

bool is_local(std::string_view zone) {
  constexpr std::string_view local = "local";
  return zone.size() == local.size() && std::equal(zone.begin(), zone.end(), local.begin(),
                                                   [](char a, char b) { return (a | 32) == b; });
}

void check_zone(const json::value& spec, const path& at, findings& f) {
  if (!has(spec, "timeZone"))
    return;
  const auto zone = text(spec, "timeZone");
  path p(at, "timeZone");
  if (zone.empty())
    f.invalid(p, zone, "timeZone must be nil or non-empty string");
  else if (is_local(zone))
    f.invalid(p, zone,
              "timeZone must be an explicit time zone as defined in "
              "https://www.iana.org/time-zones");
  else if (auto why = check_time_zone(zone); !why.empty())
    f.invalid(p, zone, why);
}

} // namespace

void validate_job(const json::value& job, findings& f) {
  path at("spec");
  const auto& spec = member(job, "spec");
  const auto& selector = member(spec, "selector");
  if (!selector.IsObject())
    f.required(path(at, "selector"));
  else
    validate_selector(selector, path(at, "selector"), f);
  if (auto parsed = read_label_selector(&selector); parsed && selector.IsObject())
    validate_labels_match(*parsed, member(spec, "template"), path(at, "template"), f);
  check_job_spec(spec, at, f);
}

void validate_new_job(const json::value& job, findings& f) {
  const auto& spec = member(job, "spec");
  if (json::get_bool(spec, "manualSelector"))
    return;
  const auto& labels = member(member(spec, "selector"), "matchLabels");
  const auto uid = text(member(job, "metadata"), "uid");
  path at("spec");
  if (count(member(spec, "selector")) != 1 || count(labels) != 1 ||
      text(labels, "batch.kubernetes.io/controller-uid") != uid)
    f.invalid(path(at, "selector"), member(spec, "selector"), "`selector` not auto-generated");
}

void validate_job_update(const json::value& job, const json::value& old, findings& f) {
  path at("spec");
  const auto& now = member(job, "spec");
  const auto& before = member(old, "spec");
  const bool elastic = text(now, "completionMode") == "Indexed" && has(now, "completions") &&
                       json::equal(member(now, "completions"), member(now, "parallelism"));
  if (!elastic)
    immutable(f, now, before, "completions", at);
  for (std::string_view key : {"selector", "completionMode", "podFailurePolicy",
                               "backoffLimitPerIndex", "managedBy", "successPolicy"})
    immutable(f, now, before, key, at);
  const bool waiting =
      json::get_bool(before, "suspend") && !has(member(old, "status"), "startTime");
  if (!waiting)
    immutable(f, now, before, "template", at);
}

void validate_cron_job(const json::value& cron_job, findings& f) {
  path at("spec");
  const auto& spec = member(cron_job, "spec");
  const auto schedule = text(spec, "schedule");
  path p(at, "schedule");
  if (schedule.find("TZ") != schedule.npos)
    f.invalid(p, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (auto why = check_cron(schedule); !schedule.empty() && !why.empty())
    f.invalid(p, schedule, why);
  check_zone(spec, at, f);
  path tmpl(at, "jobTemplate"), inner(tmpl, "spec");
  check_job_spec(member(member(spec, "jobTemplate"), "spec"), inner, f);
  const auto name = text(member(cron_job, "metadata"), "name");
  if (path meta("metadata"); name.size() > max_cron_job_name)
    f.invalid(path(meta, "name"), name, "must be no more than 52 characters");
}

} // namespace thespis::api
