// What a controller sees of the cluster: its watched resources as of the last event it was told.
#pragma once

#include "api/object/typed.hpp"
#include "api/pipeline/watch.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace thespis::actors {

/// Names an object of one known resource.
struct object_id {
  std::string ns;
  std::string name;
  auto operator<=>(const object_id&) const = default;
  bool operator==(const object_id&) const = default;
};

/// A watched object: its identity and its generated struct, parsed when first asked for.
template <class T>
struct observed {
  api::object_ptr object;
  std::shared_ptr<const T> value;
  const T* operator->() const { return value.get(); }
  const T& operator*() const { return *value; }
  explicit operator bool() const { return static_cast<bool>(object); }
};

/// The cache behind a controller. Not thread-safe: one actor owns it.
class view {
public:
  /// Takes the events of one watched resource.
  void apply(const std::string& resource, const api::watch_events& batch);
  /// Forgets a resource before its present state is sent anew. Returns what was known.
  std::vector<api::object_ptr> reset(const std::string& resource);

  /// The revision up to which all changes of the resource have been seen; 0 before the first.
  uint64_t revision(std::string_view resource) const;
  bool synced(std::string_view resource) const;

  /// How many objects of the resource there are.
  size_t count(std::string_view resource) const;
  api::object_ptr find(std::string_view resource, std::string_view ns, std::string_view name) const;

  template <class T>
  observed<T> get(std::string_view ns, std::string_view name) const {
    return typed_of<T>(slot_of(T::resource_name, ns, name));
  }

  /// All objects, or those of a namespace, in the order of their names.
  template <class T>
  std::vector<observed<T>> list(std::string_view ns = {}) const {
    std::vector<observed<T>> res;
    each(T::resource_name, ns, [&](slot& s) { res.push_back(typed_of<T>(&s)); });
    return res;
  }

  /// Objects that have an owner reference to `uid`.
  template <class T>
  std::vector<observed<T>> owned_by(const std::string& uid) const {
    std::vector<observed<T>> res;
    if (const auto* ids = owned_ids(T::resource_name, uid))
      for (const auto& id : *ids)
        res.push_back(typed_of<T>(slot_of(T::resource_name, id.ns, id.name)));
    return res;
  }

  /// The same, unparsed.
  std::vector<api::object_ptr> owned_objects(std::string_view resource,
                                             const std::string& uid) const;

  /// Objects of one resource, unparsed.
  template <class F>
  void for_each(std::string_view resource, std::string_view ns, F f) const {
    each(resource, ns, [&](slot& s) { f(s.object); });
  }

private:
  struct slot {
    api::object_ptr object;
    std::shared_ptr<const void> typed; ///< keeps the parse alive
  };
  struct table {
    std::map<object_id, slot> objects;
    std::unordered_map<std::string, std::vector<object_id>> by_owner;
    uint64_t revision = 0;
    bool synced = false;
  };

  template <class T>
  static observed<T> typed_of(slot* s) {
    if (!s)
      return {};
    if (!s->typed)
      s->typed = api::typed<T>(*s->object);
    return {s->object, std::static_pointer_cast<const T>(s->typed)};
  }

  table* find_table(std::string_view resource) const;
  slot* slot_of(std::string_view resource, std::string_view ns, std::string_view name) const;
  const std::vector<object_id>* owned_ids(std::string_view resource, const std::string& uid) const;
  static void index(table& t, const api::object& o, bool add);

  template <class F>
  void each(std::string_view resource, std::string_view ns, F f) const {
    auto* t = find_table(resource);
    if (!t)
      return;
    auto i = ns.empty() ? t->objects.begin() : t->objects.lower_bound({std::string{ns}, {}});
    for (; i != t->objects.end() && (ns.empty() || i->first.ns == ns); ++i)
      f(i->second);
  }

  // Parsing on demand changes slots, not what the view shows.
  mutable std::map<std::string, table, std::less<>> tables_;
};

} // namespace thespis::actors
