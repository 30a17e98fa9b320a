#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

void check_seccomp(const json::value& context, const path& at, findings& f) {
  const auto& profile = member(context, "seccompProfile");
  if (!profile.IsObject())
    return;
  path p(at, "seccompProfile");
  auto type = text(profile, "type");
  bool named = has(profile, "localhostProfile");
  if (type == "Localhost" && !named)
    f.required(path(p, "localhostProfile"), "must be set when seccomp type is Localhost");
  else if (type != "Localhost" && named)
    f.invalid(path(p, "localhostProfile"), member(profile, "localhostProfile"),
              "can only be set when seccomp type is Localhost");
}

void check_sysctls(const json::value& context, const path& at, findings& f) {
  name_set names;
  each(context, "sysctls", at, [&](const json::value& s, const path& p) {
    auto name = text(s, "name");
    if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
  });
}

} // namespace

void validate_pod_security(const json::value& spec, const path& at, findings& f) {
  const auto& context = member(spec, "securityContext");
  if (!context.IsObject())
    return;
  path p(at, "securityContext");
  if (json::get_bool(spec, "shareProcessNamespace") && json::get_bool(spec, "hostPID"))
    f.invalid(path(at, "shareProcessNamespace"), member(spec, "shareProcessNamespace"),
              "ShareProcessNamespace and HostPID cannot both be enabled");
  check_seccomp(context, p, f);
  check_sysctls(context, p, f);
}

void validate_container_security(const json::value& container, const path& at, findings& f) {
  const auto& context = member(container, "securityContext");
  if (!context.IsObject())
    return;
  path p(at, "securityContext");
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
