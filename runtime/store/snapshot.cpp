#include "runtime/store/snapshot.hpp"

#include <mutex>

namespace thespis::runtime {

namespace {

// Orders by namespace, then name, and looks up without building a key.
struct key_view {
  std::string_view ns;
  std::string_view name;
  auto operator<=>(const key_view&) const = default;
};

key_view key_of(const api::object& o) {
  return {o.ns(), o.name()};
}

} // namespace

struct snapshots::shard {
  mutable std::shared_mutex mutex;
  // Keys view into the objects that they lead to.
  std::map<key_view, api::object_ptr> objects;
  uint64_t revision = 0;

  void put(const api::object_ptr& object) {
    // The old key's views die with the old object, so the node is replaced, not assigned.
    auto i = objects.lower_bound(key_of(*object));
    if (i != objects.end() && i->first == key_of(*object))
      i = objects.erase(i);
    objects.emplace_hint(i, key_of(*object), object);
  }
};

snapshots::snapshots() = default;
snapshots::~snapshots() = default;

snapshots::shard* snapshots::find(std::string_view resource) const {
  const std::shared_lock lock{mutex_};
  const auto i = shards_.find(resource);
  return i == shards_.end() ? nullptr : i->second.get();
}

snapshots::shard& snapshots::ensure(const std::string& resource) {
  if (auto* known = find(resource))
    return *known;
  const std::unique_lock lock{mutex_};
  auto& res = shards_[resource];
  if (!res)
    res = std::make_unique<shard>();
  return *res;
}

api::object_ptr snapshots::get(std::string_view resource, std::string_view ns,
                               std::string_view name) const {
  const auto* s = find(resource);
  if (!s)
    return nullptr;
  const std::shared_lock lock{s->mutex};
  const auto i = s->objects.find(key_view{ns, name});
  return i == s->objects.end() ? nullptr : i->second;
}

api::listing snapshots::list(std::string_view resource, std::string_view ns) const {
  api::listing res;
  // Read before the shard: it then holds all of its changes up to this revision, perhaps more.
  res.revision = revision();
  const auto* s = find(resource);
  if (!s)
    return res;
  const std::shared_lock lock{s->mutex};
  res.revision = std::max(res.revision, s->revision);
  auto i = ns.empty() ? s->objects.begin() : s->objects.lower_bound(key_view{ns, {}});
  if (ns.empty())
    res.objects.reserve(s->objects.size());
  for (; i != s->objects.end() && (ns.empty() || i->first.ns == ns); ++i)
    res.objects.push_back(i->second);
  return res;
}

void snapshots::apply(const std::vector<change>& changes, uint64_t revision) {
  // Whoever sees the new revision must find its changes: shards first, the number last.
  for (size_t begin = 0; begin < changes.size();) {
    const auto& first = changes[begin].object ? changes[begin].object : changes[begin].removed;
    auto& s = ensure(first->resource());
    const std::unique_lock lock{s.mutex};
    size_t i = begin;
    for (; i < changes.size(); ++i) {
      const auto& c = changes[i];
      const auto& subject = c.object ? c.object : c.removed;
      if (subject->resource() != first->resource())
        break;
      if (c.object)
        s.put(c.object);
      else
        s.objects.erase(key_of(*c.removed));
      s.revision = subject->revision();
    }
    begin = i;
  }
  revision_.store(revision, std::memory_order_release);
}

std::vector<std::string> snapshots::resources() const {
  const std::shared_lock lock{mutex_};
  std::vector<std::string> res;
  for (const auto& [name, s] : shards_)
    res.push_back(name);
  return res;
}

} // namespace thespis::runtime
