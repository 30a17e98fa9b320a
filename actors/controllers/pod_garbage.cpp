#include "actors/controllers/pod_garbage.hpp"

#include "actors/controllers/pods_of.hpp"
#include "actors/controllers/taints.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

bool is_finished(const observed_pod& p) {
  return p->status.phase == "Succeeded" || p->status.phase == "Failed";
}

/// Somebody has said that the node is off: it is not ready, and taints tell so.
bool out_of_service(const view& v, const std::string& name) {
  const auto n = v.get<api::v1::node>({}, name);
  if (!n)
    return false;
  const auto& taints = n->spec.taints;
  const auto& all = n->status.conditions;
  return std::any_of(taints.begin(), taints.end(),
                     [](const auto& t) { return t.key == "node.kubernetes.io/out-of-service"; }) &&
         std::none_of(all.begin(), all.end(),
                      [](const auto& c) { return c.type == "Ready" && c.status == "True"; });
}

/// Only what may be garbage makes work.
key_mapper suspicious_pods(size_t enough) {
  return [enough](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    const auto& m = o.meta();
    if ((m.deleting && (m.node_name.empty() || out_of_service(v, m.node_name))) ||
        (!m.node_name.empty() && !v.find("nodes", {}, m.node_name)))
      res.push_back({o.ns(), o.name()});
    // One look at the number of finished pods does for a batch of changes.
    if (v.count("pods") > enough)
      res.emplace_back();
    return res;
  };
}

key_mapper pods_of_lost_node() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    const bool off = out_of_service(v, o.name());
    if (off || !v.find("nodes", {}, o.name()))
      v.for_each("pods", {}, [&](const api::object_ptr& p) {
        if (p->meta().node_name == o.name() && (!off || p->meta().deleting))
          res.push_back({p->ns(), p->name()});
      });
    return res;
  };
}

/// A pod that is given up failed, whatever it was doing; `conditions` tell why.
api::call give_up_call(const observed_pod& p, const std::string& conditions) {
  auto res = patch_call("pods", {p.object->ns(), p.object->name()},
                        R"({"status":{"phase":"Failed")" + conditions + "}}", "status");
  res.patch = api::patch_kind::strategic_merge;
  return res;
}

std::string node_is_gone(wall_time now) {
  return R"(,"conditions":[{"type":"DisruptionTarget","status":"True","reason":"DeletionByPodGC",)"
         R"("message":"PodGC: node no longer exists","lastTransitionTime":")" +
         api::format_time(now) + R"("}])";
}

class pod_garbage_collector final : public reconciler {
public:
  explicit pod_garbage_collector(const pod_garbage_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "podgc"; }

  std::vector<watch_spec> watches() const override {
    return {{"pods", suspicious_pods(deps_.finished_pods)}, {"nodes", pods_of_lost_node()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    if (key.name.empty())
      return remove_finished(v);
    reconcile_result res;
    const auto p = v.get<api::v1::pod>(key.ns, key.name);
    if (!p)
      return res;
    const auto& node = p.object->meta().node_name;
    if (node.empty()) {
      if (!p.object->meta().deleting)
        return res;
      // Who holds it by a finalizer is told that it will never run.
      if (!is_finished(p))
        res.calls.push_back(give_up_call(p, {}));
      res.calls.push_back(delete_call(*p.object, 0));
      return res;
    }
    if (v.find("nodes", {}, node)) {
      missing_.erase(node);
      // It cannot say that they have ended.
      if (p.object->meta().deleting && out_of_service(v, node)) {
        if (!is_finished(p))
          res.calls.push_back(give_up_call(p, {}));
        res.calls.push_back(delete_call(*p.object, 0));
      }
      return res;
    }
    const auto due = missing_.try_emplace(node, now).first->second + deps_.quarantine;
    if (due > now) {
      res.requeue_after = due - now;
      return res;
    }
    if (!is_finished(p))
      res.calls.push_back(give_up_call(p, node_is_gone(now)));
    res.calls.push_back(delete_call(*p.object, 0));
    return res;
  }

private:
  reconcile_result remove_finished(const view& v) const {
    reconcile_result res;
    auto finished = v.list<api::v1::pod>();
    std::erase_if(finished, [](const auto& p) { return !is_finished(p); });
    if (finished.size() <= deps_.finished_pods)
      return res;
    std::sort(finished.begin(), finished.end(), [](const auto& a, const auto& b) {
      return std::tie(a->metadata.creation_timestamp, a->metadata.name) <
             std::tie(b->metadata.creation_timestamp, b->metadata.name);
    });
    for (size_t i = 0; i < finished.size() - deps_.finished_pods; ++i)
      res.calls.push_back(delete_call(*finished[i].object, 0));
    return res;
  }

  const pod_garbage_deps deps_;
  std::map<std::string, wall_time> missing_; ///< nodes, and since when they are missed
};

} // namespace

std::unique_ptr<reconciler> make_pod_garbage_collector(const pod_garbage_deps& deps) {
  return std::make_unique<pod_garbage_collector>(deps);
}

} // namespace thespis::actors
