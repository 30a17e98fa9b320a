#include "api/text/cidr.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

constexpr int64_t max_int32 = 2147483647;
constexpr size_t max_nameservers = 3;
constexpr size_t max_search_paths = 32;

void check_policies(const json::value& spec, const path& at, findings& f) {
  auto restart = text(spec, "restartPolicy");
  if (!restart.empty() && restart != "Always" && restart != "OnFailure" && restart != "Never")
    f.not_supported(path(at, "restartPolicy"), restart, {"Always", "OnFailure", "Never"});
  auto dns = text(spec, "dnsPolicy");
  if (!dns.empty() && dns != "ClusterFirst" && dns != "ClusterFirstWithHostNet" &&
      dns != "Default" && dns != "None")
    f.not_supported(path(at, "dnsPolicy"), dns,
                    {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"});
}

void check_dns_config(const json::value& spec, const path& at, findings& f) {
  const auto& config = member(spec, "dnsConfig");
  path p(at, "dnsConfig");
  const auto& servers = member(config, "nameservers");
  if (text(spec, "dnsPolicy") == "None") {
    if (!config.IsObject()) {
      f.required(p, "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if (!filled(servers))
      f.required(path(p, "nameservers"),
                 "must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  if (!config.IsObject())
    return;
  if (count(servers) > max_nameservers)
    f.invalid(path(p, "nameservers"), servers, "must not have more than 3 nameservers");
  each(config, "nameservers", p, [&](const json::value& v, const path& q) {
    complain(f, q, json::as_string(v), check_ip(json::as_string(v)));
  });
  const auto& searches = member(config, "searches");
  if (count(searches) > max_search_paths)
    f.invalid(path(p, "searches"), searches, "must not have more than 32 search paths");
  each(config, "searches", p, [&](const json::value& v, const path& q) {
    auto s = json::as_string(v);
    if (s.size() > 1 && s.ends_with('.'))
      s.remove_suffix(1);
    if (s != ".")
      complain(f, q, s, check_dns1123_subdomain(s));
  });
  each(config, "options", p, [&](const json::value& v, const path& q) {
    if (text(v, "name").empty())
      f.required(path(q, "name"), "must not be empty");
  });
}

void check_names(const json::value& spec, const path& at, findings& f) {
  auto check = [&](std::string_view key, auto rule) {
    if (auto v = text(spec, key); !v.empty())
      complain(f, path(at, key), v, rule(v));
  };
  check("serviceAccountName", check_dns1123_subdomain);
  check("nodeName", check_dns1123_subdomain);
  check("hostname", check_dns1123_label);
  check("subdomain", check_dns1123_label);
  check("priorityClassName", check_dns1123_subdomain);
  check("runtimeClassName", check_dns1123_subdomain);
  each(spec, "imagePullSecrets", at, [&](const json::value& v, const path& p) {
    if (text(v, "name").empty())
      f.required(path(p, "name"));
  });
  each(spec, "hostAliases", at, [&](const json::value& v, const path& p) {
    complain(f, path(p, "ip"), text(v, "ip"), check_ip(text(v, "ip")));
    each(v, "hostnames", p, [&](const json::value& h, const path& q) {
      complain(f, q, json::as_string(h), check_dns1123_subdomain(json::as_string(h)));
    });
  });
  each(spec, "readinessGates", at, [&](const json::value& v, const path& p) {
    complain(f, path(p, "conditionType"), text(v, "conditionType"),
             check_qualified_name(text(v, "conditionType")));
  });
  name_set gates;
  each(spec, "schedulingGates", at, [&](const json::value& v, const path& p) {
    complain(f, p, text(v, "name"), check_qualified_name(text(v, "name")));
    if (!gates.insert(text(v, "name")).second)
      f.duplicate(p, text(v, "name"));
  });
}

} // namespace

void validate_pod_spec(const json::value& spec, const path& at, findings& f) {
  name_set volumes;
  validate_volumes(spec, at, volumes, f);
  pod_scope scope{volumes, json::get_bool(spec, "hostNetwork")};
  validate_containers(spec, at, scope, f);
  check_policies(spec, at, f);
  validate_labels(member(spec, "nodeSelector"), path(at, "nodeSelector"), f);
  validate_pod_security(spec, at, f);
  validate_affinity(spec, at, f);
  check_dns_config(spec, at, f);
  validate_spread(spec, at, f);
  check_names(spec, at, f);
  if (has(spec, "activeDeadlineSeconds"))
    complain(f, path(at, "activeDeadlineSeconds"), json::get_int(spec, "activeDeadlineSeconds"),
             check_range(json::get_int(spec, "activeDeadlineSeconds"), 1, max_int32));
  if (auto n = json::get_int(spec, "terminationGracePeriodSeconds"); n < 0)
    f.invalid(path(at, "terminationGracePeriodSeconds"), n, "must be greater than or equal to 0");
  validate_tolerations(spec, at, f);
  auto preemption = text(spec, "preemptionPolicy");
  if (!preemption.empty() && preemption != "PreemptLowerPriority" && preemption != "Never")
    f.not_supported(path(at, "preemptionPolicy"), preemption, {"Never", "PreemptLowerPriority"});
}

void validate_pod(const json::value& pod, findings& f) {
  path at("spec");
  validate_pod_spec(member(pod, "spec"), at, f);
}

void validate_pod_template(const json::value& tmpl, const path& at, findings& f) {
  validate_labels(member(member(tmpl, "metadata"), "labels"), path(at, "labels"), f);
  validate_annotations(member(member(tmpl, "metadata"), "annotations"), path(at, "annotations"), f);
  path spec(at, "spec");
  validate_pod_spec(member(tmpl, "spec"), spec, f);
  if (filled(member(member(tmpl, "spec"), "ephemeralContainers")))
    f.forbidden(path(spec, "ephemeralContainers"),
                "ephemeral containers not allowed in pod template");
}

} // namespace thespis::api
