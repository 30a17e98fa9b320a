#include "api/admission/policies/merge_applied.hpp"

#include <algorithm>

namespace thespis::api::admission {

namespace {

using schema::list_kind;
using schema::shape;
using schema::struct_type;
using schema::value_type;

class merger {
public:
  explicit merger(json::allocator& a) : a_(a) {}

  void merge(const struct_type& t, json::value& target, const json::value& applied,
             const std::string& path) {
    if (!applied.IsObject())
      return refuse("expected an object at " + shown(path));
    if (t.atomic)
      return atomic(path);
    for (const auto& m : applied.GetObject()) {
      std::string name{m.name.GetString(), m.name.GetStringLength()};
      const auto* f = t.find(name);
      static const value_type any;
      member(f == nullptr ? any : f->type, target, name, m.value, path + "." + name);
    }
  }

  const std::string& problem() const { return problem_; }

private:
  void refuse(std::string why) {
    if (problem_.empty())
      problem_ = std::move(why);
  }

  void atomic(const std::string& path) {
    refuse("invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: " +
           shown(path));
  }

  static std::string shown(const std::string& path) { return path.empty() ? "." : path; }

  void member(const value_type& t, json::value& target, const std::string& name,
              const json::value& applied, const std::string& path) {
    auto* held = json::find(target, name);
    if (held == nullptr || held->IsNull()) {
      json::set(target, name, json::value{container_of(t)}, a_);
      held = json::find(target, name);
    }
    value(t, *held, applied, path);
  }

  static rapidjson::Type container_of(const value_type& t) {
    switch (t.form) {
    case shape::object:
    case shape::map:
      return rapidjson::kObjectType;
    case shape::list:
      return rapidjson::kArrayType;
    default:
      return rapidjson::kNullType;
    }
  }

  void value(const value_type& t, json::value& target, const json::value& applied,
             const std::string& path) {
    switch (t.form) {
    case shape::object:
      if (t.atomic_map)
        return atomic(path);
      return merge(*t.object, target, applied, path);
    case shape::map:
      return map(t, target, applied, path);
    case shape::list:
      return list(t, target, applied, path);
    default:
      break;
    }
    if (t.form == shape::any && applied.IsObject() && target.IsObject()) {
      static const struct_type open;
      return merge(open, target, applied, path);
    }
    target = json::copy(applied, a_);
  }

  void map(const value_type& t, json::value& target, const json::value& applied,
           const std::string& path) {
    if (t.atomic_map)
      return atomic(path);
    if (!applied.IsObject())
      return refuse("expected a map at " + shown(path));
    for (const auto& m : applied.GetObject()) {
      std::string name{m.name.GetString(), m.name.GetStringLength()};
      member(*t.element, target, name, m.value, path + "." + name);
    }
  }

  void list(const value_type& t, json::value& target, const json::value& applied,
            const std::string& path) {
    if (!applied.IsArray() || !target.IsArray())
      return refuse("expected a list at " + shown(path));
    if (t.list == list_kind::atomic)
      return atomic(path);
    for (const auto& item : applied.GetArray()) {
      auto same = [&](const json::value& other) {
        if (t.list == list_kind::set)
          return json::equal(other, item);
        return std::all_of(t.list_keys.begin(), t.list_keys.end(), [&](const std::string& k) {
          const auto *x = json::find(other, k), *y = json::find(item, k);
          // A key left out is one with its default, which the object has and the item may lack.
          return y == nullptr || (x != nullptr && json::equal(*x, *y));
        });
      };
      auto found = std::find_if(target.Begin(), target.End(), same);
      if (found == target.End()) {
        target.PushBack(json::value{container_of(*t.element)}, a_);
        found = target.End() - 1;
      }
      value(*t.element, *found, item, path + "[]");
    }
  }

  json::allocator& a_;
  std::string problem_;
};

} // namespace

result<void> merge_applied(const struct_type& type, json::value& target, const json::value& applied,
                           json::allocator& a) {
  merger m{a};
  m.merge(type, target, applied, "");
  if (!m.problem().empty())
    return fail(bad_request(m.problem()));
  return {};
}

} // namespace thespis::api::admission
