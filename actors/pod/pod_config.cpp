#include "actors/pod/pod_config.hpp"

#include "actors/pod/pod_env.hpp"
#include "actors/pod/pod_mounts.hpp"
#include "api/text/quantity.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using runtime::namespace_mode;

runtime::namespace_options namespaces_of(const api::v1::pod_spec& spec) {
  runtime::namespace_options res;
  if (spec.host_network.value_or(false))
    res.network = namespace_mode::node;
  if (spec.host_ipc.value_or(false))
    res.ipc = namespace_mode::node;
  if (spec.host_pid.value_or(false))
    res.pid = namespace_mode::node;
  else if (spec.share_process_namespace.value_or(false))
    res.pid = namespace_mode::pod;
  return res;
}

runtime::seccomp_profile seccomp_of(const api::v1::seccomp_profile* p, const std::string& dir) {
  runtime::seccomp_profile res;
  if (!p)
    return res;
  if (p->type == "RuntimeDefault")
    res.type = runtime::seccomp_profile::kind::runtime_default;
  if (p->type == "Localhost") {
    res.type = runtime::seccomp_profile::kind::localhost;
    res.localhost_path = dir + "/seccomp/" + p->localhost_profile;
  }
  return res;
}

std::string apparmor_of(const api::v1::app_armor_profile* p) {
  if (!p)
    return {};
  if (p->type == "Localhost")
    return "localhost/" + p->localhost_profile;
  return p->type == "RuntimeDefault" ? "runtime/default" : "unconfined";
}

api::quantity quantity_at(const std::map<std::string, std::string>& from, const char* key) {
  const auto i = from.find(key);
  if (i == from.end())
    return {};
  return api::parse_quantity(i->second).value_or(api::quantity{});
}

std::string cgroup_of(const node_facts& node, const std::string& qos, const std::string& uid) {
  std::string res = node.cgroup_root;
  if (qos == "Burstable")
    res += "/burstable";
  else if (qos == "BestEffort")
    res += "/besteffort";
  return res + "/pod" + uid;
}

runtime::port_protocol protocol_of(const std::string& name) {
  if (name == "UDP")
    return runtime::port_protocol::udp;
  if (name == "SCTP")
    return runtime::port_protocol::sctp;
  return runtime::port_protocol::tcp;
}

// The kubelet's rule: the more of the node's memory a burstable container asks for, the later it
// is killed.
int64_t oom_score(const api::v1::pod& pod, const std::string& qos, int64_t request,
                  int64_t capacity) {
  if (pod.spec.priority.value_or(0) >= 2'000'000'000 || qos == "Guaranteed")
    return -997;
  if (qos == "BestEffort")
    return 1000;
  if (capacity <= 0)
    return 999;
  const auto score = 1000 - 1000 * request / capacity;
  return std::clamp<int64_t>(score, 3, 999);
}

runtime::container_security security_of(const api::v1::pod& pod, const api::v1::container& c,
                                        const node_facts& node) {
  runtime::container_security res;
  res.namespaces = namespaces_of(pod.spec);
  const auto* outer = pod.spec.security_context.get();
  const auto* inner = c.security_context.get();
  if (outer) {
    res.run_as_user = outer->run_as_user;
    res.run_as_group = outer->run_as_group;
    res.supplemental_groups = outer->supplemental_groups;
    if (outer->fs_group)
      res.supplemental_groups.push_back(*outer->fs_group);
    res.seccomp = seccomp_of(outer->seccomp_profile.get(), node.data_dir);
    res.apparmor = apparmor_of(outer->app_armor_profile.get());
  }
  bool unmasked = false;
  if (inner) {
    if (inner->run_as_user)
      res.run_as_user = inner->run_as_user;
    if (inner->run_as_group)
      res.run_as_group = inner->run_as_group;
    res.privileged = inner->privileged.value_or(false);
    res.readonly_rootfs = inner->read_only_root_filesystem.value_or(false);
    res.no_new_privs = inner->allow_privilege_escalation == false;
    if (inner->capabilities) {
      res.add_capabilities = inner->capabilities->add;
      res.drop_capabilities = inner->capabilities->drop;
    }
    if (inner->seccomp_profile)
      res.seccomp = seccomp_of(inner->seccomp_profile.get(), node.data_dir);
    if (inner->app_armor_profile)
      res.apparmor = apparmor_of(inner->app_armor_profile.get());
    unmasked = inner->proc_mount == "Unmasked";
  }
  if (!res.privileged && !unmasked) {
    res.masked_paths = runtime::default_masked_paths();
    res.readonly_paths = runtime::default_readonly_paths();
  }
  return res;
}

runtime::dns_config dns_of(const api::v1::pod& pod, const node_facts& node) {
  runtime::dns_config res;
  const auto& policy = pod.spec.dns_policy;
  const bool cluster = policy == "ClusterFirstWithHostNet" ||
                       (policy == "ClusterFirst" && !pod.spec.host_network.value_or(false));
  if (cluster && !node.dns_servers.empty()) {
    res.servers = node.dns_servers;
    res.searches = {pod.metadata.namespace_ + ".svc." + node.cluster_domain,
                    "svc." + node.cluster_domain, node.cluster_domain};
    res.options = {"ndots:5"};
  }
  if (const auto* extra = pod.spec.dns_config.get()) {
    res.servers.insert(res.servers.end(), extra->nameservers.begin(), extra->nameservers.end());
    res.searches.insert(res.searches.end(), extra->searches.begin(), extra->searches.end());
    for (const auto& o : extra->options)
      res.options.push_back(o.value.empty() ? o.name : o.name + ":" + o.value);
  }
  return res;
}

// An image that says nothing runs as root; runAsNonRoot refuses that at the start.
api::result<void> check_user(const api::v1::pod& pod, const api::v1::container& c,
                             const runtime::container_security& security,
                             const container_surroundings& s) {
  bool non_root =
      pod.spec.security_context && pod.spec.security_context->run_as_non_root.value_or(false);
  if (c.security_context && c.security_context->run_as_non_root)
    non_root = *c.security_context->run_as_non_root;
  if (!non_root)
    return {};
  if (security.run_as_user) {
    if (*security.run_as_user == 0)
      return api::fail(api::bad_request("container's runAsUser breaks non-root policy (pod: \"" +
                                        pod.metadata.name + "_" + pod.metadata.namespace_ + "(" +
                                        pod.metadata.uid + ")\", container: " + c.name + ")"));
    return {};
  }
  if (!s.image_username.empty())
    return api::fail(
        api::bad_request("container has runAsNonRoot and image has non-numeric user (" +
                         s.image_username + "), cannot verify user is non-root"));
  if (s.image_user.value_or(0) == 0)
    return api::fail(api::bad_request(
        "container has runAsNonRoot and image will run as root (pod: \"" + pod.metadata.name + "_" +
        pod.metadata.namespace_ + "(" + pod.metadata.uid + ")\", container: " + c.name + ")"));
  return {};
}

} // namespace

std::vector<std::string> pod_cgroups(const node_facts& node, const std::string& uid) {
  return {cgroup_of(node, "Guaranteed", uid), cgroup_of(node, "Burstable", uid),
          cgroup_of(node, "BestEffort", uid)};
}

std::string pod_directory(const node_facts& node, const std::string& uid) {
  return node.data_dir + "/pods/" + uid;
}

std::string pod_log_directory(const node_facts& node, const std::string& ns,
                              const std::string& name, const std::string& uid) {
  return node.data_dir + "/logs/pods/" + ns + "_" + name + "_" + uid;
}

std::string pod_log_directory(const node_facts& node, const api::v1::object_meta& pod) {
  return pod_log_directory(node, pod.namespace_, pod.name, pod.uid);
}

bool has_own_resources(const api::v1::pod_spec& spec) {
  return spec.resources && (!spec.resources->requests.empty() || !spec.resources->limits.empty());
}

runtime::linux_resources make_linux_resources(const api::v1::pod& pod, const api::v1::container& c,
                                              const node_facts& node) {
  runtime::linux_resources res;
  static const api::v1::resource_requirements none;
  const auto& r = c.resources ? *c.resources : none;
  // A container without a limit of its own has the pod's.
  const auto limit = [&](const char* name) {
    const auto own = quantity_at(r.limits, name);
    return own.is_zero() && pod.spec.resources ? quantity_at(pod.spec.resources->limits, name)
                                               : own;
  };
  const auto cpu_limit = limit("cpu").milli_value();
  auto cpu_request = quantity_at(r.requests, "cpu").milli_value();
  if (cpu_request == 0 && !r.requests.contains("cpu"))
    cpu_request = cpu_limit;
  res.cpu_shares = cpu_request == 0 ? 2 : std::clamp<int64_t>(cpu_request * 1024 / 1000, 2, 262144);
  if (cpu_limit > 0) {
    res.cpu_period = 100000;
    res.cpu_quota = std::max<int64_t>(cpu_limit * res.cpu_period / 1000, 1000);
  }
  res.memory_limit = limit("memory").value();
  res.oom_score_adj = oom_score(pod, qos_class(pod.spec), quantity_at(r.requests, "memory").value(),
                                node.memory_bytes);
  return res;
}

runtime::string_map pod_labels(const api::v1::pod& pod) {
  return {{"io.kubernetes.pod.name", pod.metadata.name},
          {"io.kubernetes.pod.namespace", pod.metadata.namespace_},
          {"io.kubernetes.pod.uid", pod.metadata.uid}};
}

std::string pod_hostname(const api::v1::pod& pod) {
  if (!pod.spec.hostname_override.empty())
    return pod.spec.hostname_override;
  // Linux allows 64 bytes; the API's hostname rule 63.
  auto res = pod.spec.hostname.empty() ? pod.metadata.name.substr(0, 63) : pod.spec.hostname;
  while (!res.empty() && (res.back() == '-' || res.back() == '.'))
    res.pop_back();
  return res;
}

std::string pod_domain(const api::v1::pod& pod, const node_facts& node) {
  if (pod.spec.subdomain.empty() || !pod.spec.hostname_override.empty())
    return {};
  return pod.spec.subdomain + "." + pod.metadata.namespace_ + ".svc." + node.cluster_domain;
}

api::result<std::string> kernel_hostname(const api::v1::pod& pod, const node_facts& node) {
  constexpr size_t longest = 64; // what Linux takes
  const auto domain = pod_domain(pod, node);
  if (domain.empty() || !pod.spec.set_hostname_as_fqdn.value_or(false))
    return pod_hostname(pod);
  auto full = pod_hostname(pod) + "." + domain;
  if (full.size() > longest)
    return api::fail(api::bad_request(
        "failed to construct FQDN from pod hostname and cluster domain, FQDN " + full +
        " is too long (" + std::to_string(longest) + " characters is the max, " +
        std::to_string(full.size()) + " characters requested)"));
  return full;
}

std::string qos_class(const api::v1::pod_spec& spec) {
  bool any = false;
  bool guaranteed = true;
  const auto look = [&](const api::box<api::v1::resource_requirements>& r) {
    for (const char* name : {"cpu", "memory"}) {
      const auto request = r ? quantity_at(r->requests, name) : api::quantity{};
      const auto limit = r ? quantity_at(r->limits, name) : api::quantity{};
      any |= !request.is_zero() || !limit.is_zero();
      guaranteed &= !limit.is_zero() && (request.is_zero() || request == limit);
    }
  };
  if (has_own_resources(spec)) {
    look(spec.resources);
  } else {
    for (const auto* list : {&spec.containers, &spec.init_containers})
      for (const auto& c : *list)
        look(c.resources);
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

runtime::sandbox_config make_sandbox_config(const api::v1::pod& pod, uint32_t attempt,
                                            const node_facts& node) {
  runtime::sandbox_config res;
  res.metadata = {pod.metadata.name, pod.metadata.uid, pod.metadata.namespace_, attempt};
  if (!pod.spec.host_network.value_or(false))
    res.hostname = kernel_hostname(pod, node).value_or(pod_hostname(pod));
  res.log_directory = pod_log_directory(node, pod.metadata);
  res.dns = dns_of(pod, node);
  for (const auto& c : pod.spec.containers)
    for (const auto& p : c.ports)
      if (p.host_port.value_or(0) > 0 && !pod.spec.host_network.value_or(false))
        res.ports.push_back({protocol_of(p.protocol), p.container_port, *p.host_port, p.host_ip});
  res.labels = pod_labels(pod);
  for (const auto& [key, value] : pod.metadata.labels)
    res.labels.emplace(key, value);
  res.annotations = pod.metadata.annotations;
  res.cgroup_parent = cgroup_of(node, qos_class(pod.spec), pod.metadata.uid);
  res.security.namespaces = namespaces_of(pod.spec);
  if (const auto* sc = pod.spec.security_context.get()) {
    res.security.run_as_user = sc->run_as_user;
    res.security.run_as_group = sc->run_as_group;
    res.security.supplemental_groups = sc->supplemental_groups;
    res.security.seccomp = seccomp_of(sc->seccomp_profile.get(), node.data_dir);
    for (const auto& ctl : sc->sysctls)
      res.sysctls[ctl.name] = ctl.value;
  }
  const auto privileged = [](const auto& c) {
    return c.security_context && c.security_context->privileged.value_or(false);
  };
  res.security.privileged =
      std::any_of(pod.spec.containers.begin(), pod.spec.containers.end(), privileged) ||
      std::any_of(pod.spec.init_containers.begin(), pod.spec.init_containers.end(), privileged);
  return res;
}

api::result<runtime::container_config> make_container_config(const api::v1::pod& pod,
                                                             const api::v1::container& c,
                                                             const container_surroundings& s) {
  runtime::container_config res;
  res.name = c.name;
  res.attempt = s.attempt;
  res.image = s.image_id.empty() ? c.image : s.image_id;
  res.security = security_of(pod, c, s.node);
  if (auto ok = check_user(pod, c, res.security, s); !ok)
    return api::fail(std::move(ok.error()));
  auto env = make_env(pod, c, s);
  if (!env)
    return api::fail(std::move(env.error()));
  res.env = std::move(*env);
  // $(VAR) in commands refers to the container's own environment.
  for (const auto& word : c.command)
    res.command.push_back(expand_variables(word, res.env));
  for (const auto& word : c.args)
    res.args.push_back(expand_variables(word, res.env));
  res.working_dir = c.working_dir;
  auto mounts = make_mounts(pod, c, s, res.env);
  if (!mounts)
    return api::fail(std::move(mounts.error()));
  res.mounts = std::move(*mounts);
  res.labels = pod_labels(pod);
  res.labels["io.kubernetes.container.name"] = c.name;
  res.annotations["io.kubernetes.container.restartCount"] = std::to_string(s.attempt);
  res.annotations["io.kubernetes.container.terminationMessagePath"] = c.termination_message_path;
  res.annotations["io.kubernetes.container.terminationMessagePolicy"] =
      c.termination_message_policy;
  res.log_path = c.name + "/" + std::to_string(s.attempt) + ".log";
  res.open_stdin = c.stdin.value_or(false);
  res.stdin_once = c.stdin_once.value_or(false);
  res.tty = c.tty.value_or(false);
  res.resources = make_linux_resources(pod, c, s.node);
  res.expected_to_end =
      c.restart_policy != "Always" &&
      std::any_of(pod.spec.init_containers.begin(), pod.spec.init_containers.end(),
                  [&](const auto& i) { return i.name == c.name; });
  // The runtime takes a group only beside a user; the image's is meant when none is given.
  if (res.security.run_as_group && !res.security.run_as_user) {
    if (s.image_username.empty())
      res.security.run_as_user = s.image_user.value_or(0);
    else
      res.security.run_as_username = s.image_username;
  }
  return res;
}

} // namespace thespis::actors
