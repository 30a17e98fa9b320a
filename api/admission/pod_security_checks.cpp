#include "api/admission/pod_security_checks.hpp"

#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>

namespace thespis::api::admission {

namespace {

using names = std::vector<std::string>;
using name_set = std::set<std::string>;

struct pod_view {
  const json::value& metadata;
  const json::value& spec;
  int minor;

  bool windows() const { return text(member(spec, "os"), "name") == "windows"; }
  const json::value& context() const { return member(spec, "securityContext"); }

  /// Calls f(container, its securityContext), init containers first.
  template <class F>
  void containers(F f) const {
    for (std::string_view list : {"initContainers", "containers", "ephemeralContainers"})
      if (const auto& all = member(spec, list); all.IsArray())
        for (const auto& c : all.GetArray())
          f(c, member(c, "securityContext"));
  }
};

using outcome = std::optional<violation>;

template <class Strings>
std::string join(const Strings& all, std::string_view separator, bool quoted) {
  std::string out;
  for (const auto& s : all)
    out.append(out.empty() ? std::string_view{} : separator).append(quoted ? quote_go(s) : s);
  return out;
}

template <class Strings>
std::string quoted(const Strings& all) {
  return join(all, ", ", true);
}

std::string plural(std::string_view one, size_t n) {
  return std::string(one) + (n == 1 ? "" : "s");
}

/// container "a" / containers "a", "b"
std::string containers_named(const names& all) {
  return plural("container", all.size()) + " " + quoted(all);
}

/// pod and containers "a", "b"
std::string setters(bool pod, const names& containers, const names& more = {}) {
  names out;
  if (pod)
    out.emplace_back("pod");
  if (!containers.empty())
    out.push_back(containers_named(containers));
  out.insert(out.end(), more.begin(), more.end());
  return join(out, " and ", false);
}

std::string name_of(const json::value& v) {
  return std::string(text(v, "name"));
}

outcome app_armor(const pod_view& p) {
  constexpr std::string_view prefix = "container.apparmor.security.beta.kubernetes.io/";
  auto bad = [](const json::value& context, name_set& values) {
    const auto& profile = member(context, "appArmorProfile");
    auto type = text(profile, "type");
    if (profile.IsNull() || type == "RuntimeDefault" || type == "Localhost")
      return false;
    values.emplace(type);
    return true;
  };
  name_set values;
  names containers;
  bool pod = bad(p.context(), values);
  p.containers([&](const json::value& c, const json::value& context) {
    if (bad(context, values))
      containers.push_back(name_of(c));
  });
  name_set annotations;
  each_member(p.metadata, "annotations", [&](std::string_view key, const json::value& v) {
    auto value = json::as_string(v);
    if (key.starts_with(prefix) && !value.empty() && value != "runtime/default" &&
        !value.starts_with("localhost/"))
      annotations.insert(std::string(key) + "=" + quote_go(value));
  });
  names all(values.begin(), values.end());
  all.insert(all.end(), annotations.begin(), annotations.end());
  if (all.empty())
    return {};
  names more;
  if (!annotations.empty())
    more.push_back(plural("annotation", annotations.size()));
  return violation{plural("forbidden AppArmor profile", all.size()),
                   setters(pod, containers, more) + " must not set AppArmor profile type to " +
                       quoted(all)};
}

/// Which containers add capabilities beyond those, and which.
std::pair<names, name_set> added_beyond(const pod_view& p, const std::set<std::string_view>& fine) {
  names containers;
  name_set added;
  p.containers([&](const json::value& c, const json::value& context) {
    bool bad = false;
    if (const auto& list = member(member(context, "capabilities"), "add"); list.IsArray())
      for (const auto& v : list.GetArray())
        if (auto s = json::as_string(v); !fine.contains(s)) {
          added.emplace(s);
          bad = true;
        }
    if (bad)
      containers.push_back(name_of(c));
  });
  return {containers, added};
}

std::string must_not_add(const names& containers, const name_set& added) {
  return containers_named(containers) + " must not include " + quoted(added) +
         " in securityContext.capabilities.add";
}

outcome capabilities_baseline(const pod_view& p) {
  static const std::set<std::string_view> fine{
      "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
      "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};
  auto [containers, added] = added_beyond(p, fine);
  if (containers.empty())
    return {};
  return violation{"non-default capabilities", must_not_add(containers, added)};
}

outcome capabilities_restricted(const pod_view& p) {
  if (p.minor >= 25 && p.windows())
    return {};
  names keeping;
  p.containers([&](const json::value& c, const json::value& context) {
    const auto& drop = member(member(context, "capabilities"), "drop");
    bool all = false;
    if (drop.IsArray())
      for (const auto& v : drop.GetArray())
        all = all || json::as_string(v) == "ALL";
    if (!all)
      keeping.push_back(name_of(c));
  });
  auto [containers, added] = added_beyond(p, {"NET_BIND_SERVICE"});
  names details;
  if (!keeping.empty())
    details.push_back(containers_named(keeping) +
                      R"( must set securityContext.capabilities.drop=["ALL"])");
  if (!containers.empty())
    details.push_back(must_not_add(containers, added));
  if (details.empty())
    return {};
  return violation{"unrestricted capabilities", join(details, "; ", false)};
}

outcome host_namespaces(const pod_view& p) {
  names set;
  for (std::string_view key : {"hostNetwork", "hostPID", "hostIPC"})
    if (json::get_bool(p.spec, key))
      set.push_back(std::string(key) + "=true");
  if (set.empty())
    return {};
  return violation{"host namespaces", join(set, ", ", false)};
}

outcome host_paths(const pod_view& p) {
  names volumes;
  if (const auto& list = member(p.spec, "volumes"); list.IsArray())
    for (const auto& v : list.GetArray())
      if (has(v, "hostPath"))
        volumes.push_back(name_of(v));
  if (volumes.empty())
    return {};
  return violation{"hostPath volumes", plural("volume", volumes.size()) + " " + quoted(volumes)};
}

outcome host_ports(const pod_view& p) {
  names containers;
  name_set ports;
  p.containers([&](const json::value& c, const json::value&) {
    bool bad = false;
    if (const auto& list = member(c, "ports"); list.IsArray())
      for (const auto& port : list.GetArray())
        if (auto n = json::get_int(port, "hostPort"); n != 0) {
          ports.insert(std::to_string(n));
          bad = true;
        }
    if (bad)
      containers.push_back(name_of(c));
  });
  if (containers.empty())
    return {};
  return violation{"hostPort",
                   containers_named(containers) + (containers.size() == 1 ? " uses " : " use ") +
                       plural("hostPort", ports.size()) + " " + join(ports, ", ", false)};
}

outcome host_probes(const pod_view& p) {
  name_set containers;
  name_set hosts;
  p.containers([&](const json::value& c, const json::value&) {
    const auto& lifecycle = member(c, "lifecycle");
    for (const auto* handler :
         {&member(c, "livenessProbe"), &member(c, "readinessProbe"), &member(c, "startupProbe"),
          &member(lifecycle, "postStart"), &member(lifecycle, "preStop")})
      for (std::string_view kind : {"httpGet", "tcpSocket"})
        if (auto host = text(member(*handler, kind), "host"); !host.empty()) {
          hosts.emplace(host);
          containers.insert(name_of(c));
        }
  });
  if (containers.empty())
    return {};
  return violation{"probe or lifecycle host",
                   plural("container", containers.size()) + " " + quoted(containers) +
                       (containers.size() == 1 ? " uses " : " use ") +
                       plural("probe or lifecycle host", hosts.size()) + " " + quoted(hosts)};
}

outcome privileged(const pod_view& p) {
  names containers;
  p.containers([&](const json::value& c, const json::value& context) {
    if (json::get_bool(context, "privileged"))
      containers.push_back(name_of(c));
  });
  if (containers.empty())
    return {};
  return violation{"privileged",
                   containers_named(containers) + " must not set securityContext.privileged=true"};
}

outcome proc_mount(const pod_view& p) {
  names containers;
  name_set types;
  p.containers([&](const json::value& c, const json::value& context) {
    if (!has(context, "procMount") || text(context, "procMount") == "Default")
      return;
    containers.push_back(name_of(c));
    types.emplace(text(context, "procMount"));
  });
  if (containers.empty())
    return {};
  return violation{"procMount", containers_named(containers) +
                                    " must not set securityContext.procMount to " + quoted(types)};
}

outcome se_linux(const pod_view& p) {
  name_set types;
  bool user = false;
  bool role = false;
  auto bad = [&](const json::value& context) {
    const auto& options = member(context, "seLinuxOptions");
    auto type = text(options, "type");
    bool fine = type.empty() || type == "container_t" || type == "container_init_t" ||
                type == "container_kvm_t" || (p.minor >= 31 && type == "container_engine_t");
    if (!fine)
      types.emplace(type);
    bool sets_user = !text(options, "user").empty();
    bool sets_role = !text(options, "role").empty();
    user = user || sets_user;
    role = role || sets_role;
    return !fine || sets_user || sets_role;
  };
  bool pod = bad(p.context());
  names containers;
  p.containers([&](const json::value& c, const json::value& context) {
    if (bad(context))
      containers.push_back(name_of(c));
  });
  if (!pod && containers.empty())
    return {};
  names data;
  if (!types.empty())
    data.push_back(plural("type", types.size()) + " " + quoted(types));
  if (user)
    data.emplace_back("user may not be set");
  if (role)
    data.emplace_back("role may not be set");
  return violation{"seLinuxOptions",
                   setters(pod, containers) +
                       " set forbidden securityContext.seLinuxOptions: " + join(data, "; ", false)};
}

/// Profiles that say something else than the runtime's own or a local one.
struct seccomp_setters {
  bool pod = false;
  bool pod_good = false;
  names explicit_containers, silent_containers;
  name_set values;
};

seccomp_setters seccomp_of(const pod_view& p) {
  seccomp_setters s;
  auto bad = [&](const json::value& profile) {
    auto type = text(profile, "type");
    if (type == "RuntimeDefault" || type == "Localhost")
      return false;
    s.values.emplace(type);
    return true;
  };
  if (const auto& profile = member(p.context(), "seccompProfile"); !profile.IsNull()) {
    s.pod = bad(profile);
    s.pod_good = !s.pod;
  }
  p.containers([&](const json::value& c, const json::value& context) {
    const auto& profile = member(context, "seccompProfile");
    if (profile.IsNull())
      s.silent_containers.push_back(name_of(c));
    else if (bad(profile))
      s.explicit_containers.push_back(name_of(c));
  });
  return s;
}

outcome forbidden_seccomp(const seccomp_setters& s) {
  if (!s.pod && s.explicit_containers.empty())
    return {};
  return violation{"seccompProfile", setters(s.pod, s.explicit_containers) +
                                         " must not set securityContext.seccompProfile.type to " +
                                         quoted(s.values)};
}

/// Before 1.19 profiles were annotations.
outcome seccomp_annotations(const pod_view& p) {
  name_set bad;
  auto judge = [&](const std::string& key) {
    const auto& v = member(member(p.metadata, "annotations"), key);
    auto s = json::as_string(v);
    if (!v.IsNull() && s != "runtime/default" && s != "docker/default" &&
        !s.starts_with("localhost/"))
      bad.insert(key + "=" + quote_go(s));
  };
  judge("seccomp.security.alpha.kubernetes.io/pod");
  p.containers([&](const json::value& c, const json::value&) {
    judge("container.seccomp.security.alpha.kubernetes.io/" + name_of(c));
  });
  if (bad.empty())
    return {};
  return violation{"seccompProfile",
                   "forbidden " + plural("annotation", bad.size()) + " " + join(bad, ", ", false)};
}

outcome seccomp_baseline(const pod_view& p) {
  return p.minor < 19 ? seccomp_annotations(p) : forbidden_seccomp(seccomp_of(p));
}

outcome seccomp_restricted(const pod_view& p) {
  if (p.minor >= 25 && p.windows())
    return {};
  auto s = seccomp_of(p);
  if (auto bad = forbidden_seccomp(s))
    return bad;
  if (s.pod_good || s.silent_containers.empty())
    return {};
  return violation{
      "seccompProfile",
      "pod or " + containers_named(s.silent_containers) +
          R"( must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"};
}

outcome sysctls(const pod_view& p) {
  static const std::map<std::string_view, int> fine{{"kernel.shm_rmid_forced", 0},
                                                    {"net.ipv4.ip_local_port_range", 0},
                                                    {"net.ipv4.tcp_syncookies", 0},
                                                    {"net.ipv4.ping_group_range", 0},
                                                    {"net.ipv4.ip_unprivileged_port_start", 0},
                                                    {"net.ipv4.ip_local_reserved_ports", 27},
                                                    {"net.ipv4.tcp_keepalive_time", 29},
                                                    {"net.ipv4.tcp_fin_timeout", 29},
                                                    {"net.ipv4.tcp_keepalive_intvl", 29},
                                                    {"net.ipv4.tcp_keepalive_probes", 29},
                                                    {"net.ipv4.tcp_rmem", 32},
                                                    {"net.ipv4.tcp_wmem", 32}};
  names bad;
  if (const auto& list = member(p.context(), "sysctls"); list.IsArray())
    for (const auto& s : list.GetArray()) {
      auto it = fine.find(text(s, "name"));
      if (it == fine.end() || it->second > p.minor)
        bad.push_back(name_of(s));
    }
  if (bad.empty())
    return {};
  return violation{"forbidden sysctls", join(bad, ", ", false)};
}

outcome host_process(const pod_view& p) {
  auto set = [](const json::value& context) {
    return json::get_bool(member(context, "windowsOptions"), "hostProcess");
  };
  names containers;
  p.containers([&](const json::value& c, const json::value& context) {
    if (set(context))
      containers.push_back(name_of(c));
  });
  bool pod = set(p.context());
  if (!pod && containers.empty())
    return {};
  return violation{"hostProcess", setters(pod, containers) +
                                      " must not set securityContext.windowsOptions.hostProcess="
                                      "true"};
}

outcome privilege_escalation(const pod_view& p) {
  if (p.minor >= 25 && p.windows())
    return {};
  names containers;
  p.containers([&](const json::value& c, const json::value& context) {
    if (json::get_bool(context, "allowPrivilegeEscalation", true))
      containers.push_back(name_of(c));
  });
  if (containers.empty())
    return {};
  return violation{"allowPrivilegeEscalation != false",
                   containers_named(containers) +
                       " must set securityContext.allowPrivilegeEscalation=false"};
}

outcome restricted_volumes(const pod_view& p) {
  static const std::set<std::string_view> fine{"configMap", "csi",       "downwardAPI",
                                               "emptyDir",  "ephemeral", "persistentVolumeClaim",
                                               "projected", "secret"};
  names volumes;
  name_set types;
  if (const auto& list = member(p.spec, "volumes"); list.IsArray())
    for (const auto& v : list.GetArray()) {
      std::string type;
      bool good = false;
      if (v.IsObject())
        for (const auto& m : v.GetObject())
          if (auto key = json::as_string(m.name); key != "name" && !m.value.IsNull()) {
            type = key;
            good = good || fine.contains(key);
          }
      if (good)
        continue;
      volumes.push_back(name_of(v));
      types.insert(type.empty() || type == "image" ? "unknown" : type);
    }
  if (volumes.empty())
    return {};
  return violation{"restricted volume types",
                   plural("volume", volumes.size()) + " " + quoted(volumes) +
                       (volumes.size() == 1 ? " uses " : " use ") +
                       plural("restricted volume type", types.size()) + " " + quoted(types)};
}

outcome run_as_non_root(const pod_view& p) {
  const auto& own = member(p.context(), "runAsNonRoot");
  names containers;
  names silent;
  p.containers([&](const json::value& c, const json::value& context) {
    const auto& v = member(context, "runAsNonRoot");
    if (!v.IsBool())
      silent.push_back(name_of(c));
    else if (!v.GetBool())
      containers.push_back(name_of(c));
  });
  bool pod = own.IsBool() && !own.GetBool();
  if (pod || !containers.empty())
    return violation{"runAsNonRoot != true",
                     setters(pod, containers) + " must not set securityContext.runAsNonRoot=false"};
  if ((own.IsBool() && own.GetBool()) || silent.empty())
    return {};
  return violation{"runAsNonRoot != true", "pod or " + containers_named(silent) +
                                               " must set securityContext.runAsNonRoot=true"};
}

outcome run_as_user(const pod_view& p) {
  auto root = [](const json::value& context) {
    return json::get_int(context, "runAsUser", 1) == 0;
  };
  names containers;
  p.containers([&](const json::value& c, const json::value& context) {
    if (root(context))
      containers.push_back(name_of(c));
  });
  bool pod = root(p.context());
  if (!pod && containers.empty())
    return {};
  return violation{"runAsUser=0", setters(pod, containers) + " must not set runAsUser=0"};
}

struct check {
  outcome (*run)(const pod_view&);
  int since = 0;
  /// The restricted level says the same in stricter words from this version on.
  int restricted_since = security_standard::latest + 1;
};

/// In the order in which messages name them.
const std::array baseline_checks{
    check{app_armor},       check{capabilities_baseline, 0, 22},
    check{host_namespaces}, check{host_paths, 0, 0},
    check{host_ports},      check{host_probes, 34},
    check{privileged},      check{proc_mount},
    check{se_linux},        check{seccomp_baseline, 0, 19},
    check{sysctls},         check{host_process},
};
const std::array restricted_checks{
    check{privilege_escalation, 8}, check{capabilities_restricted, 22},
    check{restricted_volumes},      check{run_as_non_root},
    check{run_as_user, 23},         check{seccomp_restricted, 19},
};

} // namespace

std::vector<violation> check_pod_security(const security_standard& standard,
                                          const json::value& metadata, const json::value& spec) {
  std::vector<violation> out;
  if (standard.level == security_level::privileged)
    return out;
  pod_view p{metadata, spec, standard.minor};
  bool restricted = standard.level == security_level::restricted;
  auto run = [&](const check& c) {
    if (auto found = p.minor >= c.since ? c.run(p) : outcome{})
      out.push_back(std::move(*found));
  };
  for (const auto& c : baseline_checks)
    if (!restricted || p.minor < c.restricted_since)
      run(c);
  if (restricted)
    for (const auto& c : restricted_checks)
      run(c);
  return out;
}

std::string describe(const std::vector<violation>& all) {
  std::string out;
  for (const auto& v : all)
    out += (out.empty() ? "" : ", ") + v.reason + (v.detail.empty() ? "" : " (" + v.detail + ")");
  return out;
}

std::string reasons_of(const std::vector<violation>& all) {
  std::string out;
  for (const auto& v : all)
    out += (out.empty() ? "" : ", ") + v.reason;
  return out;
}

} // namespace thespis::api::admission
