// The fifth part of the node actor: static pods, and the mirrors that show them in the API.
#include "actors/node/node_actor.hpp"

#include "api/json.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr std::chrono::seconds mirror_delay{1};

} // namespace

void node_actor::read_static_pods(std::function<void()> then) {
  if (deps_.static_pod_path.empty())
    return then();
  using manifests = std::map<std::string, static_pod>;
  auto done = on_actor<manifests>(continuable{this}, [this, then = std::move(then)](auto found) {
    take_manifests(found);
    then();
  });
  deps_.ports->volumes->run([path = deps_.static_pod_path, name = node_name(),
                             now = deps_.ports->env.clock->now(),
                             done = std::move(done)] { done(read_manifests(path, name, now)); });
}

void node_actor::take_manifests(const std::map<std::string, static_pod>& found) {
  std::set<std::string> wanted;
  for (const auto& [file, pod] : found)
    wanted.insert(pod.hash);
  for (auto i = statics_.begin(); i != statics_.end();) {
    const auto hash = i->first;
    i = wanted.contains(hash) ? std::next(i) : statics_.erase(i);
    // Its containers end, and then its mirror goes.
    if (const auto pod = pods_.find(hash); !wanted.contains(hash) && pod != pods_.end())
      take({api::event_kind::deleted, pod->second.object});
  }
  for (const auto& [file, pod] : found) {
    statics_[pod.hash].what = pod;
    run_static(pod);
  }
  if (synced_)
    for (auto& [hash, s] : statics_)
      ensure_mirror(hash);
}

void node_actor::run_static(const static_pod& pod) {
  // One of an older manifest of that name ends first.
  if (std::any_of(pods_.begin(), pods_.end(), [&](const auto& x) {
        return x.second.ns == pod.ns && x.second.name == pod.name;
      }))
    return;
  // What the API shows of it already is known from there: when it started, for one.
  const auto there = deps_.ports->state->get("pods", pod.ns, pod.name);
  const bool mirrored = there && mirrored_hash(*there) == pod.hash;
  // An ordinary pod that has the name keeps it.
  if (there && mirrored_hash(*there).empty())
    return;
  take({api::event_kind::added, mirrored ? run_by_hash(*there, pod.hash) : run_alone(pod)});
}

void node_actor::ensure_mirror(const std::string& hash) {
  auto& s = statics_.at(hash);
  const auto node = deps_.ports->state->get("nodes", {}, node_name());
  if (!registered_ || !node || s.creating || !s.mirror_uid.empty())
    return;
  if (const auto there = deps_.ports->state->get("pods", s.what.ns, s.what.name)) {
    // One of an older manifest of that name ends first; one of our own is on its way to us.
    if (const auto other = mirrored_hash(*there);
        !other.empty() && other != hash && !pods_.contains(other))
      submit({delete_call(*there, 0)}, [](const auto&) {});
    return;
  }
  auto doc = api::json::parse_trusted(s.what.body);
  auto& a = doc.GetAllocator();
  api::json::value owner{rapidjson::kObjectType};
  api::json::set(owner, "apiVersion", "v1", a);
  api::json::set(owner, "kind", "Node", a);
  api::json::set(owner, "name", node_name(), a);
  api::json::set(owner, "uid", node->uid(), a);
  owner.AddMember("controller", true, a);
  api::json::value owners{rapidjson::kArrayType};
  owners.PushBack(owner, a);
  api::json::set(api::json::ensure_object(doc, "metadata", a), "ownerReferences", std::move(owners),
                 a);
  api::call c;
  c.resource = "pods";
  c.ns = s.what.ns;
  c.body = api::json::to_string(doc);
  s.creating = true;
  submit({std::move(c)}, [this, hash, name = s.what.name](const auto& outcomes) {
    if (const auto i = statics_.find(hash); i != statics_.end())
      i->second.creating = false;
    if (!outcomes.front().ok)
      spdlog::warn("node {}: cannot create a mirror pod for {}: {}", node_name(), name,
                   outcomes.front().failure.message);
  });
}

bool node_actor::take_mirror(const api::watch_event& e) {
  const auto hash = mirrored_hash(*e.object);
  const auto& uid = e.object->uid();
  if (hash.empty() || uid == hash)
    return false;
  const auto i = statics_.find(hash);
  if (e.kind == api::event_kind::deleted) {
    if (i != statics_.end() && i->second.mirror_uid == uid)
      i->second.mirror_uid.clear();
    // Whoever waits for the deletion sees it before there is another pod of that name.
    this->delayed_send(this, mirror_delay, continuation{[this] {
                         for (auto& [other, s] : statics_)
                           ensure_mirror(other);
                       }});
    return true;
  }
  // Nobody's mirror goes, unless its pod is still ending; one that somebody deletes comes back.
  if (i == statics_.end() || e.object->meta().deleting) {
    if (i != statics_.end() || !pods_.contains(hash))
      submit({delete_call(*e.object, 0)}, [](const auto&) {});
    return true;
  }
  auto& s = i->second;
  const bool fresh = s.mirror_uid != uid;
  s.mirror_uid = uid;
  take({pods_.contains(hash) ? api::event_kind::modified : api::event_kind::added,
        run_by_hash(*e.object, hash)});
  if (fresh && !s.last_status.empty()) {
    statuses_.insert_or_assign(hash,
                               pod_status_changed{s.what.ns, s.what.name, hash, s.last_status});
    schedule_flush();
  }
  return true;
}

std::string node_actor::api_uid(const std::string& uid) const {
  const auto i = statics_.find(uid);
  return i == statics_.end() ? uid : i->second.mirror_uid;
}

api::object_ptr node_actor::in_api(const api::object_ptr& pod) const {
  if (deps_.static_pod_path.empty())
    return pod;
  const auto there = deps_.ports->state->get("pods", pod->ns(), pod->name());
  return there && mirrored_hash(*there) == pod->uid() ? there : pod;
}

} // namespace thespis::actors
