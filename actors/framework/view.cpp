#include "actors/framework/view.hpp"

#include <algorithm>

namespace thespis::actors {

view::table* view::find_table(std::string_view resource) const {
  const auto i = tables_.find(resource);
  return i == tables_.end() ? nullptr : &i->second;
}

namespace {

bool same_owners(const api::object& a, const api::object& b) {
  const auto& x = a.meta().owners;
  const auto& y = b.meta().owners;
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const auto& p, const auto& q) { return p.uid == q.uid; });
}

} // namespace

void view::index(table& t, const api::object& o, bool add) {
  for (const auto& owner : o.meta().owners) {
    auto& ids = t.by_owner[owner.uid];
    object_id id{o.ns(), o.name()};
    if (add) {
      ids.push_back(std::move(id));
      continue;
    }
    ids.erase(std::remove(ids.begin(), ids.end(), id), ids.end());
    if (ids.empty())
      t.by_owner.erase(owner.uid);
  }
}

void view::apply(const std::string& resource, const api::watch_events& batch) {
  auto& t = tables_[resource];
  for (const auto& e : batch.events) {
    object_id id{e.object->ns(), e.object->name()};
    const auto i = t.objects.find(id);
    const bool deleted = e.kind == api::event_kind::deleted;
    // Owners hardly ever change, and taking an object out of the index reads all its brothers.
    const bool indexed =
        i != t.objects.end() && !deleted && same_owners(*i->second.object, *e.object);
    if (i != t.objects.end() && !indexed)
      index(t, *i->second.object, false);
    if (deleted) {
      if (i != t.objects.end())
        t.objects.erase(i);
      continue;
    }
    if (!indexed)
      index(t, *e.object, true);
    if (i != t.objects.end())
      i->second = slot{e.object, nullptr};
    else
      t.objects.emplace(std::move(id), slot{e.object, nullptr});
  }
  t.revision = std::max(t.revision, batch.revision);
  t.synced |= batch.initial_end;
}

std::vector<api::object_ptr> view::reset(const std::string& resource) {
  std::vector<api::object_ptr> res;
  auto& t = tables_[resource];
  for (auto& [id, s] : t.objects)
    res.push_back(std::move(s.object));
  t = table{};
  return res;
}

uint64_t view::revision(std::string_view resource) const {
  const auto* t = find_table(resource);
  return t ? t->revision : 0;
}

bool view::synced(std::string_view resource) const {
  const auto* t = find_table(resource);
  return t && t->synced;
}

size_t view::count(std::string_view resource) const {
  const auto* t = find_table(resource);
  return t ? t->objects.size() : 0;
}

view::slot* view::slot_of(std::string_view resource, std::string_view ns,
                          std::string_view name) const {
  auto* t = find_table(resource);
  if (!t)
    return nullptr;
  const auto i = t->objects.find({std::string{ns}, std::string{name}});
  return i == t->objects.end() ? nullptr : &i->second;
}

api::object_ptr view::find(std::string_view resource, std::string_view ns,
                           std::string_view name) const {
  const auto* s = slot_of(resource, ns, name);
  return s ? s->object : nullptr;
}

std::vector<api::object_ptr> view::owned_objects(std::string_view resource,
                                                 const std::string& uid) const {
  std::vector<api::object_ptr> res;
  if (const auto* ids = owned_ids(resource, uid))
    for (const auto& id : *ids)
      res.push_back(find(resource, id.ns, id.name));
  return res;
}

const std::vector<object_id>* view::owned_ids(std::string_view resource,
                                              const std::string& uid) const {
  const auto* t = find_table(resource);
  if (!t)
    return nullptr;
  const auto i = t->by_owner.find(uid);
  return i == t->by_owner.end() ? nullptr : &i->second;
}

} // namespace thespis::actors
