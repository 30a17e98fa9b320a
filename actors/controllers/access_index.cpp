#include "actors/controllers/access_index.hpp"

#include <map>
#include <set>

namespace thespis::actors {

namespace {

using namespace std::chrono_literals;
namespace auth = api::auth;
namespace v1 = api::v1;

constexpr auto pause = 20ms;

key_mapper own_scope() {
  return [](const api::object& o, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{{}, o.ns()}};
  };
}

/// A ClusterRole changes every scope with a binding to it.
std::vector<object_id> scopes_of(const api::object& role, const view& v) {
  std::set<std::string> scopes;
  for (const auto& b : v.list<v1::cluster_role_binding>())
    if (b->role_ref.name == role.name())
      scopes.insert("");
  for (const auto& b : v.list<v1::role_binding>())
    if (b->role_ref.kind == "ClusterRole" && b->role_ref.name == role.name())
      scopes.insert(b.object->ns());
  std::vector<object_id> res;
  for (const auto& ns : scopes)
    res.push_back({{}, ns});
  return res;
}

template <class T>
auth::binding binding_of(const observed<T>& b) {
  return {b.object->ns(), b.object->name(), b->role_ref, b->subjects};
}

class access_index final : public reconciler {
public:
  explicit access_index(const access_index_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "accessindex"; }

  std::vector<watch_spec> watches() const override {
    auto of_cluster_role = [](const api::object& o, const api::object_ptr&, const view& v) {
      return scopes_of(o, v);
    };
    return {{std::string{v1::cluster_role::resource_name}, of_cluster_role},
            {std::string{v1::cluster_role_binding::resource_name}, own_scope()},
            {std::string{v1::role::resource_name}, own_scope()},
            {std::string{v1::role_binding::resource_name}, own_scope()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    const auto& ns = key.name;
    const auto last = built_.find(ns);
    if (last != built_.end() && now >= last->second && now - last->second < pause) {
      reconcile_result later;
      later.requeue_after = pause - (now - last->second);
      return later;
    }
    built_[ns] = now;
    deps_.policy->set_index(deps_.policy->index()->with(ns, scope_of(ns, v)));
    return {};
  }

private:
  static auth::scope_ptr scope_of(const std::string& ns, const view& v) {
    std::vector<auth::binding> bindings;
    if (ns.empty())
      for (const auto& b : v.list<v1::cluster_role_binding>())
        bindings.push_back(binding_of(b));
    else
      for (const auto& b : v.list<v1::role_binding>(ns))
        bindings.push_back(binding_of(b));
    if (bindings.empty())
      return nullptr;
    // One copy a role, so that a subject's second binding to it is known to add nothing.
    std::map<std::pair<bool, std::string>, auth::rules_ptr> known;
    auto find = [&](const std::string& kind, const std::string&, const std::string& name) {
      const bool cluster = kind != "Role";
      auto [it, fresh] = known.try_emplace({cluster, name});
      if (!fresh)
        return it->second;
      if (cluster) {
        if (const auto r = v.get<v1::cluster_role>({}, name))
          it->second = auth::rules_ptr{r.value, &r->rules};
      } else if (const auto r = v.get<v1::role>(ns, name)) {
        it->second = auth::rules_ptr{r.value, &r->rules};
      }
      return it->second;
    };
    return std::make_shared<const auth::rbac_scope>(std::move(bindings), find);
  }

  const access_index_deps deps_;
  std::map<std::string, wall_time> built_;
};

} // namespace

std::unique_ptr<reconciler> make_access_index(const access_index_deps& deps) {
  return std::make_unique<access_index>(deps);
}

} // namespace thespis::actors
