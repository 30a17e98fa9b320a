#include "proxy/policy_actor.hpp"

#include "api/generated/core_v1_pod.hpp"
#include "api/object/typed.hpp"
#include "api/text/cidr.hpp"

#include <spdlog/spdlog.h>

namespace thespis::proxy {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;
/// Changes of one burst share a transaction.
constexpr auto gather_delay = 5ms;

const char* resource_of(uint64_t watch) {
  constexpr std::array names{"networkpolicies.networking.k8s.io", "pods", "namespaces"};
  return names.at(watch);
}

} // namespace

std::optional<policy_pod> policy_pod_of(const api::object& pod, const std::string& node,
                                        ip_family f) {
  const auto p = api::typed<api::v1::pod>(pod);
  std::string ip = parse_address(p->status.pod_ip, f) ? p->status.pod_ip : "";
  for (const auto& other : p->status.pod_ips)
    if (ip.empty() && parse_address(other.ip, f))
      ip = other.ip;
  if (ip.empty() || p->spec.host_network.value_or(false) || p->status.phase == "Succeeded" ||
      p->status.phase == "Failed")
    return std::nullopt;
  policy_pod res;
  res.labels = pod.labels();
  res.ip = std::move(ip);
  res.local = p->spec.node_name == node;
  for (const auto& c : p->spec.containers)
    for (const auto& port : c.ports)
      if (!port.name.empty())
        res.ports.push_back(
            {port.name, port.protocol.empty() ? "TCP" : port.protocol, port.container_port});
  return res;
}

policy_actor::policy_actor(caf::actor_config& cfg, policy_deps deps)
    : actor_base(cfg, "policy", deps.node), deps_(std::move(deps)) {
  for (const auto f : deps_.families)
    families_.emplace_back(f);
}

policy_actor::behavior_type policy_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg&) {
    this->delayed_send(this, retry_delay, policy_watch_again{});
  });
  show_state("syncing");
  start_over();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { start_over(); },
      [this](const enforce_now&) { enforce(); },
      [this](const policy_watch_again&) { start_over(); },
  };
}

/// Until all is seen anew the kernel keeps what it has.
void policy_actor::start_over() {
  for (auto& one : families_)
    one.planner.clear();
  subscribed_ = synced_ = {};
  subscribe(policies);
}

bool policy_actor::subscribe(watch w) {
  if (std::exchange(subscribed_.at(w), true))
    return true;
  const auto registry =
      deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(resource_of(w)));
  if (!registry) {
    this->delayed_send(this, retry_delay, policy_watch_again{});
    return false;
  }
  this->monitor(registry);
  this->send(registry, runtime::subscribe{this, w, {}, 0});
  return true;
}

void policy_actor::take(watch w, const api::watch_event& e) {
  const bool gone = e.kind == api::event_kind::deleted;
  const policy_key key{e.object->ns(), e.object->name()};
  for (auto& one : families_) {
    auto& planner = one.planner;
    switch (w) {
    case policies:
      planner.set_policy(key, gone ? nullptr : api::typed<api::v1::network_policy>(*e.object));
      break;
    case namespaces:
      planner.set_namespace(key.second, gone ? std::nullopt : std::optional{e.object->labels()});
      break;
    case pods:
      planner.set_pod(key, gone ? std::nullopt : policy_pod_of(*e.object, deps_.node, one.family));
      break;
    }
  }
}

void policy_actor::handle(const runtime::watch_batch& batch) {
  const auto w = static_cast<watch>(batch.watch);
  if (!subscribed_.at(w))
    return; // of a watch that was given up
  for (const auto& e : batch.what.events)
    take(w, e);
  if (batch.what.initial_end)
    synced_.at(w) = true;
  const auto registry =
      deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(resource_of(w)));
  if (registry)
    this->send(registry, runtime::watch_ack{this, batch.watch});
  // Who has no policies need not know the pods.
  if (synced_[policies] && families_.front().planner.policies() != 0 &&
      (!subscribe(pods) || !subscribe(namespaces)))
    return;
  if (synced_[policies])
    schedule(gather_delay);
}

void policy_actor::schedule(std::chrono::milliseconds delay) {
  if (!std::exchange(scheduled_, true))
    this->delayed_send(this, delay, enforce_now{});
}

void policy_actor::enforce() {
  scheduled_ = false;
  if (!synced_[policies] || (subscribed_[pods] && (!synced_[pods] || !synced_[namespaces])))
    return;
  isolated_ = 0;
  bool all = true;
  for (auto& one : families_)
    if (auto done = enforce(one); !done) {
      spdlog::error("network policies cannot be enforced: {}", done.error().message);
      all = false;
    }
  show_state(all ? "running" : "failing");
  if (all)
    ++programmed_;
  else
    schedule(retry_delay);
}

api::result<void> policy_actor::enforce(enforcement& one) {
  if (!one.kernel) {
    auto opened = policy_kernel::open(one.family, deps_.table);
    if (!opened)
      return api::fail(opened.error());
    one.kernel.emplace(std::move(*opened));
  }
  const auto& rules = one.planner.rules();
  if (auto done = one.kernel->hold(rules); !done)
    return done;
  isolated_ = std::max({isolated_, rules.ingress.size(), rules.egress.size()});
  return {};
}

std::string policy_actor::describe() const {
  return "{\"policies\":" + std::to_string(families_.front().planner.policies()) +
         ",\"isolated_pods\":" + std::to_string(isolated_) +
         ",\"programmed\":" + std::to_string(programmed_) + "}";
}

} // namespace thespis::proxy
