#include "actors/node/admission.hpp"

#include "actors/scheduler/filters.hpp"
#include "api/text/quantity.hpp"

#include <algorithm>
#include <array>

namespace thespis::actors {

namespace {

constexpr std::array safe_sysctls{
    std::string_view{"kernel.shm_rmid_forced"},
    std::string_view{"net.ipv4.ip_local_port_range"},
    std::string_view{"net.ipv4.ip_local_reserved_ports"},
    std::string_view{"net.ipv4.ip_unprivileged_port_start"},
    std::string_view{"net.ipv4.ping_group_range"},
    std::string_view{"net.ipv4.tcp_fin_timeout"},
    std::string_view{"net.ipv4.tcp_keepalive_intvl"},
    std::string_view{"net.ipv4.tcp_keepalive_probes"},
    std::string_view{"net.ipv4.tcp_keepalive_time"},
    std::string_view{"net.ipv4.tcp_rmem"},
    std::string_view{"net.ipv4.tcp_syncookies"},
    std::string_view{"net.ipv4.tcp_wmem"},
};

std::optional<pod_rejection> predicate(const char* name, const std::string& why) {
  return pod_rejection{name, std::string{"Predicate "} + name + " failed: " + why};
}

std::optional<pod_rejection> check_sysctls(const api::v1::pod& pod) {
  if (!pod.spec.security_context)
    return std::nullopt;
  for (const auto& s : pod.spec.security_context->sysctls)
    if (!is_safe_sysctl(s.name))
      return pod_rejection{"SysctlForbidden",
                           "forbidden sysctl: \"" + s.name + "\" not allowlisted"};
  return std::nullopt;
}

std::optional<pod_rejection> check_taints(const api::v1::pod& pod, const api::v1::node& node) {
  for (const auto& t : node.spec.taints)
    if (t.effect == "NoExecute" && !tolerates(pod.spec.tolerations, t))
      return predicate("TaintToleration",
                       "node(s) had untolerated taint {" + t.key + ": " + t.value + "}");
  return std::nullopt;
}

std::optional<pod_rejection> check_ports(const pod_info& pod, const node_holdings& held) {
  for (const auto& wanted : pod.ports)
    if (std::any_of(held.ports.begin(), held.ports.end(),
                    [&](const auto& used) { return ports_clash(wanted, used); }))
      return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  return std::nullopt;
}

std::optional<pod_rejection> check_amount(const std::string& name, int64_t requested, int64_t used,
                                          int64_t capacity) {
  if (requested == 0 || used + requested <= capacity)
    return std::nullopt;
  return pod_rejection{"OutOf" + name, "Node didn't have enough resource: " + name +
                                           ", requested: " + std::to_string(requested) +
                                           ", used: " + std::to_string(used) +
                                           ", capacity: " + std::to_string(capacity)};
}

} // namespace

std::optional<pod_rejection> reject_resources(const pod_info& pod, const api::v1::node& node,
                                              const node_holdings& held) {
  const auto& list = node.status.allocatable;
  const auto has = read_resources(list);
  if (const auto i = list.find("pods"); i != list.end())
    if (auto no = check_amount("pods", 1, held.pods,
                               api::parse_quantity(i->second).value_or(api::quantity{}).value()))
      return no;
  const auto& wants = pod.requests;
  if (auto no = check_amount("cpu", wants.cpu, held.used.cpu, has.cpu))
    return no;
  if (auto no = check_amount("memory", wants.memory, held.used.memory, has.memory))
    return no;
  if (auto no = check_amount("ephemeral-storage", wants.ephemeral_storage,
                             held.used.ephemeral_storage, has.ephemeral_storage))
    return no;
  for (const auto& [name, amount] : wants.others) {
    const auto i = has.others.find(name);
    if (i == has.others.end())
      continue;
    const auto u = held.used.others.find(name);
    const auto used = u == held.used.others.end() ? 0 : u->second;
    if (auto no = check_amount(name, amount, used, i->second))
      return no;
  }
  return std::nullopt;
}

std::optional<pod_rejection> reject_apparmor(const api::v1::pod& pod, bool enforced) {
  const auto asks = [](const auto& context) {
    return context && context->app_armor_profile &&
           context->app_armor_profile->type != "Unconfined";
  };
  const auto any = [&](const auto& containers) {
    return std::any_of(containers.begin(), containers.end(),
                       [&](const auto& c) { return asks(c.security_context); });
  };
  const auto& spec = pod.spec;
  if (enforced || !(asks(spec.security_context) || any(spec.init_containers) ||
                    any(spec.containers) || any(spec.ephemeral_containers)))
    return std::nullopt;
  return pod_rejection{"AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host"};
}

bool is_safe_sysctl(std::string_view name) {
  // Slashes separate as well as dots do.
  std::string dotted{name};
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  return std::binary_search(safe_sysctls.begin(), safe_sysctls.end(), dotted);
}

std::optional<pod_rejection> reject_pod(const pod_info& pod, const api::v1::node& node,
                                        const node_holdings& held) {
  if (auto no = check_sysctls(*pod.pod))
    return no;
  if (!matches_node_selector(pod.pod->spec, node))
    return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  if (auto no = check_taints(*pod.pod, node))
    return no;
  if (auto no = check_ports(pod, held))
    return no;
  return reject_resources(pod, node, held);
}

} // namespace thespis::actors
