#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

constexpr int64_t max_id = 2147483647;

void check_id(const json::value& context, std::string_view key, const path& at, findings& f) {
  if (has(context, key))
    complain(f, path(at, key), json::get_int(context, key),
             check_range(json::get_int(context, key), 0, max_id));
}

void check_seccomp(const json::value& context, const path& at, findings& f) {
  const auto& profile = member(context, "seccompProfile");
  if (!profile.IsObject())
    return;
  path p(at, "seccompProfile");
  auto type = text(profile, "type");
  bool named = has(profile, "localhostProfile");
  if (type.empty())
    f.required(path(p, "type"), "type is required when seccompProfile is set");
  else if (type != "Localhost" && type != "RuntimeDefault" && type != "Unconfined")
    f.not_supported(path(p, "type"), type, {"Localhost", "RuntimeDefault", "Unconfined"});
  else if (type == "Localhost" && !named)
    f.required(path(p, "localhostProfile"), "must be set when seccomp type is Localhost");
  else if (type != "Localhost" && named)
    f.invalid(path(p, "localhostProfile"), member(profile, "localhostProfile"),
              "can only be set when seccomp type is Localhost");
}

void check_sysctls(const json::value& context, const path& at, findings& f) {
  name_set names;
  each(context, "sysctls", at, [&](const json::value& s, const path& p) {
    auto name = text(s, "name");
    if (name.empty())
      f.required(path(p, "name"));
    else if (!names.insert(name).second)
      f.duplicate(path(p, "name"), name);
  });
}

} // namespace

void validate_pod_security(const json::value& spec, const path& at, findings& f) {
  const auto& context = member(spec, "securityContext");
  if (!context.IsObject())
    return;
  path p(at, "securityContext");
  for (std::string_view key : {"fsGroup", "runAsUser", "runAsGroup"})
    check_id(context, key, p, f);
  each(context, "supplementalGroups", p, [&](const json::value& v, const path& q) {
    if (v.IsInt64())
      complain(f, q, v.GetInt64(), check_range(v.GetInt64(), 0, max_id));
  });
  if (json::get_bool(spec, "shareProcessNamespace") && json::get_bool(spec, "hostPID"))
    f.invalid(path(at, "shareProcessNamespace"), member(spec, "shareProcessNamespace"),
              "ShareProcessNamespace and HostPID cannot both be enabled");
  auto policy = text(context, "fsGroupChangePolicy");
  if (!policy.empty() && policy != "OnRootMismatch" && policy != "Always")
    f.not_supported(path(p, "fsGroupChangePolicy"), policy, {"Always", "OnRootMismatch"});
  check_seccomp(context, p, f);
  check_sysctls(context, p, f);
}

void validate_container_security(const json::value& container, const path& at, findings& f) {
  const auto& context = member(container, "securityContext");
  if (!context.IsObject())
    return;
  path p(at, "securityContext");
  check_id(context, "runAsUser", p, f);
  check_id(context, "runAsGroup", p, f);
  check_seccomp(context, p, f);
  if (has(context, "allowPrivilegeEscalation") &&
      !json::get_bool(context, "allowPrivilegeEscalation")) {
    if (json::get_bool(context, "privileged"))
      f.invalid(p, context,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    const auto& add = member(member(context, "capabilities"), "add");
    if (add.IsArray())
      for (const auto& c : add.GetArray())
        if (json::as_string(c) == "CAP_SYS_ADMIN")
          f.invalid(p, context,
                    "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                    "CAP_SYS_ADMIN");
  }
}

} // namespace thespis::api
