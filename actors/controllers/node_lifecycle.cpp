#include "actors/controllers/node_lifecycle.hpp"

#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/taints.hpp"
#include "api/generated/coordination_v1.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace thespis::actors {

namespace {

using api::v1::node;
using observed_node = observed<node>;

constexpr const char* lease_namespace = "kube-node-lease";
/// How often an ill node is looked at: whether it may be emptied depends on all the others.
constexpr std::chrono::seconds ill_period{5};
constexpr std::array<const char*, 4> reported{"Ready", "MemoryPressure", "DiskPressure",
                                              "PIDPressure"};

key_mapper node_of_lease() {
  return [](const api::object& o, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{{}, o.name()}};
  };
}

/// A pod is news to its node when it comes there.
key_mapper node_of_new_pod() {
  return [](const api::object& o, const api::object_ptr& previous, const view&) {
    std::vector<object_id> res;
    const auto& name = o.meta().node_name;
    if (!name.empty() && !(previous && previous->meta().node_name == name))
      res.push_back({{}, name});
    return res;
  };
}

const api::v1::node_condition* find_condition(const node& n, std::string_view type) {
  for (const auto& c : n.status.conditions)
    if (c.type == type)
      return &c;
  return nullptr;
}

std::string ready_status(const node& n) {
  const auto* c = find_condition(n, "Ready");
  return c ? c->status : std::string{};
}

event_note note(const api::object_ptr& about, std::string kind, std::string type,
                std::string reason, std::string message) {
  event_note res;
  res.type = std::move(type);
  res.reason = std::move(reason);
  res.message = std::move(message);
  res.about = about;
  res.kind = std::move(kind);
  res.api_version = "v1";
  return res;
}

/// Sets one condition of a pod and leaves the others alone.
api::call pod_condition_call(const api::object& pod, std::string_view type, std::string_view status,
                             std::string_view reason, std::string_view message, wall_time now) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  api::json::set(api::json::ensure_object(doc, "metadata", a), "uid", pod.uid(), a);
  api::json::value c{rapidjson::kObjectType};
  api::json::set(c, "type", type, a);
  api::json::set(c, "status", status, a);
  api::json::set(c, "lastTransitionTime", api::format_time(now), a);
  if (!reason.empty()) {
    api::json::set(c, "reason", reason, a);
    api::json::set(c, "message", message, a);
  }
  api::json::value list{rapidjson::kArrayType};
  list.PushBack(c, a);
  api::json::set(api::json::ensure_object(doc, "status", a), "conditions", std::move(list), a);
  auto res = patch_call("pods", {pod.ns(), pod.name()}, api::json::to_string(doc), "status");
  res.patch = api::patch_kind::strategic_merge;
  return res;
}

class node_lifecycle final : public reconciler {
public:
  explicit node_lifecycle(const node_lifecycle_deps& deps) : deps_(deps), zones_(deps.pace) {}

  std::string_view name() const override { return "node"; }

  std::vector<watch_spec> watches() const override {
    return {{"nodes", self_key()},
            {"leases.coordination.k8s.io", node_of_lease(), {.ns = lease_namespace}},
            {"pods", node_of_new_pod()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override;

private:
  /// A report, and when it was first seen.
  struct report {
    std::string text;
    wall_time seen;
  };

  wall_time last_seen(const observed_node& n, const view& v, wall_time now);
  void meet(const observed_node& n, reconcile_result& res);
  void count_all(const view& v);
  bool tell_unknown(const observed_node& n, wall_time now, reconcile_result& res) const;
  void tell_pods(const observed_node& n, const view& v, wall_time now, reconcile_result& res) const;
  void evict(const observed_node& n, const view& v, wall_time now, reconcile_result& res) const;

  const node_lifecycle_deps deps_;
  node_zones zones_;
  bool counted_ = false;
  std::map<std::string, report> reports_;
  std::map<std::string, api::object_ptr> known_; ///< nodes, as last seen
};

/// Tells when a node is seen for the first time.
void node_lifecycle::meet(const observed_node& n, reconcile_result& res) {
  auto& known = known_[n.object->name()];
  if (!known || known->uid() != n.object->uid())
    res.events.push_back(note(n.object, "Node", "Normal", "RegisteredNode",
                              "Node " + n.object->name() + " event: Registered Node " +
                                  n.object->name() + " in Controller"));
  known = n.object;
}

/// Before the first verdict all nodes must be counted, or the first ill one would seem to be alone.
void node_lifecycle::count_all(const view& v) {
  if (std::exchange(counted_, true))
    return;
  for (const auto& n : v.list<node>())
    zones_.set(*n, ready_status(*n) == "True", is_being_emptied(*n));
}

void look_again(reconcile_result& res, std::chrono::nanoseconds wait) {
  wait = std::max<std::chrono::nanoseconds>(wait, std::chrono::milliseconds{1});
  res.requeue_after = std::min(res.requeue_after.value_or(wait), wait);
}

wall_time node_lifecycle::last_seen(const observed_node& n, const view& v, wall_time now) {
  std::string text = n.object->uid();
  if (const auto lease = v.get<api::v1::lease>(lease_namespace, n.object->name()))
    text += lease->spec.renew_time;
  if (const auto* ready = find_condition(*n, "Ready"); ready && ready->status != "Unknown")
    text += "|" + ready->last_heartbeat_time;
  else if (const auto i = reports_.find(n.object->name()); i != reports_.end())
    // Our own verdict is no report of the node.
    if (const auto bar = i->second.text.find('|'); bar != std::string::npos)
      text += i->second.text.substr(bar);
  auto& known = reports_[n.object->name()];
  if (known.text != text)
    known = {std::move(text), now};
  return known.seen;
}

bool node_lifecycle::tell_unknown(const observed_node& n, wall_time now,
                                  reconcile_result& res) const {
  auto updated = *n;
  bool changed = false;
  for (const auto* type : reported) {
    auto& all = updated.status.conditions;
    auto i = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.type == type; });
    if (i != all.end() && i->status == "Unknown")
      continue;
    const bool never = i == all.end();
    if (never) {
      i = all.insert(all.end(), api::v1::node_condition{});
      i->type = type;
      i->last_heartbeat_time = n->metadata.creation_timestamp;
    }
    i->status = "Unknown";
    i->reason = never ? "NodeStatusNeverUpdated" : "NodeStatusUnknown";
    i->message =
        never ? "Kubelet never posted node status." : "Kubelet stopped posting node status.";
    i->last_transition_time = api::format_time(now);
    changed = true;
  }
  if (!changed)
    return false;
  res.events.push_back(note(n.object, "Node", "Normal", "NodeNotReady",
                            "Node " + n.object->name() + " status is now: NodeNotReady"));
  res.events.back().of_call = res.calls.size();
  res.calls.push_back(update_call(updated, "status"));
  return true;
}

/// Pods of a node that is not ready are not ready either.
void node_lifecycle::tell_pods(const observed_node& n, const view& v, wall_time now,
                               reconcile_result& res) const {
  for (const auto& p : pods_on(n.object->name(), v)) {
    if (!is_ready(*p))
      continue;
    res.events.push_back(note(p.object, "Pod", "Warning", "NodeNotReady", "Node is not ready"));
    res.events.back().of_call = res.calls.size();
    res.calls.push_back(pod_condition_call(*p.object, "Ready", "False", {}, {}, now));
  }
}

void node_lifecycle::evict(const observed_node& n, const view& v, wall_time now,
                           reconcile_result& res) const {
  const auto taints = evicting_taints(*n);
  if (taints.empty())
    return;
  for (const auto& p : pods_on(n.object->name(), v)) {
    if (p.object->meta().deleting || !is_active(p))
      continue;
    const auto until = tolerated_until(*p, taints, now);
    if (!until)
      continue;
    if (*until > now) {
      look_again(res, *until - now);
      continue;
    }
    res.calls.push_back(pod_condition_call(*p.object, "DisruptionTarget", "True",
                                           "DeletionByTaintManager",
                                           "Taint manager: deleting due to NoExecute taint", now));
    res.events.push_back(
        note(p.object, "Pod", "Normal", "TaintManagerEviction",
             "Marking for deletion Pod " + p.object->ns() + "/" + p.object->name()));
    res.events.back().of_call = res.calls.size();
    res.calls.push_back(delete_call(*p.object));
  }
}

reconcile_result node_lifecycle::reconcile(const object_id& key, const view& v, wall_time now) {
  reconcile_result res;
  const auto n = v.get<node>({}, key.name);
  if (!n) {
    reports_.erase(key.name);
    zones_.remove(key.name);
    if (const auto known = known_.extract(key.name))
      res.events.push_back(
          note(known.mapped(), "Node", "Normal", "RemovingNode",
               "Node " + key.name + " event: Removing Node " + key.name + " from Controller"));
    return res;
  }
  meet(n, res);
  count_all(v);
  const auto status = ready_status(*n);
  zones_.set(*n, status == "True", is_being_emptied(*n));
  const auto due = last_seen(n, v, now) + (status.empty() ? deps_.startup_grace : deps_.grace);
  if (status != "Unknown" && due <= now) {
    // The taints follow when the view shows the verdict.
    if (tell_unknown(n, now, res))
      return res;
  } else if (status != "Unknown") {
    look_again(res, due - now);
  }
  auto tainted = *n;
  const bool ill = status == "False" || status == "Unknown";
  if (ill)
    look_again(res, ill_period);
  if (update_taints(tainted, status, ill && zones_.may_empty(key.name, now), now))
    res.calls.push_back(update_call(tainted));
  if (ill)
    tell_pods(n, v, now, res);
  evict({n.object, std::make_shared<const node>(tainted)}, v, now, res);
  return res;
}

} // namespace

std::unique_ptr<reconciler> make_node_lifecycle_controller(const node_lifecycle_deps& deps) {
  return std::make_unique<node_lifecycle>(deps);
}

} // namespace thespis::actors
