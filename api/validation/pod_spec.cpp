#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

constexpr int64_t max_int32 = 2147483647;
constexpr size_t max_search_paths = 32;

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
}

void check_gates(const json::value& spec, const path& at, findings& f) {
  name_set gates;
  each(spec, "schedulingGates", at, [&](const json::value& v, const path& p) {
    if (!gates.insert(text(v, "name")).second)
      f.duplicate(p, text(v, "name"));
  });
}

void check_pull_secrets(const json::value& spec, const path& at, findings& f) {
  each(spec, "imagePullSecrets", at, [&](const json::value& v, const path& p) {
    if (text(v, "name").empty())
      f.required(path(p, "name"));
  });
}

} // namespace

void validate_pod_spec(const json::value& spec, const path& at, findings& f,
                       const json::value& claims) {
  name_set volumes;
  validate_volumes(spec, at, volumes, f);
  if (claims.IsArray())
    for (const auto& c : claims.GetArray())
      volumes.insert(text(member(c, "metadata"), "name"));
  pod_scope scope{volumes, json::get_bool(spec, "hostNetwork")};
  validate_containers(spec, at, scope, f);
  validate_pod_security(spec, at, f);
  validate_affinity(spec, at, f);
  check_dns_config(spec, at, f);
  validate_spread(spec, at, f);
  check_pull_secrets(spec, at, f);
  check_gates(spec, at, f);
  if (has(spec, "activeDeadlineSeconds"))
    complain(f, path(at, "activeDeadlineSeconds"), json::get_int(spec, "activeDeadlineSeconds"),
             check_range(json::get_int(spec, "activeDeadlineSeconds"), 1, max_int32));
  validate_tolerations(spec, at, f);
}

void validate_pod(const json::value& pod, findings& f) {
  path at("spec");
  validate_pod_spec(member(pod, "spec"), at, f);
}

void validate_pod_template(const json::value& tmpl, const path& at, findings& f,
                           const json::value& claims) {
  validate_labels(member(member(tmpl, "metadata"), "labels"), path(at, "labels"), f);
  validate_annotations(member(member(tmpl, "metadata"), "annotations"), path(at, "annotations"), f);
  path spec(at, "spec");
  validate_pod_spec(member(tmpl, "spec"), spec, f, claims);
  if (filled(member(member(tmpl, "spec"), "ephemeralContainers")))
    f.forbidden(path(spec, "ephemeralContainers"),
                "ephemeral containers not allowed in pod template");
}

} // namespace thespis::api
