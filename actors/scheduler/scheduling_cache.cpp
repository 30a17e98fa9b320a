#include "actors/scheduler/scheduling_cache.hpp"

#include "api/json.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr const char* zone_label = "topology.kubernetes.io/zone";

/// What the accounts need of a placed pod: not the pod itself, of which there are many.
std::shared_ptr<const pod_info> accounting_of(const pod_info& p) {
  auto res = std::make_shared<pod_info>();
  res->requests = p.requests;
  res->ports = p.ports;
  res->priority = p.priority;
  res->group = p.group;
  res->claims = p.claims;
  return res;
}

std::string key_of(const std::string& ns, const api::label_set& labels, const std::string& terms) {
  std::string res = ns;
  for (const auto& [key, value] : labels)
    res.append(1, '\0').append(key).append(1, '=').append(value);
  return res.append(2, '\0').append(terms);
}

/// The pod's affinity as text, to tell it from another's.
std::string terms_text(const pod_info& p) {
  if (!p.terms || !p.terms->concerns_others())
    return {};
  api::json::document doc;
  return api::json::to_string(api::v1::to_json(*p.pod->spec.affinity, doc.GetAllocator()));
}

} // namespace

bool scheduling_cache::set_node(const api::object_ptr& o) {
  const auto [i, fresh] = nodes_.try_emplace(o->name());
  auto& n = i->second;
  const auto before = n.node;
  if (!fresh) {
    count_images(n, -1);
    for (const auto& [group, pods] : n.groups)
      count_zone(n, group, -pods);
  }
  n.set_node(o);
  count_images(n, 1);
  for (const auto& [group, pods] : n.groups)
    count_zone(n, group, pods);
  if (!fresh)
    return before->spec != n.node->spec || before->metadata.labels != n.node->metadata.labels ||
           before->status.allocatable != n.node->status.allocatable;
  order_.push_back(&n);
  // Pods may be known before their node.
  for (auto& [uid, p] : placed_)
    if (p.node == o->name())
      count(p, 1);
  return true;
}

void scheduling_cache::remove_node(const std::string& name) {
  const auto i = nodes_.find(name);
  if (i == nodes_.end())
    return;
  auto& n = i->second;
  const auto on_it = n.placed;
  for (auto* p : on_it)
    count(*p, -1);
  count_images(n, -1);
  order_.erase(std::remove(order_.begin(), order_.end(), &n), order_.end());
  nodes_.erase(i);
}

pod_class& scheduling_cache::class_of(const pod_info& p) {
  const auto& o = *p.object;
  auto key = key_of(o.ns(), o.labels(), terms_text(p));
  auto& slot = classes_[key];
  if (!slot) {
    slot = std::make_unique<pod_class>();
    slot->key = std::move(key);
    slot->ns = o.ns();
    slot->labels = o.labels();
    if (p.terms && p.terms->concerns_others()) {
      slot->terms = p.terms;
      concerned_.insert(slot.get());
    }
    by_namespace_[o.ns()].insert(slot.get());
  }
  return *slot;
}

void scheduling_cache::drop_if_unused(pod_class& c) {
  if (c.pods > 0)
    return;
  concerned_.erase(&c);
  auto& all = by_namespace_[c.ns];
  all.erase(&c);
  if (all.empty())
    by_namespace_.erase(c.ns);
  classes_.erase(std::string{c.key});
}

placed_pod& scheduling_cache::place(const std::string& uid,
                                    const std::shared_ptr<const pod_info>& p,
                                    const std::string& node) {
  release(uid);
  auto& res = placed_[uid];
  res.uid = uid;
  res.name = p->object->name();
  res.node = node;
  res.start = p->pod->status.start_time.empty() ? p->pod->metadata.creation_timestamp
                                                : p->pod->status.start_time;
  res.info = accounting_of(*p);
  res.kind = &class_of(*p);
  ++res.kind->pods;
  res.deleting = p->object->meta().deleting;
  count(res, 1);
  return res;
}

bool scheduling_cache::release(const std::string& uid) {
  const auto i = placed_.find(uid);
  if (i == placed_.end())
    return false;
  count(i->second, -1);
  auto& kind = *i->second.kind;
  placed_.erase(i);
  --kind.pods;
  drop_if_unused(kind);
  return true;
}

placed_pod* scheduling_cache::find(const std::string& uid) {
  const auto i = placed_.find(uid);
  return i == placed_.end() ? nullptr : &i->second;
}

void scheduling_cache::update(placed_pod& p, const api::object& now) {
  const bool leaves = now.meta().deleting;
  const bool same = p.kind->labels == now.labels();
  if (p.deleting == leaves && same)
    return;
  count(p, -1);
  p.deleting = leaves;
  if (!same) {
    auto& old = *p.kind;
    const auto full = make_pod_info(std::make_shared<api::object>(now.meta(), now.bytes()));
    p.kind = &class_of(full);
    ++p.kind->pods;
    --old.pods;
    drop_if_unused(old);
  }
  count(p, 1);
}

void scheduling_cache::detach(placed_pod& p) {
  count(p, -1);
}

void scheduling_cache::attach(placed_pod& p) {
  count(p, 1);
}

void scheduling_cache::count(placed_pod& p, int by) {
  auto* n = node(p.node);
  if (!n)
    return;
  if (by > 0) {
    n->add(*p.info);
    n->placed.push_back(&p);
  } else {
    n->remove(*p.info);
    n->placed.erase(std::find(n->placed.begin(), n->placed.end(), &p));
  }
  count_zone(*n, p.info->group, by);
  for (const auto& claim : p.info->claims) {
    const auto key = p.kind->ns + "/" + claim;
    if ((claim_users_[key] += by) == 0)
      claim_users_.erase(key);
  }
  auto& c = p.kind->on[n];
  c.all += by;
  c.alive += p.deleting ? 0 : by;
  if (c.all == 0)
    p.kind->on.erase(n);
}

node_info* scheduling_cache::node(const std::string& name) {
  const auto i = nodes_.find(name);
  return i == nodes_.end() ? nullptr : &i->second;
}

const node_info* scheduling_cache::node(const std::string& name) const {
  const auto i = nodes_.find(name);
  return i == nodes_.end() ? nullptr : &i->second;
}

void scheduling_cache::count_images(const node_info& n, int by) {
  for (const auto& [name, size] : n.images)
    if ((images_[name] += by) == 0)
      images_.erase(name);
}

void scheduling_cache::count_zone(const node_info& n, const std::string& group, int by) {
  const auto* zone = n.label(zone_label);
  if (!zone || group.empty())
    return;
  auto& groups = zones_[*zone];
  if ((groups[group] += by) == 0)
    groups.erase(group);
}

int scheduling_cache::nodes_with_image(const std::string& name) const {
  const auto i = images_.find(name);
  return i == images_.end() ? 0 : i->second;
}

int scheduling_cache::users_of_claim(const std::string& ns, const std::string& name) const {
  const auto i = claim_users_.find(ns + "/" + name);
  return i == claim_users_.end() ? 0 : i->second;
}

int scheduling_cache::in_zone(const std::string& zone, const std::string& group) const {
  const auto i = zones_.find(zone);
  if (i == zones_.end())
    return 0;
  const auto g = i->second.find(group);
  return g == i->second.end() ? 0 : g->second;
}

const std::set<pod_class*>& scheduling_cache::classes_in(const std::string& ns) const {
  static const std::set<pod_class*> none;
  const auto i = by_namespace_.find(ns);
  return i == by_namespace_.end() ? none : i->second;
}

} // namespace thespis::actors
