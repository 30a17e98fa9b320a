#include "runtime/cri/cri_convert.hpp"

namespace thespis::runtime::cri {

namespace {

template <class ProtoMap>
void copy_map(const string_map& in, ProtoMap& out) {
  for (const auto& [key, value] : in)
    out[key] = value;
}

template <class ProtoMap>
string_map to_map(const ProtoMap& in) {
  string_map out;
  for (const auto& [key, value] : in)
    out.emplace(key, value);
  return out;
}

template <class In, class Repeated>
void copy_all(const In& in, Repeated& out) {
  for (const auto& x : in)
    *out.Add() = x;
}

template <class Repeated>
std::vector<std::string> to_vector(const Repeated& in) {
  return {in.begin(), in.end()};
}

pb::NamespaceMode to_proto(namespace_mode m) {
  switch (m) {
  case namespace_mode::pod:
    return pb::POD;
  case namespace_mode::container:
    return pb::CONTAINER;
  case namespace_mode::node:
    return pb::NODE;
  }
  return pb::POD;
}

namespace_mode from_proto(pb::NamespaceMode m) {
  if (m == pb::NODE)
    return namespace_mode::node;
  return m == pb::POD ? namespace_mode::pod : namespace_mode::container;
}

void to_proto(const namespace_options& in, pb::NamespaceOption& out) {
  out.set_network(to_proto(in.network));
  out.set_pid(to_proto(in.pid));
  out.set_ipc(to_proto(in.ipc));
}

void to_proto(const seccomp_profile& in, pb::SecurityProfile& out) {
  switch (in.type) {
  case seccomp_profile::kind::unconfined:
    out.set_profile_type(pb::SecurityProfile::Unconfined);
    break;
  case seccomp_profile::kind::runtime_default:
    out.set_profile_type(pb::SecurityProfile::RuntimeDefault);
    break;
  case seccomp_profile::kind::localhost:
    out.set_profile_type(pb::SecurityProfile::Localhost);
    out.set_localhost_ref(in.localhost_path);
    break;
  }
}

pb::Protocol to_proto(port_protocol p) {
  switch (p) {
  case port_protocol::tcp:
    return pb::TCP;
  case port_protocol::udp:
    return pb::UDP;
  case port_protocol::sctp:
    return pb::SCTP;
  }
  return pb::TCP;
}

pb::MountPropagation to_proto(mount_propagation p) {
  switch (p) {
  case mount_propagation::none:
    return pb::PROPAGATION_PRIVATE;
  case mount_propagation::host_to_container:
    return pb::PROPAGATION_HOST_TO_CONTAINER;
  case mount_propagation::bidirectional:
    return pb::PROPAGATION_BIDIRECTIONAL;
  }
  return pb::PROPAGATION_PRIVATE;
}

mount_propagation from_proto(pb::MountPropagation p) {
  if (p == pb::PROPAGATION_BIDIRECTIONAL)
    return mount_propagation::bidirectional;
  return p == pb::PROPAGATION_HOST_TO_CONTAINER ? mount_propagation::host_to_container
                                                : mount_propagation::none;
}

void to_proto(const sandbox_security& in, pb::LinuxSandboxSecurityContext& out) {
  to_proto(in.namespaces, *out.mutable_namespace_options());
  if (in.run_as_user)
    out.mutable_run_as_user()->set_value(*in.run_as_user);
  if (in.run_as_group)
    out.mutable_run_as_group()->set_value(*in.run_as_group);
  copy_all(in.supplemental_groups, *out.mutable_supplemental_groups());
  out.set_privileged(in.privileged);
  out.set_readonly_rootfs(in.readonly_rootfs);
  to_proto(in.seccomp, *out.mutable_seccomp());
}

void to_proto(const container_security& in, pb::LinuxContainerSecurityContext& out) {
  copy_all(in.add_capabilities, *out.mutable_capabilities()->mutable_add_capabilities());
  copy_all(in.drop_capabilities, *out.mutable_capabilities()->mutable_drop_capabilities());
  out.set_privileged(in.privileged);
  to_proto(in.namespaces, *out.mutable_namespace_options());
  if (in.run_as_user)
    out.mutable_run_as_user()->set_value(*in.run_as_user);
  if (in.run_as_group)
    out.mutable_run_as_group()->set_value(*in.run_as_group);
  out.set_run_as_username(in.run_as_username);
  copy_all(in.supplemental_groups, *out.mutable_supplemental_groups());
  out.set_readonly_rootfs(in.readonly_rootfs);
  out.set_no_new_privs(in.no_new_privs);
  to_proto(in.seccomp, *out.mutable_seccomp());
  out.set_apparmor_profile(in.apparmor);
  copy_all(in.masked_paths, *out.mutable_masked_paths());
  copy_all(in.readonly_paths, *out.mutable_readonly_paths());
}

sandbox_metadata from_proto(const pb::PodSandboxMetadata& in) {
  return {in.name(), in.uid(), in.namespace_(), in.attempt()};
}

sandbox_state from_proto(pb::PodSandboxState s) {
  return s == pb::SANDBOX_READY ? sandbox_state::ready : sandbox_state::not_ready;
}

container_state from_proto(pb::ContainerState s) {
  switch (s) {
  case pb::CONTAINER_CREATED:
    return container_state::created;
  case pb::CONTAINER_RUNNING:
    return container_state::running;
  case pb::CONTAINER_EXITED:
    return container_state::exited;
  default:
    return container_state::unknown;
  }
}

pb::ContainerState to_proto(container_state s) {
  switch (s) {
  case container_state::created:
    return pb::CONTAINER_CREATED;
  case container_state::running:
    return pb::CONTAINER_RUNNING;
  case container_state::exited:
    return pb::CONTAINER_EXITED;
  case container_state::unknown:
    return pb::CONTAINER_UNKNOWN;
  }
  return pb::CONTAINER_UNKNOWN;
}

} // namespace

void to_proto(const sandbox_config& in, pb::PodSandboxConfig& out) {
  auto& meta = *out.mutable_metadata();
  meta.set_name(in.metadata.name);
  meta.set_uid(in.metadata.uid);
  meta.set_namespace_(in.metadata.ns);
  meta.set_attempt(in.metadata.attempt);
  out.set_hostname(in.hostname);
  out.set_log_directory(in.log_directory);
  if (!in.dns.servers.empty() || !in.dns.searches.empty() || !in.dns.options.empty()) {
    copy_all(in.dns.servers, *out.mutable_dns_config()->mutable_servers());
    copy_all(in.dns.searches, *out.mutable_dns_config()->mutable_searches());
    copy_all(in.dns.options, *out.mutable_dns_config()->mutable_options());
  }
  for (const auto& p : in.ports) {
    auto& port = *out.add_port_mappings();
    port.set_protocol(to_proto(p.protocol));
    port.set_container_port(p.container_port);
    port.set_host_port(p.host_port);
    port.set_host_ip(p.host_ip);
  }
  copy_map(in.labels, *out.mutable_labels());
  copy_map(in.annotations, *out.mutable_annotations());
  out.mutable_linux()->set_cgroup_parent(in.cgroup_parent);
  copy_map(in.sysctls, *out.mutable_linux()->mutable_sysctls());
  to_proto(in.security, *out.mutable_linux()->mutable_security_context());
}

void to_proto(const container_config& in, pb::ContainerConfig& out) {
  out.mutable_metadata()->set_name(in.name);
  out.mutable_metadata()->set_attempt(in.attempt);
  out.mutable_image()->set_image(in.image);
  copy_all(in.command, *out.mutable_command());
  copy_all(in.args, *out.mutable_args());
  out.set_working_dir(in.working_dir);
  for (const auto& e : in.env) {
    auto& env = *out.add_envs();
    env.set_key(e.name);
    env.set_value(e.value);
  }
  for (const auto& m : in.mounts) {
    auto& mount = *out.add_mounts();
    mount.set_container_path(m.container_path);
    mount.set_host_path(m.host_path);
    mount.set_readonly(m.readonly);
    mount.set_propagation(to_proto(m.propagation));
  }
  for (const auto& d : in.devices) {
    auto& device = *out.add_devices();
    device.set_container_path(d.container_path);
    device.set_host_path(d.host_path);
    device.set_permissions(d.permissions);
  }
  copy_map(in.labels, *out.mutable_labels());
  copy_map(in.annotations, *out.mutable_annotations());
  out.set_log_path(in.log_path);
  out.set_stdin(in.open_stdin);
  out.set_stdin_once(in.stdin_once);
  out.set_tty(in.tty);
  to_proto(in.resources, *out.mutable_linux()->mutable_resources());
  to_proto(in.security, *out.mutable_linux()->mutable_security_context());
}

void to_proto(const linux_resources& in, pb::LinuxContainerResources& out) {
  out.set_cpu_period(in.cpu_period);
  out.set_cpu_quota(in.cpu_quota);
  out.set_cpu_shares(in.cpu_shares);
  out.set_memory_limit_in_bytes(in.memory_limit);
  out.set_oom_score_adj(in.oom_score_adj);
  out.set_cpuset_cpus(in.cpuset_cpus);
  out.set_cpuset_mems(in.cpuset_mems);
  for (const auto& [size, limit] : in.hugepage_limits) {
    auto& h = *out.add_hugepage_limits();
    h.set_page_size(size);
    h.set_limit(limit);
  }
}

void to_proto(const sandbox_filter& in, pb::PodSandboxFilter& out) {
  out.set_id(in.id);
  if (in.state)
    out.mutable_state()->set_state(*in.state == sandbox_state::ready ? pb::SANDBOX_READY
                                                                     : pb::SANDBOX_NOTREADY);
  copy_map(in.labels, *out.mutable_label_selector());
}

void to_proto(const container_filter& in, pb::ContainerFilter& out) {
  out.set_id(in.id);
  out.set_pod_sandbox_id(in.sandbox_id);
  if (in.state)
    out.mutable_state()->set_state(to_proto(*in.state));
  copy_map(in.labels, *out.mutable_label_selector());
}

sandbox_status from_proto(const pb::PodSandboxStatus& in) {
  sandbox_status out;
  out.id = in.id();
  out.metadata = from_proto(in.metadata());
  out.state = from_proto(in.state());
  out.created_at = in.created_at();
  if (!in.network().ip().empty())
    out.ips.push_back(in.network().ip());
  for (const auto& ip : in.network().additional_ips())
    out.ips.push_back(ip.ip());
  const auto& ns = in.linux().namespaces().options();
  out.namespaces = {from_proto(ns.network()), from_proto(ns.pid()), from_proto(ns.ipc())};
  out.labels = to_map(in.labels());
  out.annotations = to_map(in.annotations());
  return out;
}

sandbox_summary from_proto(const pb::PodSandbox& in) {
  return {in.id(),         from_proto(in.metadata()), from_proto(in.state()),
          in.created_at(), to_map(in.labels()),       to_map(in.annotations())};
}

container_status from_proto(const pb::ContainerStatus& in) {
  container_status out;
  out.id = in.id();
  out.name = in.metadata().name();
  out.attempt = in.metadata().attempt();
  out.state = from_proto(in.state());
  out.created_at = in.created_at();
  out.started_at = in.started_at();
  out.finished_at = in.finished_at();
  out.exit_code = in.exit_code();
  out.image = in.image().image();
  out.image_ref = in.image_ref();
  out.reason = in.reason();
  out.message = in.message();
  out.labels = to_map(in.labels());
  out.annotations = to_map(in.annotations());
  for (const auto& m : in.mounts())
    out.mounts.push_back(
        {m.host_path(), m.container_path(), m.readonly(), from_proto(m.propagation())});
  out.log_path = in.log_path();
  return out;
}

container_summary from_proto(const pb::Container& in) {
  container_summary out;
  out.id = in.id();
  out.sandbox_id = in.pod_sandbox_id();
  out.name = in.metadata().name();
  out.attempt = in.metadata().attempt();
  out.image = in.image().image();
  out.image_ref = in.image_ref();
  out.state = from_proto(in.state());
  out.created_at = in.created_at();
  out.labels = to_map(in.labels());
  out.annotations = to_map(in.annotations());
  return out;
}

image_info from_proto(const pb::Image& in) {
  image_info out;
  out.id = in.id();
  out.tags = to_vector(in.repo_tags());
  out.digests = to_vector(in.repo_digests());
  out.size = in.size();
  if (in.has_uid())
    out.user_id = in.uid().value();
  out.username = in.username();
  out.pinned = in.pinned();
  return out;
}

filesystem_usage from_proto(const pb::FilesystemUsage& in) {
  return {in.timestamp(), in.fs_id().mountpoint(), in.used_bytes().value(),
          in.inodes_used().value()};
}

container_stats from_proto(const pb::ContainerStats& in) {
  container_stats out;
  out.id = in.attributes().id();
  out.name = in.attributes().metadata().name();
  out.labels = to_map(in.attributes().labels());
  out.timestamp = in.cpu().timestamp();
  out.cpu_core_nanoseconds = in.cpu().usage_core_nano_seconds().value();
  out.memory_working_set = in.memory().working_set_bytes().value();
  out.memory_usage = in.memory().usage_bytes().value();
  out.memory_rss = in.memory().rss_bytes().value();
  out.memory_page_faults = in.memory().page_faults().value();
  out.filesystem_used = in.writable_layer().used_bytes().value();
  return out;
}

runtime_status from_proto(const pb::RuntimeStatus& in) {
  runtime_status out;
  for (const auto& c : in.conditions()) {
    const runtime_condition condition{c.status(), c.reason(), c.message()};
    if (c.type() == "RuntimeReady")
      out.runtime_ready = condition;
    else if (c.type() == "NetworkReady")
      out.network_ready = condition;
  }
  return out;
}

} // namespace thespis::runtime::cri
