#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

#include <unordered_map>
#include <unordered_set>

namespace thespis::api {

namespace {

bool is_standard_resource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
         name.starts_with("hugepages-");
}

/// Resources whose sum may exceed what a node has.
bool may_overcommit(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
         (name.find('/') != name.npos && name.find("kubernetes.io/") != name.npos);
}

void check_resource(std::string_view name, const json::value& v, const path& at, findings& f) {
  auto why = check_qualified_name(name);
  complain(f, at, name, why);
  if (why.empty() && name.find('/') == name.npos && !is_standard_resource(name))
    f.invalid(at, name, "must be a standard resource for containers");
  auto amount = read_quantity(v);
  if (!amount)
    f.invalid(at, v, amount.error().message);
  else if (amount->sign() < 0)
    f.invalid(at, amount->to_string(), "must be greater than or equal to 0");
  else if (!is_standard_resource(name) && amount->milli_value() % 1000 != 0)
    f.invalid(at, amount->to_string(), "must be an integer");
}

void check_ports(const json::value& container, const path& at, const pod_scope& scope,
                 findings& f) {
  std::unordered_set<std::string_view> names;
  each(container, "ports", at, [&](const json::value& port, const path& p) {
    if (auto name = text(port, "name"); !name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
    auto number = json::get_int(port, "containerPort");
    auto host = json::get_int(port, "hostPort");
    if (scope.host_network && host != 0 && host != number)
      f.invalid(path(p, "containerPort"), number,
                "must match `hostPort` when `hostNetwork` is true");
  });
}

void check_mounts(const json::value& container, const path& at, const pod_scope& scope,
                  findings& f) {
  std::unordered_set<std::string_view> places;
  bool privileged = json::get_bool(member(container, "securityContext"), "privileged");
  each(container, "volumeMounts", at, [&](const json::value& mount, const path& p) {
    auto name = text(mount, "name");
    if (!name.empty() && !scope.volumes.contains(name))
      f.not_found(path(p, "name"), name);
    auto place = text(mount, "mountPath");
    if (!places.insert(place).second)
      f.invalid(path(p, "mountPath"), place, "must be unique");
    auto expr = text(mount, "subPathExpr");
    if (!expr.empty() && !text(mount, "subPath").empty())
      f.invalid(path(p, "subPathExpr"), expr, "subPathExpr and subPath are mutually exclusive");
    if (text(mount, "mountPropagation") == "Bidirectional" && !privileged)
      f.forbidden(path(p, "mountPropagation"),
                  "Bidirectional mount propagation is available only to privileged containers");
  });
}

void check_image(const json::value& c, const path& at, findings& f) {
  auto image = text(c, "image");
  auto space = [](char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); };
  if (!image.empty() && (space(image.front()) || space(image.back())))
    f.invalid(path(at, "image"), image, "must not have leading or trailing whitespace");
}

/// Two containers of one pod cannot have the same port of the host.
void check_host_ports(const json::value& spec, std::string_view list, const path& at, findings& f) {
  std::unordered_set<std::string> taken;
  each(spec, list, at, [&](const json::value& c, const path& p) {
    each(c, "ports", p, [&](const json::value& port, const path& q) {
      auto host = json::get_int(port, "hostPort");
      if (host == 0)
        return;
      auto key = std::string(json::get_string(port, "protocol", "TCP")) + "/" +
                 std::string(text(port, "hostIP")) + "/" + std::to_string(host);
      if (!taken.insert(key).second)
        f.duplicate(path(q, "hostPort"), key);
    });
  });
}

void check_restart_rule(const json::value& rule, const path& p, findings& f) {
  constexpr int most_codes = 255;
  if (const auto action = text(rule, "action"); action != "Restart")
    f.not_supported(path(p, "action"), action, {"Restart"});
  const path at(p, "exitCodes");
  if (!has(rule, "exitCodes")) {
    f.required(at, "must be specified");
    return;
  }
  const auto& codes = member(rule, "exitCodes");
  if (const auto op = text(codes, "operator"); op != "In" && op != "NotIn")
    f.not_supported(path(at, "operator"), op, {"In", "NotIn"});
  if (const auto& values = member(codes, "values"); values.IsArray() && values.Size() > most_codes)
    f.too_many(path(at, "values"), values.Size(), most_codes);
}

// When the process of a container ends: its own policy and rules go before the pod's policy.
void check_restarts(const json::value& c, const path& p, findings& f) {
  constexpr int most_rules = 20;
  const auto policy = text(c, "restartPolicy");
  if (has(c, "restartPolicy") && policy != "Always" && policy != "OnFailure" && policy != "Never")
    f.not_supported(path(p, "restartPolicy"), policy, {"Always", "Never", "OnFailure"});
  const auto& rules = member(c, "restartPolicyRules");
  if (!filled(rules))
    return;
  if (!has(c, "restartPolicy"))
    f.required(path(p, "restartPolicy"), "must specify restartPolicy when restart rules are used");
  if (rules.IsArray() && rules.Size() > most_rules)
    f.too_many(path(p, "restartPolicyRules"), rules.Size(), most_rules);
  each(c, "restartPolicyRules", p,
       [&](const json::value& rule, const path& q) { check_restart_rule(rule, q, f); });
}

void check_init_container(const json::value& c, const path& p, findings& f) {
  bool restartable = text(c, "restartPolicy") == "Always";
  check_restarts(c, p, f);
  if (restartable) {
    validate_lifecycle(c, p, f);
    validate_probes(c, p, f);
    return;
  }
  for (std::string_view key : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"})
    if (has(c, key))
      f.forbidden(path(p, key), "may not be set for init containers without restartPolicy=Always");
}

void check_ephemeral_container(const json::value& c, const path& p, const name_set& containers,
                               findings& f) {
  if (auto target = text(c, "targetContainerName"); !target.empty() && !containers.contains(target))
    f.not_found(path(p, "targetContainerName"), target);
  for (std::string_view key :
       {"ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources",
        "resizePolicy", "restartPolicy", "restartPolicyRules"})
    if (filled(member(c, key)))
      f.forbidden(path(p, key), "cannot be set for an Ephemeral Container");
}

} // namespace

void validate_container_resources(const json::value& resources, const path& at, findings& f) {
  if (!resources.IsObject())
    return;
  path limits_at(at, "limits");
  path requests_at(at, "requests");
  each_member(resources, "limits", [&](std::string_view name, const json::value& v) {
    check_resource(name, v, path::key(limits_at, name), f);
  });
  std::unordered_map<std::string_view, const json::value*> limits;
  each_member(resources, "limits",
              [&](std::string_view name, const json::value& v) { limits.emplace(name, &v); });
  each_member(resources, "requests", [&](std::string_view name, const json::value& v) {
    check_resource(name, v, path::key(requests_at, name), f);
    auto request = read_quantity(v);
    auto l = limits.find(name);
    if (l == limits.end()) {
      if (!may_overcommit(name))
        f.required(limits_at, "Limit must be set for non overcommitable resources");
      return;
    }
    auto limit = read_quantity(*l->second);
    if (!request || !limit)
      return;
    auto tail = std::string(name) + " limit of " + limit->to_string();
    if (*request != *limit && !may_overcommit(name))
      f.invalid(requests_at, request->to_string(), "must be equal to " + tail);
    else if (*request > *limit)
      f.invalid(requests_at, request->to_string(), "must be less than or equal to " + tail);
  });
}

void validate_container(const json::value& c, const path& at, const pod_scope& scope, findings& f) {
  check_image(c, at, f);
  check_ports(c, at, scope, f);
  validate_env(c, at, f);
  check_mounts(c, at, scope, f);
  validate_container_resources(member(c, "resources"), path(at, "resources"), f);
  validate_container_security(c, at, f);
}

void validate_containers(const json::value& spec, const path& at, const pod_scope& scope,
                         findings& f) {
  name_set names;
  // Also of a spec that is not there, which the schema does not look into.
  if (!filled(member(spec, "containers")))
    f.required(path(at, "containers"));
  each(spec, "containers", at, [&](const json::value& c, const path& p) {
    validate_container(c, p, scope, f);
    if (!names.insert(text(c, "name")).second)
      f.duplicate(path(p, "name"), text(c, "name"));
    check_restarts(c, p, f);
    validate_lifecycle(c, p, f);
    validate_probes(c, p, f);
  });
  check_host_ports(spec, "containers", at, f);
  each(spec, "initContainers", at, [&](const json::value& c, const path& p) {
    validate_container(c, p, scope, f);
    if (!names.insert(text(c, "name")).second)
      f.duplicate(path(p, "name"), text(c, "name"));
    check_init_container(c, p, f);
  });
  auto targets = names;
  each(spec, "ephemeralContainers", at, [&](const json::value& c, const path& p) {
    validate_container(c, p, scope, f);
    if (!names.insert(text(c, "name")).second)
      f.duplicate(path(p, "name"), text(c, "name"));
    check_ephemeral_container(c, p, targets, f);
  });
}

} // namespace thespis::api
