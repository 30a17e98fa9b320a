// The second part of the node actor: the Node object and its lease.
#include "actors/node/node_actor.hpp"

#include "api/generated/coordination_v1.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr int32_t lease_seconds = 40;
constexpr auto retry_delay_after_failure = 500ms;
constexpr auto pod_cidr_poll = 50ms;
const std::string lease_namespace = "kube-node-lease";

api::v1::node_condition condition(std::string type, bool on, std::string reason,
                                  std::string message) {
  api::v1::node_condition res;
  res.type = std::move(type);
  res.status = on ? "True" : "False";
  res.reason = std::move(reason);
  res.message = std::move(message);
  return res;
}

} // namespace

api::v1::node_status node_actor::present_status() const {
  auto s = deps_.description.status;
  s.images = images_.described();
  const auto pressed = [this](pressure_kind k, const char* bad, const char* bad_text,
                              const char* good, const char* good_text) {
    const bool on = eviction_.under(k);
    return condition(to_string(k), on, on ? bad : good,
                     std::string{"kubelet has "} + (on ? bad_text : good_text));
  };
  s.conditions = {
      pressed(pressure_kind::memory, "KubeletHasInsufficientMemory",
              "insufficient memory available", "KubeletHasSufficientMemory",
              "sufficient memory available"),
      pressed(pressure_kind::disk, "KubeletHasDiskPressure", "disk pressure",
              "KubeletHasNoDiskPressure", "no disk pressure"),
      pressed(pressure_kind::pid, "KubeletHasInsufficientPID", "insufficient PID available",
              "KubeletHasSufficientPID", "sufficient PID available"),
      !runtime_ready_ ? condition("Ready", false, "KubeletNotReady",
                                  "container runtime is down: " + runtime_message_)
      : !network_ready_
          ? condition("Ready", false, "KubeletNotReady",
                      "container runtime network not ready: NetworkReady=false "
                      "reason:NetworkPluginNotReady message:Network plugin returns error: cni "
                      "plugin not initialized")
          : condition("Ready", true, "KubeletReady", "kubelet is posting ready status")};
  const auto now = api::format_time(deps_.ports->env.clock->now());
  const auto known = deps_.ports->state->get("nodes", {}, node_name());
  const auto old = known ? api::typed<api::v1::node>(*known) : nullptr;
  // Others may add resources to what the node says it has; all of those can be asked for.
  if (old)
    for (const auto& [name, amount] : old->status.capacity)
      if (!s.capacity.contains(name))
        s.capacity[name] = s.allocatable[name] = amount;
  for (auto& c : s.conditions) {
    c.last_heartbeat_time = c.last_transition_time = now;
    if (old)
      for (const auto& o : old->status.conditions)
        if (o.type == c.type && o.status == c.status)
          c.last_transition_time = o.last_transition_time;
  }
  return s;
}

std::shared_ptr<const api::v1::node> node_actor::present_node() const {
  const auto known = deps_.ports->state->get("nodes", {}, node_name());
  return known ? api::typed<api::v1::node>(*known)
               : std::make_shared<const api::v1::node>(deps_.description);
}

node_holdings node_actor::holdings_without(const std::string& uid) const {
  node_holdings held;
  for (const auto& [key, entry] : pods_) {
    if (key == uid)
      continue;
    held.used += entry.holding.requests;
    held.pods += entry.holding.held ? 1 : 0;
    held.ports.insert(held.ports.end(), entry.holding.ports.begin(), entry.holding.ports.end());
  }
  return held;
}

bool node_actor::judge_resize(pod_entry& entry) {
  if (!entry.holding.held)
    return false;
  const auto before = std::exchange(entry.resize, resize_verdict::fits);
  entry.resize_message.clear();
  const auto info = make_pod_info(entry.object);
  const auto node = present_node();
  if (const auto no = reject_resources(info, *node, {})) {
    entry.resize = resize_verdict::infeasible;
    entry.resize_message = no->message;
  } else if (const auto no = reject_resources(info, *node, holdings_without(entry.object->uid()))) {
    entry.resize = resize_verdict::deferred;
    entry.resize_message = no->message;
  } else {
    entry.holding.requests = info.requests;
  }
  return entry.resize != before;
}

std::optional<pod_rejection> node_actor::admit(const api::object_ptr& pod, bool known) {
  const auto info = make_pod_info(pod);
  const auto& status = info.pod->status;
  if (status.phase == "Succeeded" || status.phase == "Failed")
    return std::nullopt;
  auto& own = pods_[pod->uid()].holding;
  own = {};
  // One that was started before has been admitted, and is not sent away.
  if (!known && status.start_time.empty() && !pod->meta().deleting) {
    if (auto no = eviction_.refuse(*info.pod))
      return pod_rejection{"Evicted", std::move(*no)};
    if (auto no = reject_pod(info, *present_node(), holdings_without(pod->uid())))
      return no;
    if (auto no = reject_apparmor(*info.pod, deps_.ports->facts->apparmor))
      return no;
  }
  own = {info.requests, info.ports, true};
  return std::nullopt;
}

void node_actor::register_node() {
  auto node = deps_.description;
  node.status = present_status();
  auto create = create_call(node);
  submit({std::move(create)}, [this](const auto& outcomes) {
    const auto& o = outcomes.front();
    registered_ = o.ok || o.failure.why == api::reason::already_exists;
    if (!registered_) {
      spdlog::warn("node {}: cannot register: {}", node_name(), o.failure.message);
      this->delayed_send(this, retry_delay_after_failure, heartbeat{});
      return;
    }
    // Labels of ours may have changed since an earlier registration; those of users stay.
    api::json::document doc;
    auto& a = doc.GetAllocator();
    doc.SetObject();
    auto& meta = api::json::ensure_object(doc, "metadata", a);
    auto& labels = api::json::ensure_object(meta, "labels", a);
    for (const auto& [key, value] : deps_.description.metadata.labels)
      api::json::set(labels, key, value, a);
    auto& notes = api::json::ensure_object(meta, "annotations", a);
    for (const auto& [key, value] : deps_.description.metadata.annotations)
      api::json::set(notes, key, value, a);
    submit({patch_call("nodes", {{}, node_name()}, api::json::to_string(doc))}, [](const auto&) {});
    write_status();
    if (!network_ready_)
      await_pod_cidr();
    this->delayed_send(this, 0s, heartbeat{});
  });
}

void node_actor::await_pod_cidr() {
  const auto node = present_node();
  auto ranges = node->spec.pod_cidrs;
  if (ranges.empty() && !node->spec.pod_cidr.empty())
    ranges.push_back(node->spec.pod_cidr);
  if (ranges.empty() && this->clock().now() >= pod_cidr_deadline_) {
    network_ready_ = true;
    write_status();
    return;
  }
  if (ranges.empty()) {
    this->delayed_send(this, pod_cidr_poll, continuation{[this] { await_pod_cidr(); }});
    return;
  }
  // A node that somebody deletes comes back with them: its pods have addresses from there.
  deps_.description.spec.pod_cidr = ranges.front();
  deps_.description.spec.pod_cidrs = ranges;
  std::string joined;
  for (const auto& range : ranges)
    joined += (joined.empty() ? "" : ",") + range;
  containers().set_pod_cidr(joined, here<void>([this, joined](auto done) {
                              // With pods it has them already.
                              if (!done && done.error().why != api::reason::conflict)
                                spdlog::error("node {}: cannot use {}: {}", node_name(), joined,
                                              done.error().message);
                              network_ready_ = true;
                              write_status();
                            }));
}

void node_actor::write_status() {
  last_status_ = this->clock().now().time_since_epoch();
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  doc.AddMember("status", api::v1::to_json(present_status(), a), a);
  // Addresses are merged by their types, so two of one type would become one.
  if (auto* addresses = api::json::find(doc["status"], "addresses")) {
    api::json::value whole{rapidjson::kObjectType};
    api::json::set(whole, "$patch", "replace", a);
    addresses->PushBack(whole, a);
  }
  // Others have conditions of their own there: the network's.
  auto call = patch_call("nodes", {{}, node_name()}, api::json::to_string(doc), "status");
  call.patch = api::patch_kind::strategic_merge;
  submit({std::move(call)}, [this](const auto& outcomes) {
    const auto& o = outcomes.front();
    if (!o.ok && o.failure.why == api::reason::not_found)
      registered_ = false; // somebody deleted the node: it comes back
  });
}

void node_actor::renew_lease() {
  const auto now = deps_.ports->env.clock->now();
  const auto node = present_node();
  const bool added =
      std::any_of(node->status.capacity.begin(), node->status.capacity.end(), [&](const auto& x) {
        const auto i = node->status.allocatable.find(x.first);
        return !deps_.description.status.capacity.contains(x.first) &&
               (i == node->status.allocatable.end() || i->second != x.second);
      });
  // Whoever lost sight of the node has called it unknown, and waits for its word.
  const auto& conditions = node->status.conditions;
  const bool lost = std::any_of(conditions.begin(), conditions.end(), [](const auto& c) {
    return c.type == "Ready" && c.status == "Unknown";
  });
  if (added || lost ||
      this->clock().now().time_since_epoch() - last_status_ >= deps_.status_interval)
    write_status();
  const auto stamp = api::format_micro_time(now);
  submit({patch_call("leases.coordination.k8s.io", {lease_namespace, node_name()},
                     "{\"spec\":{\"renewTime\":\"" + stamp + "\"}}")},
         [this, stamp](const auto& outcomes) {
           if (outcomes.front().ok || outcomes.front().failure.why != api::reason::not_found)
             return;
           api::v1::lease lease;
           lease.metadata.name = node_name();
           lease.metadata.namespace_ = lease_namespace;
           lease.spec.holder_identity = node_name();
           lease.spec.lease_duration_seconds = lease_seconds;
           lease.spec.renew_time = stamp;
           submit({create_call(lease)}, [](const auto&) {});
         });
  const auto known = deps_.ports->state->get("nodes", {}, node_name());
  if (!known)
    register_node();
}

} // namespace thespis::actors
