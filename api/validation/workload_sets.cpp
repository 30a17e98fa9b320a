// DaemonSets and StatefulSets.
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"
#include "api/validation/workload.hpp"

#include <algorithm>
#include <array>

namespace thespis::api {

namespace {

/// Selector and template of a workload that `kind` names in messages ("daemonset").
void check_selected(const json::value& spec, const path& at, std::string_view kind,
                    std::string_view shown, findings& f) {
  const auto& selector = member(spec, "selector");
  const auto& tmpl = member(spec, "template");
  path selector_at(at, "selector"), template_at(at, "template");
  if (selector.IsObject()) {
    validate_selector(selector, selector_at, f);
    if (!filled(member(selector, "matchLabels")) && !filled(member(selector, "matchExpressions")))
      f.invalid(selector_at, selector, "empty selector is invalid for " + std::string(kind));
    if (auto parsed = read_label_selector(&selector))
      validate_labels_match(*parsed, tmpl, template_at, f);
  }
  validate_pod_template(tmpl, template_at, f, member(spec, "volumeClaimTemplates"));
  validate_lasting(tmpl, template_at, shown, f);
}

void check_at_most_all(const json::value& v, const path& at, findings& f) {
  if (v.IsString() && percent_of(json::as_string(v)) > 100)
    f.invalid(at, v, "must not be greater than 100%");
}

void check_daemon_rollout(const json::value& spec, const path& at, findings& f) {
  const auto& strategy = member(spec, "updateStrategy");
  if (text(strategy, "type") != "RollingUpdate")
    return;
  path p(at, "updateStrategy"), r(p, "rollingUpdate");
  const auto& rolling = member(strategy, "rollingUpdate");
  if (!rolling.IsObject())
    return f.required(r);
  const auto& unavailable = member(rolling, "maxUnavailable");
  const auto& surge = member(rolling, "maxSurge");
  const bool some = !unavailable.IsNull() && !is_zero_amount(unavailable);
  const bool more = !surge.IsNull() && !is_zero_amount(surge);
  if (some && more)
    f.invalid(path(r, "maxSurge"), surge, "may not be set when maxUnavailable is non-zero");
  if (!some && !more)
    f.required(path(r, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
  check_at_most_all(unavailable, path(r, "maxUnavailable"), f);
  check_at_most_all(surge, path(r, "maxSurge"), f);
}

void check_stateful_rollout(const json::value& spec, const path& at, findings& f) {
  const auto& strategy = member(spec, "updateStrategy");
  const auto type = text(strategy, "type");
  const auto& rolling = member(strategy, "rollingUpdate");
  path p(at, "updateStrategy"), r(p, "rollingUpdate");
  if (type == "OnDelete") {
    if (rolling.IsObject())
      f.invalid(r, rolling, "only allowed for updateStrategy 'RollingUpdate'");
  } else if (type != "RollingUpdate") {
    f.invalid(p, strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rolling.IsObject()) {
    check_at_most_all(member(rolling, "maxUnavailable"), path(r, "maxUnavailable"), f);
    if (is_zero_amount(member(rolling, "maxUnavailable")))
      f.invalid(path(r, "maxUnavailable"), member(rolling, "maxUnavailable"), "cannot be 0");
  }
}

} // namespace

void validate_daemon_set(const json::value& ds, findings& f) {
  path at("spec");
  const auto& spec = member(ds, "spec");
  check_selected(spec, at, "daemonset", "DaemonSet", f);
  check_daemon_rollout(spec, at, f);
}

void validate_stateful_set(const json::value& sts, findings& f) {
  path at("spec");
  const auto& spec = member(sts, "spec");
  if (const auto policy = text(spec, "podManagementPolicy");
      policy != "OrderedReady" && policy != "Parallel")
    f.invalid(path(at, "podManagementPolicy"), policy, "must be 'OrderedReady' or 'Parallel'");
  check_stateful_rollout(spec, at, f);
  check_selected(spec, at, "statefulset", "StatefulSet", f);
}

void validate_stateful_set_update(const json::value& now, const json::value& old, findings& f) {
  constexpr std::array<std::string_view, 7> free{"replicas",
                                                 "ordinals",
                                                 "template",
                                                 "updateStrategy",
                                                 "revisionHistoryLimit",
                                                 "persistentVolumeClaimRetentionPolicy",
                                                 "minReadySeconds"};
  const auto same = [&](const json::value& a, const json::value& b) {
    return std::all_of(a.MemberBegin(), a.MemberEnd(), [&](const auto& m) {
      const auto key = json::as_string(m.name);
      return std::find(free.begin(), free.end(), key) != free.end() ||
             json::equal(m.value, member(b, key));
    });
  };
  const auto& a = member(now, "spec");
  const auto& b = member(old, "spec");
  if (a.IsObject() && b.IsObject() && same(a, b) && same(b, a))
    return;
  f.forbidden(path("spec"),
              "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
              "'template', 'updateStrategy', 'revisionHistoryLimit', "
              "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

} // namespace thespis::api
