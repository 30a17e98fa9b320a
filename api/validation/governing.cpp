#include "api/validation/governing.hpp"

#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/workload.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace thespis::api {

namespace {

constexpr int64_t highest_user_priority = 1000000000;
constexpr int64_t system_priority = 2000000000;

constexpr std::array<std::string_view, 19> quota_resources{"cpu",
                                                           "memory",
                                                           "ephemeral-storage",
                                                           "requests.cpu",
                                                           "requests.memory",
                                                           "requests.storage",
                                                           "limits.cpu",
                                                           "limits.memory",
                                                           "requests.ephemeral-storage",
                                                           "pods",
                                                           "resourcequotas",
                                                           "limits.ephemeral-storage",
                                                           "services",
                                                           "secrets",
                                                           "replicationcontrollers",
                                                           "configmaps",
                                                           "services.nodeports",
                                                           "services.loadbalancers",
                                                           "persistentvolumeclaims"};

constexpr std::array<std::string_view, 7> quota_scopes{
    "Terminating",          "NotTerminating", "BestEffort",
    "NotBestEffort",        "PriorityClass",  "CrossNamespacePodAffinity",
    "VolumeAttributesClass"};

template <class List>
bool contains(const List& list, std::string_view s) {
  return std::find(list.begin(), list.end(), s) != list.end();
}

bool is_quota_resource(std::string_view name) {
  return name.find('/') != name.npos || name.starts_with("hugepages-") ||
         name.starts_with("requests.hugepages-") || contains(quota_resources, name);
}

/// Resources that are counted in whole things.
bool is_whole(std::string_view name) {
  return contains(quota_resources, name) && name.find("cpu") == name.npos &&
         name.find("memory") == name.npos && name.find("storage") == name.npos;
}

bool conflict(const std::set<std::string_view>& scopes, std::string_view a, std::string_view b) {
  return scopes.count(a) && scopes.count(b);
}

void check_scopes(const json::value& spec, const path& at, findings& f) {
  path p(at, "scopes");
  const auto& list = member(spec, "scopes");
  std::set<std::string_view> seen;
  bool pods_only = true;
  each_member(spec, "hard", [&](std::string_view name, const json::value&) {
    pods_only = pods_only && name == "pods";
  });
  each(spec, "scopes", at, [&](const json::value& v, const path&) {
    const auto s = json::as_string(v);
    if (!contains(quota_scopes, s))
      f.invalid(p, list, "unsupported scope");
    else if (s == "BestEffort" && !pods_only)
      f.invalid(p, list, "unsupported scope applied to resource");
    seen.insert(s);
  });
  if (conflict(seen, "Terminating", "NotTerminating") ||
      conflict(seen, "BestEffort", "NotBestEffort"))
    f.invalid(p, list, "conflicting scopes");
}

/// The bounds of one resource in a limit range; what is not given is null.
struct limit_bounds {
  std::optional<quantity> min, max, request, limit, ratio;
};

std::optional<quantity> read(const json::value& item, std::string_view key, std::string_view name) {
  const auto& v = member(member(item, key), name);
  if (!v.IsString())
    return std::nullopt;
  const auto q = parse_quantity(json::as_string(v));
  return q ? std::optional{*q} : std::nullopt;
}

void check_order(const limit_bounds& b, std::string_view name, const path& at, findings& f) {
  const auto refuse = [&](std::string_view field, const quantity& shown, const quantity& a,
                          const std::string& a_is, const quantity& c, const std::string& c_is) {
    path p(at, field);
    f.invalid(path::key(p, name), shown.to_string(),
              a_is + " value " + a.to_string() + " is greater than " + c_is + " value " +
                  c.to_string());
  };
  if (b.min && b.max && *b.min > *b.max)
    refuse("min", *b.min, *b.min, "min", *b.max, "max");
  if (b.request && b.min && *b.min > *b.request)
    refuse("defaultRequest", *b.request, *b.min, "min", *b.request, "default request");
  if (b.request && b.max && *b.request > *b.max)
    refuse("defaultRequest", *b.request, *b.request, "default request", *b.max, "max");
  if (b.request && b.limit && *b.request > *b.limit)
    refuse("defaultRequest", *b.request, *b.request, "default request", *b.limit, "default limit");
  if (b.limit && b.min && *b.min > *b.limit)
    refuse("default", *b.min, *b.min, "min", *b.limit, "default");
  if (b.limit && b.max && *b.limit > *b.max)
    refuse("default", *b.max, *b.limit, "default", *b.max, "max");
  if (b.ratio && *b.ratio < quantity::of(1)) {
    path p(at, "maxLimitRequestRatio");
    f.invalid(path::key(p, name), b.ratio->to_string(),
              "ratio " + b.ratio->to_string() + " is less than 1");
  }
}

void check_limit(const json::value& item, const path& at, findings& f) {
  const auto type = text(item, "type");
  if (type == "Pod") {
    for (std::string_view key : {"default", "defaultRequest"})
      if (filled(member(item, key)))
        f.forbidden(path(at, key), "may not be specified when `type` is 'Pod'");
  }
  if (type == "PersistentVolumeClaim" && !read(item, "min", "storage") &&
      !read(item, "max", "storage"))
    f.required(path(at, "limits"),
               "either minimum or maximum storage value is required, but neither was provided");
  std::set<std::string_view> names;
  for (std::string_view key : {"max", "min", "default", "defaultRequest", "maxLimitRequestRatio"})
    each_member(item, key, [&](std::string_view n, const json::value&) { names.insert(n); });
  for (auto n : names)
    check_order({read(item, "min", n), read(item, "max", n), read(item, "defaultRequest", n),
                 read(item, "default", n), read(item, "maxLimitRequestRatio", n)},
                n, at, f);
}

/// A target or a value that must be set, and above zero.
void check_target(const json::value& source, const path& at, bool of_pod, findings& f) {
  const auto& target = member(source, "target");
  path t(at, "target");
  const auto type = text(target, "type");
  if (type.empty())
    f.required(path(t, "type"), "must specify a metric target type");
  else if (type != "Utilization" && type != "Value" && type != "AverageValue")
    f.invalid(path(t, "type"), type, "must be either Utilization, Value, or AverageValue");
  for (std::string_view key : {"value", "averageValue"})
    if (const auto q = parse_quantity(text(target, key)); has(target, key) && q && q->sign() != 1)
      f.invalid(path(t, key), text(target, key), "must be positive");
  const bool average = has(target, "averageValue"), used = has(target, "averageUtilization");
  if (used && json::get_int(target, "averageUtilization") < 1)
    f.invalid(path(t, "averageUtilization"), json::get_int(target, "averageUtilization"),
              "must be greater than 0");
  if (!of_pod)
    return;
  if (!average && !used)
    f.required(path(t, "averageUtilization"),
               "must set either a target raw value or a target utilization");
  if (average && used)
    f.forbidden(path(t, "averageValue"),
                "may not set both a target raw value and a target utilization");
}

void check_metric(const json::value& metric, const path& at, findings& f) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> sources{
      {{"ContainerResource", "containerResource"},
       {"External", "external"},
       {"Object", "object"},
       {"Pods", "pods"},
       {"Resource", "resource"}}};
  const auto type = text(metric, "type");
  if (type.empty())
    return f.required(path(at, "type"), "must specify a metric source type");
  bool known = false;
  for (const auto& [name, key] : sources) {
    const auto& source = member(metric, key);
    path p(at, key);
    if (type != name) {
      if (source.IsObject())
        f.forbidden(p, "must populate the given metric source only");
      continue;
    }
    known = true;
    if (!source.IsObject()) {
      f.required(p, "must populate information for the given metric source");
      continue;
    }
    const bool of_pod = name == "Resource" || name == "ContainerResource";
    if (of_pod && text(source, "name").empty())
      f.required(path(p, "name"), "must specify a resource name");
    if (path m(p, "metric"); !of_pod && text(member(source, "metric"), "name").empty())
      f.required(path(m, "name"), "must specify a metric name");
    check_target(source, p, of_pod, f);
  }
  if (!known)
    f.not_supported(path(at, "type"), type,
                    {"ContainerResource", "External", "Object", "Pods", "Resource"});
}

void check_scaling(const json::value& rules, const path& at, findings& f) {
  if (!rules.IsObject())
    return;
  const auto window = json::get_int(rules, "stabilizationWindowSeconds");
  path w(at, "stabilizationWindowSeconds");
  if (window < 0)
    f.invalid(w, window, "must be greater than or equal to zero");
  if (window > 3600)
    f.invalid(w, window, "must be less than or equal to 3600");
  if (const auto p = text(rules, "selectPolicy");
      !p.empty() && p != "Max" && p != "Min" && p != "Disabled")
    f.not_supported(path(at, "selectPolicy"), p, {"Disabled", "Max", "Min"});
  if (!filled(member(rules, "policies")))
    f.required(path(at, "policies"), "must specify at least one Policy");
  each(rules, "policies", at, [&](const json::value& policy, const path& p) {
    if (const auto type = text(policy, "type"); type != "Pods" && type != "Percent")
      f.not_supported(path(p, "type"), type, {"Percent", "Pods"});
    for (std::string_view key : {"value", "periodSeconds"})
      if (const auto n = json::get_int(policy, key); n <= 0)
        f.invalid(path(p, key), n, "must be greater than zero");
    if (const auto n = json::get_int(policy, "periodSeconds"); n > 1800)
      f.invalid(path(p, "periodSeconds"), n, "must be less than or equal to 1800");
  });
}

} // namespace

void validate_disruption_budget(const json::value& budget, findings& f) {
  path at("spec");
  const auto& spec = member(budget, "spec");
  if (has(spec, "minAvailable") && has(spec, "maxUnavailable"))
    f.invalid(at, spec, "minAvailable and maxUnavailable cannot be both set");
  for (std::string_view key : {"minAvailable", "maxUnavailable"})
    if (const auto& v = member(spec, key); v.IsString() && percent_of(json::as_string(v)) > 100)
      f.invalid(path(at, key), v, "must not be greater than 100%");
  validate_selector(member(spec, "selector"), path(at, "selector"), f);
}

void validate_priority_class(const json::value& c, findings& f) {
  const auto name = text(member(c, "metadata"), "name");
  const auto value = json::get_int(c, "value");
  path meta("metadata");
  if (!name.starts_with("system-")) {
    if (value > highest_user_priority)
      f.forbidden(path("value"), "maximum allowed value of a user defined priority is 1000000000");
    return;
  }
  const bool node = name == "system-node-critical";
  const auto wanted = system_priority + (node ? 1000 : 0);
  std::string why;
  if (!node && name != "system-cluster-critical")
    why = std::string(name) + " is not a known system priority class";
  else if (value != wanted)
    why = "value of " + std::string(name) + " PriorityClass must be " + std::to_string(wanted);
  else if (json::get_bool(c, "globalDefault"))
    why = "globalDefault of " + std::string(name) + " PriorityClass must be false";
  if (!why.empty())
    f.forbidden(path(meta, "name"),
                "priority class names with 'system-' prefix are reserved for system use only. "
                "error: " +
                    why);
}

void validate_priority_class_update(const json::value& now, const json::value& old, findings& f) {
  if (json::get_int(now, "value") != json::get_int(old, "value"))
    f.forbidden(path("value"), "may not be changed in an update.");
  if (!json::equal(member(now, "preemptionPolicy"), member(old, "preemptionPolicy")))
    f.invalid(path("preemptionPolicy"), member(now, "preemptionPolicy"), "field is immutable");
}

void validate_resource_quota(const json::value& quota, findings& f) {
  path at("spec"), hard(at, "hard");
  const auto& spec = member(quota, "spec");
  each_member(spec, "hard", [&](std::string_view name, const json::value& v) {
    if (!check_qualified_name(name).empty())
      return;
    if (!is_quota_resource(name))
      f.invalid(path::key(hard, name), name, "must be a standard resource for quotas");
    const auto q = parse_quantity(json::as_string(v));
    if (q && is_whole(name) && q->milli_value() % 1000 != 0)
      f.invalid(path::key(hard, name), json::as_string(v), "must be an integer");
  });
  check_scopes(spec, at, f);
}

void validate_resource_quota_update(const json::value& now, const json::value& old, findings& f) {
  path at("spec");
  immutable(f, member(now, "spec"), member(old, "spec"), "scopes", at);
}

void validate_limit_range(const json::value& range, findings& f) {
  path at("spec");
  std::set<std::string_view> types;
  each(member(range, "spec"), "limits", at, [&](const json::value& item, const path& p) {
    if (!types.insert(text(item, "type")).second)
      f.duplicate(path(p, "type"), text(item, "type"));
    check_limit(item, p, f);
  });
}

void validate_autoscaler(const json::value& autoscaler, findings& f) {
  path at("spec"), target(at, "scaleTargetRef"), behavior(at, "behavior");
  const auto& spec = member(autoscaler, "spec");
  const auto least = json::get_int(spec, "minReplicas", 1),
             most = json::get_int(spec, "maxReplicas");
  if (least < 1)
    f.invalid(path(at, "minReplicas"), least, "must be greater than or equal to 1");
  if (most < 1)
    f.invalid(path(at, "maxReplicas"), most, "must be greater than 0");
  if (most < least)
    f.invalid(path(at, "maxReplicas"), most, "must be greater than or equal to `minReplicas`");
  for (std::string_view key : {"kind", "name"})
    if (const auto v = text(member(spec, "scaleTargetRef"), key); v.empty())
      f.required(path(target, key));
    else
      complain(f, path(target, key), v, check_path_segment(v));
  each(spec, "metrics", at, [&](const json::value& m, const path& p) { check_metric(m, p, f); });
  for (std::string_view key : {"scaleUp", "scaleDown"})
    check_scaling(member(member(spec, "behavior"), key), path(behavior, key), f);
}

} // namespace thespis::api
