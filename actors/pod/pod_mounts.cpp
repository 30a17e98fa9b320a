#include "actors/pod/pod_mounts.hpp"

#include "actors/pod/host_files.hpp"
#include "actors/pod/pod_env.hpp"
#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using runtime::container_mount;

// What the API fills is read-only in containers, whatever the mount says.
bool always_read_only(const api::v1::volume& v) {
  return v.config_map || v.secret || v.downward_api || v.projected ||
         (v.persistent_volume_claim && v.persistent_volume_claim->read_only.value_or(false));
}

runtime::mount_propagation propagation_of(const std::string& mode) {
  if (mode == "HostToContainer")
    return runtime::mount_propagation::host_to_container;
  if (mode == "Bidirectional")
    return runtime::mount_propagation::bidirectional;
  return runtime::mount_propagation::none;
}

std::string hosts_of(const api::v1::pod& pod, const container_surroundings& s) {
  std::string res;
  if (pod.spec.host_network.value_or(false)) {
    constexpr size_t max_hosts = 1 << 20;
    res = "# Kubernetes-managed hosts file (host network).\n" + read_tail("/etc/hosts", max_hosts);
    if (res.back() != '\n')
      res += '\n';
  } else {
    res = "# Kubernetes-managed hosts file.\n"
          "127.0.0.1\tlocalhost\n"
          "::1\tlocalhost ip6-localhost ip6-loopback\n"
          "fe00::0\tip6-localnet\n"
          "fe00::0\tip6-mcastprefix\n"
          "fe00::1\tip6-allnodes\n"
          "fe00::2\tip6-allrouters\n";
    const auto host = pod_hostname(pod);
    const auto domain = pod_domain(pod, s.node);
    for (const auto& ip : s.pod_ips) {
      res += ip + "\t";
      if (!domain.empty())
        res += host + "." + domain + "\t";
      res += host + "\n";
    }
  }
  if (pod.spec.host_aliases.empty())
    return res;
  res += "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.spec.host_aliases) {
    res += alias.ip;
    for (const auto& name : alias.hostnames)
      res += "\t" + name;
    res += "\n";
  }
  return res;
}

bool mounts_at(const api::v1::container& c, const std::string& path) {
  return std::any_of(c.volume_mounts.begin(), c.volume_mounts.end(),
                     [&](const auto& m) { return m.mount_path == path; });
}

bool steps_back(const std::string& path) {
  return ("/" + path + "/").find("/../") != std::string::npos;
}

// The host path of a part of a volume: a mount of its own, which stays what was checked even when
// a container changes links in the volume afterwards.
api::result<std::string> sub_path_of(const api::v1::pod& pod, const api::v1::container& c,
                                     size_t index, const std::string& volume,
                                     const std::string& sub_path, const container_surroundings& s) {
  const auto& m = c.volume_mounts[index];
  const auto failed = [&](const std::string& why) {
    return api::fail(api::bad_request("failed to prepare subPath for volumeMount " +
                                      api::quote_go(m.name) + " of container " +
                                      api::quote_go(c.name) + ": " + why));
  };
  auto opened = open_beneath(volume, sub_path, true);
  if (!opened)
    return failed(opened.error().message);
  const auto target = pod_directory(s.node, pod.metadata.uid) + "/volume-subpaths/" + m.name + "/" +
                      c.name + "/" + std::to_string(index);
  if (auto ok = bind_mount(*opened, target); !ok)
    return failed(ok.error().message);
  return target;
}

api::result<container_mount> volume_mount(const api::v1::pod& pod, const api::v1::container& c,
                                          size_t index, const container_surroundings& s,
                                          const std::vector<runtime::env_var>& env) {
  const auto& m = c.volume_mounts[index];
  const auto& all = pod.spec.volumes;
  const auto declared =
      std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.name == m.name; });
  const auto found = s.volumes.find(m.name);
  if (declared == all.end() || found == s.volumes.end())
    return api::fail(api::bad_request("cannot find volume " + api::quote_go(m.name) +
                                      " to mount into container " + api::quote_go(c.name)));
  container_mount res;
  res.host_path = found->second;
  res.container_path = m.mount_path.starts_with('/') ? m.mount_path : "/" + m.mount_path;
  res.readonly = m.read_only.value_or(false) || always_read_only(*declared);
  res.propagation = propagation_of(m.mount_propagation);
  auto sub_path = m.sub_path;
  if (!m.sub_path_expr.empty()) {
    auto expanded = expand_all_variables(m.sub_path_expr, env);
    if (!expanded)
      return api::fail(std::move(expanded.error()));
    sub_path = std::move(*expanded);
  }
  if (sub_path.starts_with('/'))
    return api::fail(
        api::bad_request("error SubPath `" + sub_path + "` must not be an absolute path"));
  if (steps_back(sub_path))
    return api::fail(
        api::bad_request("unable to provision SubPath `" + sub_path + "`: must not contain '..'"));
  if (sub_path.empty() || s.node.data_dir.empty())
    return res;
  auto host = sub_path_of(pod, c, index, found->second, sub_path, s);
  if (!host)
    return api::fail(std::move(host.error()));
  res.host_path = std::move(*host);
  return res;
}

api::result<container_mount> hosts_mount(const api::v1::pod& pod, const container_surroundings& s) {
  const auto folder = pod_directory(s.node, pod.metadata.uid);
  const auto path = folder + "/etc-hosts";
  const auto text = hosts_of(pod, s);
  constexpr size_t enough = 2 << 20;
  if (read_tail(path, enough) != text) {
    if (auto ok = make_folders(folder, 0750); !ok)
      return api::fail(std::move(ok.error()));
    if (auto ok = write_file(path, text, 0644); !ok)
      return api::fail(std::move(ok.error()));
  }
  container_mount res;
  res.host_path = path;
  res.container_path = "/etc/hosts";
  return res;
}

api::result<container_mount> message_mount(const api::v1::pod& pod, const api::v1::container& c,
                                           const container_surroundings& s) {
  container_mount res;
  res.host_path = termination_message_file(s.node, pod, c.name, s.attempt);
  res.container_path = c.termination_message_path;
  if (auto ok = make_folders(res.host_path.substr(0, res.host_path.rfind('/')), 0750); !ok)
    return api::fail(std::move(ok.error()));
  // The container may run as any user.
  if (auto ok = write_file(res.host_path, {}, 0666); !ok)
    return api::fail(std::move(ok.error()));
  return res;
}

} // namespace

std::string termination_message_file(const node_facts& node, const api::v1::pod& pod,
                                     const std::string& container, uint32_t attempt) {
  return pod_directory(node, pod.metadata.uid) + "/containers/" + container + "/" +
         std::to_string(attempt);
}

api::result<std::vector<container_mount>> make_mounts(const api::v1::pod& pod,
                                                      const api::v1::container& c,
                                                      const container_surroundings& s,
                                                      const std::vector<runtime::env_var>& env) {
  std::vector<container_mount> res;
  const auto add = [&res](api::result<container_mount> m) -> api::result<void> {
    if (!m)
      return api::fail(std::move(m.error()));
    res.push_back(std::move(*m));
    return {};
  };
  for (size_t i = 0; i < c.volume_mounts.size(); ++i)
    if (auto ok = add(volume_mount(pod, c, i, s, env)); !ok)
      return api::fail(std::move(ok.error()));
  // Pods that are only pretended have no files.
  if (s.node.data_dir.empty())
    return res;
  if (!s.pod_ips.empty() && !mounts_at(c, "/etc/hosts"))
    if (auto ok = add(hosts_mount(pod, s)); !ok)
      return api::fail(std::move(ok.error()));
  if (!c.termination_message_path.empty() && !mounts_at(c, c.termination_message_path))
    if (auto ok = add(message_mount(pod, c, s)); !ok)
      return api::fail(std::move(ok.error()));
  return res;
}

} // namespace thespis::actors
