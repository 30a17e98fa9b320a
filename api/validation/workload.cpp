#include "api/validation/workload.hpp"

#include "api/text/labels.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api {

namespace {

label_set labels_of(const json::value& tmpl) {
  label_set out;
  each_member(member(tmpl, "metadata"), "labels", [&](std::string_view k, const json::value& v) {
    out.emplace_back(k, json::as_string(v));
  });
  std::sort(out.begin(), out.end());
  return out;
}

/// Selector and template of Deployments and ReplicaSets.
void check_selected_template(const json::value& spec, const path& at, findings& f) {
  const auto& selector = member(spec, "selector");
  path selector_at(at, "selector");
  path template_at(at, "template");
  const auto& tmpl = member(spec, "template");
  if (selector.IsObject()) {
    validate_selector(selector, selector_at, f);
    if (!filled(member(selector, "matchLabels")) && !filled(member(selector, "matchExpressions")))
      f.invalid(selector_at, selector, "empty selector is invalid for deployment");
  }
  auto parsed = read_label_selector(&selector);
  if (!parsed)
    f.invalid(selector_at, selector, "invalid label selector");
  else if (selector.IsObject())
    validate_labels_match(*parsed, tmpl, template_at, f);
  validate_pod_template(tmpl, template_at, f);
  validate_lasting(tmpl, template_at, "ReplicaSet", f);
}

void check_strategy(const json::value& spec, const path& at, findings& f) {
  const auto& strategy = member(spec, "strategy");
  path p(at, "strategy");
  auto type = text(strategy, "type");
  const auto& rolling = member(strategy, "rollingUpdate");
  path r(p, "rollingUpdate");
  if (type == "Recreate") {
    if (rolling.IsObject())
      f.forbidden(r, "may not be specified when strategy `type` is 'Recreate'");
  } else if (type.empty() || type == "RollingUpdate") {
    const auto& unavailable = member(rolling, "maxUnavailable");
    const auto& surge = member(rolling, "maxSurge");
    if (is_zero_amount(unavailable) && is_zero_amount(surge))
      f.invalid(path(r, "maxUnavailable"), unavailable, "may not be 0 when `maxSurge` is 0");
    if (unavailable.IsString() && percent_of(json::as_string(unavailable)) > 100)
      f.invalid(path(r, "maxUnavailable"), unavailable, "must not be greater than 100%");
  }
}

} // namespace

void validate_labels_match(const label_selector& selector, const json::value& tmpl, const path& at,
                           findings& f) {
  if (selector.matches_everything() || selector.matches(labels_of(tmpl)))
    return;
  path meta(at, "metadata");
  f.invalid(path(meta, "labels"), member(member(tmpl, "metadata"), "labels"),
            "`selector` does not match template `labels`");
}

void validate_lasting(const json::value& tmpl, const path& at, std::string_view kind, findings& f) {
  path spec(at, "spec");
  const auto& s = member(tmpl, "spec");
  if (auto policy = json::get_string(s, "restartPolicy", "Always"); policy != "Always")
    f.not_supported(path(spec, "restartPolicy"), policy, {"Always"});
  if (has(s, "activeDeadlineSeconds"))
    f.forbidden(path(spec, "activeDeadlineSeconds"),
                "activeDeadlineSeconds in " + std::string(kind) + " is not Supported");
}

int percent_of(std::string_view s) {
  int n = -1;
  if (s.ends_with('%'))
    std::from_chars(s.data(), s.data() + s.size() - 1, n);
  return n;
}

bool is_zero_amount(const json::value& v) {
  return v.IsInt64() ? v.GetInt64() == 0 : v.IsString() && percent_of(json::as_string(v)) == 0;
}

void validate_deployment(const json::value& d, findings& f) {
  path at("spec");
  const auto& spec = member(d, "spec");
  check_selected_template(spec, at, f);
  check_strategy(spec, at, f);
  if (has(spec, "progressDeadlineSeconds")) {
    auto deadline = json::get_int(spec, "progressDeadlineSeconds");
    if (deadline <= json::get_int(spec, "minReadySeconds"))
      f.invalid(path(at, "progressDeadlineSeconds"), deadline,
                "must be greater than minReadySeconds");
  }
}

void validate_replica_set(const json::value& rs, findings& f) {
  path at("spec");
  const auto& spec = member(rs, "spec");
  check_selected_template(spec, at, f);
}

void validate_replication_controller(const json::value& rc, findings& f) {
  path at("spec");
  const auto& spec = member(rc, "spec");
  if (!filled(member(spec, "selector")))
    f.required(path(at, "selector"));
  path template_at(at, "template");
  const auto& tmpl = member(spec, "template");
  if (!tmpl.IsObject())
    return;
  validate_labels_match(label_selector::from_map(&member(spec, "selector")), tmpl, template_at, f);
  validate_pod_template(tmpl, template_at, f);
  validate_lasting(tmpl, template_at, "ReplicationController", f);
}

void validate_selector_kept(const json::value& now, const json::value& old, findings& f) {
  path at("spec");
  immutable(f, member(now, "spec"), member(old, "spec"), "selector", at);
}

} // namespace thespis::api
