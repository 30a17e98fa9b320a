// What a controller sees of the cluster: its watched resources as of the last event it was told.
#pragma once

#include "api/object/typed.hpp"
#include "api/pipeline/watch.hpp"

#include <compare>
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <vector>

namespace thespis::actors {

/// Names an object of one known resource.
struct object_id {
  std::string ns;
  std::string name;
  auto operator<=>(const object_id&) const = default;
  bool operator==(const object_id&) const = default;
};

/// What a controller reads of an object when its generated struct would be too much to keep for
/// many: made by `T::of`, of the resource `T::resource_name`.
template <class T>
concept projection = requires(const api::object& o) {
  { T::of(o) } -> std::same_as<T>;
};

/// A watched object: its identity and its generated struct (or a projection of it), parsed when
/// first asked for.
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
    auto* t = find_table(T::resource_name);
    return t ? typed_of<T>(*t, slot_of(*t, ns, name)) : observed<T>{};
  }

  /// All objects, or those of a namespace, in the order of their names.
  template <class T>
  std::vector<observed<T>> list(std::string_view ns = {}) const {
    std::vector<observed<T>> res;
    if (auto* t = find_table(T::resource_name))
      each(*t, ns, [&](const slot& s) { res.push_back(typed_of<T>(*t, &s)); });
    return res;
  }

  /// Objects that have an owner reference to `uid`.
  template <class T>
  std::vector<observed<T>> owned_by(const std::string& uid) const {
    std::vector<observed<T>> res;
    if (auto* t = find_table(T::resource_name))
      for (const auto* s : owned_slots(*t, uid))
        res.push_back(typed_of<T>(*t, s));
    return res;
  }

  /// The same, unparsed.
  std::vector<api::object_ptr> owned_objects(std::string_view resource,
                                             const std::string& uid) const;

  /// Objects of one resource, unparsed.
  template <class F>
  void for_each(std::string_view resource, std::string_view ns, F f) const {
    if (const auto* t = find_table(resource))
      each(*t, ns, [&](const slot& s) { f(s.object); });
  }

  /// Forgets what was parsed; it is parsed again when it is asked for again.
  void forget_parsed();

private:
  /// One of a table's objects, ordered by its own name: a key of its own would be most of it.
  struct slot {
    mutable api::object_ptr object;            ///< replaced by those of the same name only
    mutable std::shared_ptr<const void> typed; ///< keeps the parse alive
  };
  struct name_view {
    std::string_view ns;
    std::string_view name;
    auto operator<=>(const name_view&) const = default;
  };
  struct by_name {
    using is_transparent = void;
    static name_view of(const slot& s) { return {s.object->ns(), s.object->name()}; }
    static name_view of(const name_view& n) { return n; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return of(a) < of(b);
    }
  };
  using slots = std::vector<const slot*>;
  struct table {
    std::set<slot, by_name> objects;
    std::unordered_map<std::string, slots> by_owner;
    uint64_t revision = 0;
    bool synced = false;
    const std::type_info* parsed = nullptr; ///< what the slots' parses are; null: there are none
  };

  template <class T>
  static observed<T> typed_of(table& t, const slot* s) {
    if (!s)
      return {};
    // Who looks at one resource in two ways keeps the parses of the first.
    if (t.parsed && *t.parsed != typeid(T))
      return {s->object, parse<T>(*s->object)};
    t.parsed = &typeid(T);
    if (!s->typed)
      s->typed = parse<T>(*s->object);
    return {s->object, std::static_pointer_cast<const T>(s->typed)};
  }

  template <class T>
  static std::shared_ptr<const T> parse(const api::object& o) {
    if constexpr (projection<T>)
      return std::make_shared<const T>(T::of(o));
    else
      return api::typed<T>(o);
  }

  table* find_table(std::string_view resource) const;
  static const slot* slot_of(const table& t, std::string_view ns, std::string_view name);
  static const slots& owned_slots(const table& t, const std::string& uid);
  static void index(table& t, const slot& s, bool add);

  template <class F>
  static void each(const table& t, std::string_view ns, F f) {
    auto i = ns.empty() ? t.objects.begin() : t.objects.lower_bound(name_view{ns, {}});
    for (; i != t.objects.end() && (ns.empty() || i->object->ns() == ns); ++i)
      f(*i);
  }

  // Parsing on demand changes slots, not what the view shows.
  mutable std::map<std::string, table, std::less<>> tables_;
};

} // namespace thespis::actors
