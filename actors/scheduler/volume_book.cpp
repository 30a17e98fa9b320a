#include "actors/scheduler/volume_book.hpp"

#include "actors/scheduler/filters.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

template <class Map>
void follow(Map& all, const std::string& key, const api::watch_event& e) {
  using value = typename Map::mapped_type::element_type;
  if (e.kind == api::event_kind::deleted)
    all.erase(key);
  else
    all[key] = api::typed<std::remove_const_t<value>>(*e.object);
}

std::string key_of(const api::v1::persistent_volume_claim& c) {
  return c.metadata.namespace_ + "/" + c.metadata.name;
}

bool allows(const api::v1::storage_class& s, const api::v1::node& n) {
  if (s.allowed_topologies.empty())
    return true;
  return std::any_of(s.allowed_topologies.begin(), s.allowed_topologies.end(), [&](const auto& t) {
    return std::all_of(
        t.match_label_expressions.begin(), t.match_label_expressions.end(), [&](const auto& r) {
          const auto i = n.metadata.labels.find(r.key);
          return i != n.metadata.labels.end() &&
                 std::find(r.values.begin(), r.values.end(), i->second) != r.values.end();
        });
  });
}

} // namespace

void volume_book::apply_claim(const api::watch_event& e) {
  follow(claims_, e.object->ns() + "/" + e.object->name(), e);
}

void volume_book::apply_volume(const api::watch_event& e) {
  follow(volumes_, e.object->name(), e);
}

void volume_book::apply_class(const api::watch_event& e) {
  follow(classes_, e.object->name(), e);
}

const api::v1::storage_class* volume_book::find_class(const std::string& name) const {
  const auto i = classes_.find(name);
  return i == classes_.end() ? nullptr : i->second.get();
}

claims_verdict volume_book::judge(const std::string& ns, const pod_info& p) const {
  claims_verdict res;
  bool immediate = false;
  for (const auto& name : p.claims) {
    const auto i = claims_.find(ns + "/" + name);
    if (i == claims_.end()) {
      const auto& all = p.pod->spec.volumes;
      const bool made = std::any_of(all.begin(), all.end(), [&](const auto& v) {
        return v.ephemeral && p.pod->metadata.name + "-" + v.name == name;
      });
      res.failure = made ? "waiting for ephemeral volume controller to create the "
                           "persistentvolumeclaim " +
                               api::json::quote(name)
                         : "persistentvolumeclaim " + api::json::quote(name) + " not found";
      return res;
    }
    const auto& c = *i->second;
    if (!c.metadata.deletion_timestamp.empty()) {
      res.failure = "persistentvolumeclaim " + api::json::quote(name) + " is being deleted";
      return res;
    }
    if (c.status.phase == "Lost") {
      res.failure = "persistentvolumeclaim " + api::json::quote(name) +
                    " bound to non-existent persistentvolume " +
                    api::json::quote(c.spec.volume_name);
      return res;
    }
    if (!c.spec.volume_name.empty() && has_note(c.metadata, volume_notes::bind_completed)) {
      const auto v = volumes_.find(c.spec.volume_name);
      if (v == volumes_.end())
        res.lost = true;
      else
        res.bound.push_back(v->second);
    } else if (c.spec.volume_name.empty() && waits_for_consumer(find_class(class_of(c)))) {
      res.open.push_back(i->second);
    } else {
      immediate = true;
    }
  }
  if (immediate)
    res.failure = "pod has unbound immediate PersistentVolumeClaims";
  return res;
}

std::string volume_book::judge_node(const claims_verdict& v, const node_info& n,
                                    volume_plan* plan) const {
  if (v.lost)
    return "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
  for (const auto& bound : v.bound)
    if (!reaches(*bound, *n.node))
      return "node(s) didn't match PersistentVolume's node affinity";
  if (v.open.empty())
    return {};
  std::vector<volume_ptr> all;
  for (const auto& [name, volume] : volumes_)
    all.push_back(volume);
  std::set<std::string> chosen;
  volume_plan found;
  for (const auto& c : v.open) {
    const auto note = c->metadata.annotations.find(volume_notes::selected_node);
    const bool elsewhere =
        note != c->metadata.annotations.end() && note->second != n.node->metadata.name;
    const auto best = elsewhere ? nullptr : best_volume(all, *c, n.node.get(), [&](const auto& pv) {
      return taken_.contains(pv.metadata.name) || chosen.contains(pv.metadata.name);
    });
    if (best) {
      chosen.insert(best->metadata.name);
      found.bind.push_back({c, best});
      continue;
    }
    const auto* s = find_class(class_of(*c));
    if (elsewhere || !s || s->provisioner == volume_notes::no_provisioner || !allows(*s, *n.node))
      return "node(s) didn't find available persistent volumes to bind";
    found.provision.push_back(c);
  }
  if (plan)
    *plan = std::move(found);
  return {};
}

bool volume_book::is_exclusive(const std::string& ns, const std::string& name) const {
  const auto i = claims_.find(ns + "/" + name);
  if (i == claims_.end())
    return false;
  const auto& modes = i->second->spec.access_modes;
  return std::find(modes.begin(), modes.end(), "ReadWriteOncePod") != modes.end();
}

void volume_book::promise(const std::string& uid, const volume_plan& plan) {
  auto& p = promised_[uid];
  for (const auto& [claim, volume] : plan.bind) {
    p.claims.push_back(key_of(*claim));
    p.volumes.push_back(volume->metadata.name);
    taken_.insert(volume->metadata.name);
  }
  for (const auto& claim : plan.provision)
    p.claims.push_back(key_of(*claim));
}

void volume_book::forget(const std::string& uid) {
  const auto i = promised_.find(uid);
  if (i == promised_.end())
    return;
  for (const auto& name : i->second.volumes)
    taken_.erase(name);
  promised_.erase(i);
}

volume_book::progress volume_book::look(const std::string& uid, const node_info& n) const {
  const auto i = promised_.find(uid);
  if (i == promised_.end())
    return progress::bound;
  for (const auto& key : i->second.claims) {
    const auto c = claims_.find(key);
    if (c == claims_.end() || !c->second->metadata.deletion_timestamp.empty())
      return progress::failed;
    const auto v = volumes_.find(c->second->spec.volume_name);
    if (!is_fully_bound(*c->second, v == volumes_.end() ? nullptr : v->second.get()))
      return progress::pending;
    if (!reaches(*v->second, *n.node))
      return progress::failed;
  }
  return progress::bound;
}

} // namespace thespis::actors
