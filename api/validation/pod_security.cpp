#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

/// A file below some folder of the node.
void check_descending(std::string_view file, const path& at, findings& f) {
  if (file.starts_with('/'))
    f.invalid(at, file, "must be a relative path");
  for (size_t from = 0; from <= file.size();) {
    const auto end = std::min(file.find('/', from), file.size());
    if (file.substr(from, end - from) == "..")
      return f.invalid(at, file, "must not contain '..'");
    from = end + 1;
  }
}

/// Words of small letters, digits, '-' and '_', joined by dots or slashes.
bool is_sysctl(std::string_view name) {
  bool edge = true; // at the begin or end of a word
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool joint = c == '.' || c == '/';
    if (!plain && !joint && c != '-' && c != '_')
      return false;
    if (edge && !plain)
      return false;
    edge = joint;
  }
  return !edge && name.back() != '-' && name.back() != '_';
}

void check_seccomp(const json::value& context, const path& at, findings& f) {
  const auto& profile = member(context, "seccompProfile");
  if (!profile.IsObject())
    return;
  path p(at, "seccompProfile");
  auto type = text(profile, "type");
  bool named = has(profile, "localhostProfile");
  // An empty name would be the folder, and the runtime's default no profile at all.
  if (type == "Localhost" && text(profile, "localhostProfile").empty())
    f.required(path(p, "localhostProfile"), "must be set when seccomp type is Localhost");
  else if (type != "Localhost" && named)
    f.invalid(path(p, "localhostProfile"), member(profile, "localhostProfile"),
              "can only be set when seccomp type is Localhost");
  else if (named)
    check_descending(text(profile, "localhostProfile"), path(p, "localhostProfile"), f);
}

void check_sysctls(const json::value& context, const path& at, findings& f) {
  name_set names;
  each(context, "sysctls", at, [&](const json::value& s, const path& p) {
    auto name = text(s, "name");
    if (!name.empty() && !is_sysctl(name))
      f.invalid(path(p, "name"), name,
                "must have at most 253 characters and match regex "
                "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
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
