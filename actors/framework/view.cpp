#include "actors/framework/view.hpp"

#include <algorithm>
#include <utility>

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

void view::index(table& t, const slot& s, bool add) {
  for (const auto& owner : s.object->meta().owners) {
    auto& owned = t.by_owner[owner.uid];
    if (add) {
      owned.push_back(&s);
      continue;
    }
    owned.erase(std::remove(owned.begin(), owned.end(), &s), owned.end());
    if (owned.empty())
      t.by_owner.erase(owner.uid);
  }
}

void view::apply(const std::string& resource, const api::watch_events& batch) {
  auto& t = tables_[resource];
  for (const auto& e : batch.events) {
    const auto i = t.objects.find(name_view{e.object->ns(), e.object->name()});
    if (e.kind == api::event_kind::deleted) {
      if (i == t.objects.end())
        continue;
      index(t, *i, false);
      t.objects.erase(i);
      continue;
    }
    if (i == t.objects.end()) {
      index(t, *t.objects.insert(slot{e.object, nullptr}).first, true);
      continue;
    }
    // Owners hardly ever change, and taking an object out of the index reads all its brothers.
    const bool indexed = same_owners(*i->object, *e.object);
    if (!indexed)
      index(t, *i, false);
    i->object = e.object;
    i->typed = nullptr;
    if (!indexed)
      index(t, *i, true);
  }
  t.revision = std::max(t.revision, batch.revision);
  t.synced |= batch.initial_end;
}

std::vector<api::object_ptr> view::reset(const std::string& resource) {
  std::vector<api::object_ptr> res;
  auto& t = tables_[resource];
  for (const auto& s : t.objects)
    res.push_back(s.object);
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

const view::slot* view::slot_of(const table& t, std::string_view ns, std::string_view name) {
  const auto i = t.objects.find(name_view{ns, name});
  return i == t.objects.end() ? nullptr : &*i;
}

api::object_ptr view::find(std::string_view resource, std::string_view ns,
                           std::string_view name) const {
  const auto* t = find_table(resource);
  const auto* s = t ? slot_of(*t, ns, name) : nullptr;
  return s ? s->object : nullptr;
}

std::vector<api::object_ptr> view::owned_objects(std::string_view resource,
                                                 const std::string& uid) const {
  std::vector<api::object_ptr> res;
  if (const auto* t = find_table(resource))
    for (const auto* s : owned_slots(*t, uid))
      res.push_back(s->object);
  return res;
}

const view::slots& view::owned_slots(const table& t, const std::string& uid) {
  static const slots none;
  const auto i = t.by_owner.find(uid);
  return i == t.by_owner.end() ? none : i->second;
}

void view::forget_parsed() {
  for (auto& [resource, t] : tables_)
    if (std::exchange(t.parsed, nullptr))
      for (const auto& s : t.objects)
        s.typed = nullptr;
}

} // namespace thespis::actors
