#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"

#include <set>

namespace thespis::api {

namespace {

void check_node_expression(const json::value& e, const path& at, findings& f) {
  auto op = text(e, "operator");
  const auto& values = member(e, "values");
  if (op == "In" || op == "NotIn") {
    if (!filled(values))
      f.required(path(at, "values"), "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (filled(values))
      f.forbidden(path(at, "values"),
                  "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (op == "Gt" || op == "Lt") {
    if (count(values) != 1)
      f.required(path(at, "values"),
                 "must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    f.invalid(path(at, "operator"), op, "not a valid selector operator");
  }
  complain(f, path(at, "key"), text(e, "key"), check_qualified_name(text(e, "key")));
}

void check_node_term(const json::value& term, const path& at, findings& f) {
  each(term, "matchExpressions", at,
       [&](const json::value& e, const path& p) { check_node_expression(e, p, f); });
  each(term, "matchFields", at, [&](const json::value& e, const path& p) {
    auto op = text(e, "operator");
    if (op != "In" && op != "NotIn")
      f.invalid(path(p, "operator"), op, "not a valid selector operator");
    else if (count(member(e, "values")) != 1)
      f.required(path(p, "values"),
                 "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                 "selector");
    if (text(e, "key") != "metadata.name")
      f.invalid(path(p, "key"), text(e, "key"), "not a valid field selector key");
  });
}

void check_node_affinity(const json::value& affinity, const path& at, findings& f) {
  const auto& must = member(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
  if (must.IsObject()) {
    path p(at, "requiredDuringSchedulingIgnoredDuringExecution");
    each(must, "nodeSelectorTerms", p,
         [&](const json::value& t, const path& q) { check_node_term(t, q, f); });
  }
  each(affinity, "preferredDuringSchedulingIgnoredDuringExecution", at,
       [&](const json::value& t, const path& p) {
         check_node_term(member(t, "preference"), path(p, "preference"), f);
       });
}

void check_pod_term(const json::value& term, const path& at, findings& f) {
  validate_selector(member(term, "labelSelector"), path(at, "labelSelector"), f);
  validate_selector(member(term, "namespaceSelector"), path(at, "namespaceSelector"), f);
  if (const auto& list = member(term, "namespaces"); list.IsArray())
    for (const auto& ns : list.GetArray())
      complain(f, path(at, "namespace"), json::as_string(ns),
               check_dns1123_label(json::as_string(ns)));
}

void check_pod_affinity(const json::value& affinity, const path& at, findings& f) {
  each(affinity, "requiredDuringSchedulingIgnoredDuringExecution", at,
       [&](const json::value& t, const path& p) { check_pod_term(t, p, f); });
  each(affinity, "preferredDuringSchedulingIgnoredDuringExecution", at,
       [&](const json::value& t, const path& p) {
         check_pod_term(member(t, "podAffinityTerm"), path(p, "podAffinityTerm"), f);
       });
}

void check_toleration(const json::value& t, const path& p, findings& f) {
  auto key = text(t, "key");
  auto op = text(t, "operator");
  auto value = text(t, "value");
  auto effect = text(t, "effect");
  if (key.empty() && op != "Exists")
    f.invalid(path(p, "operator"), op,
              "operator must be Exists when `key` is empty, which means \"match all values and "
              "all keys\"");
  if (has(t, "tolerationSeconds") && effect != "NoExecute")
    f.invalid(path(p, "effect"), effect,
              "effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (op.empty() || op == "Equal") {
    if (auto why = check_label_value(value); !why.empty())
      f.invalid(path(p, "operator"), value, join(why, ";"));
  } else if (op == "Exists" && !value.empty()) {
    f.invalid(path(p, "operator"), t, "value must be empty when `operator` is 'Exists'");
  }
}

} // namespace

void validate_affinity(const json::value& spec, const path& at, findings& f) {
  const auto& affinity = member(spec, "affinity");
  if (!affinity.IsObject())
    return;
  path p(at, "affinity");
  check_node_affinity(member(affinity, "nodeAffinity"), path(p, "nodeAffinity"), f);
  check_pod_affinity(member(affinity, "podAffinity"), path(p, "podAffinity"), f);
  check_pod_affinity(member(affinity, "podAntiAffinity"), path(p, "podAntiAffinity"), f);
}

void validate_tolerations(const json::value& spec, const path& at, findings& f) {
  each(spec, "tolerations", at,
       [&](const json::value& t, const path& p) { check_toleration(t, p, f); });
}

void validate_spread(const json::value& spec, const path& at, findings& f) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  each(spec, "topologySpreadConstraints", at, [&](const json::value& c, const path& p) {
    auto key = text(c, "topologyKey");
    auto action = text(c, "whenUnsatisfiable");
    if (action.empty())
      f.not_supported(path(p, "whenUnsatisfiable"), action, {"DoNotSchedule", "ScheduleAnyway"});
    if (!seen.emplace(key, action).second)
      f.duplicate(path(p, "{topologyKey, whenUnsatisfiable}"),
                  "{" + std::string(key) + ", " + std::string(action) + "}");
    if (has(c, "minDomains")) {
      auto n = json::get_int(c, "minDomains");
      if (n <= 0)
        f.invalid(path(p, "minDomains"), n, "must be greater than zero");
      if (action == "ScheduleAnyway")
        f.invalid(path(p, "minDomains"), n,
                  "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not "
                  "ScheduleAnyway");
    }
    validate_selector(member(c, "labelSelector"), path(p, "labelSelector"), f);
  });
}

} // namespace thespis::api
