#include "api/auth/rbac_index.hpp"

#include "api/object/typed.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace thespis::api::auth {

namespace {

// Fewer rules than this are faster looked at than looked up.
constexpr size_t linear_rules = 24;

struct string_hash : std::hash<std::string_view> {
  using is_transparent = void;
};
template <class T>
using string_map = std::unordered_map<std::string, T, string_hash, std::equal_to<>>;

std::string named_resource(std::string_view resource, std::string_view name) {
  std::string key{resource};
  key.push_back('\0');
  key.append(name);
  return key;
}

std::string missing_role(const v1::role_ref& r) {
  const auto* kind = r.kind == "Role" ? "role" : "clusterrole";
  return std::string{kind} + "." + std::string{rbac_group} + " " + quote_go(r.name) + " not found";
}

std::string describe(const binding& b, const v1::subject& s) {
  auto name = s.name;
  if (s.kind == "ServiceAccount")
    name += "/" + (s.namespace_.empty() ? b.ns : s.namespace_);
  const bool cluster = b.ns.empty();
  return "RBAC: allowed by " + std::string{cluster ? "ClusterRoleBinding" : "RoleBinding"} + " " +
         quote_go(cluster ? b.name : b.name + "/" + b.ns) + " of " + b.role.kind + " " +
         quote_go(b.role.name) + " to " + s.kind + " " + quote_go(name);
}

} // namespace

/// What one user or group is granted in a scope.
struct rbac_scope::subject_grants {
  struct grant {
    const v1::policy_rule* rule;
    const binding* source;
    const v1::subject* subject;
  };
  std::vector<grant> grants;
  std::vector<std::string> problems;
  std::set<const rule_list*> roles; ///< seen while building: a second grant of a role adds nothing
  // Only when there are many: grants by resource (and object name, where the rule has them).
  string_map<std::vector<uint32_t>> by_resource;
  std::vector<uint32_t> of_paths;

  void index() {
    roles.clear();
    if (grants.size() <= linear_rules)
      return;
    for (uint32_t i = 0; i < grants.size(); ++i) {
      const auto& r = *grants[i].rule;
      for (const auto& resource : r.resources) {
        if (r.resource_names.empty())
          by_resource[resource].push_back(i);
        for (const auto& name : r.resource_names)
          by_resource[named_resource(resource, name)].push_back(i);
      }
      if (!r.non_resource_urls.empty())
        of_paths.push_back(i);
    }
  }

  const grant* first_of(const std::vector<uint32_t>& some, const access_query& q) const {
    for (auto i : some)
      if (rule_allows(*grants[i].rule, q))
        return &grants[i];
    return nullptr;
  }

  const grant* find_resource(std::string_view resource, const access_query& q) const {
    if (auto it = by_resource.find(resource); it != by_resource.end())
      if (const auto* g = first_of(it->second, q))
        return g;
    if (auto it = by_resource.find(named_resource(resource, q.name)); it != by_resource.end())
      return first_of(it->second, q);
    return nullptr;
  }

  const grant* find(const access_query& q) const {
    if (grants.size() <= linear_rules) {
      for (const auto& g : grants)
        if (rule_allows(*g.rule, q))
          return &g;
      return nullptr;
    }
    if (!q.is_resource)
      return first_of(of_paths, q);
    std::string combined{q.resource};
    if (!q.subresource.empty())
      combined.append("/").append(q.subresource);
    const auto* g = find_resource(combined, q);
    if (!g)
      g = find_resource("*", q);
    if (!g && !q.subresource.empty())
      g = find_resource("*/" + std::string{q.subresource}, q);
    return g;
  }
};

struct rbac_scope::impl {
  std::vector<binding> bindings;
  std::vector<rules_ptr> roles; ///< keeps the rules alive that grants point to
  string_map<subject_grants> users;
  string_map<subject_grants> groups;

  subject_grants* grants_of(const binding& b, const v1::subject& s) {
    if (s.kind == "Group")
      return &groups[s.name];
    if (s.kind == "User")
      return &users[s.name];
    const auto& ns = s.namespace_.empty() ? b.ns : s.namespace_;
    if (s.kind != "ServiceAccount" || ns.empty())
      return nullptr;
    return &users[service_account_user(ns, s.name)];
  }

  void add(const binding& b, const rules_ptr& role) {
    for (const auto& s : b.subjects) {
      auto* g = grants_of(b, s);
      if (!g)
        continue;
      if (!role) {
        g->problems.push_back(missing_role(b.role));
        continue;
      }
      if (!g->roles.insert(role.get()).second)
        continue;
      for (const auto& rule : *role)
        g->grants.push_back({&rule, &b, &s});
    }
  }

  template <class F>
  bool each(const user_info& user, F f) const {
    if (auto it = users.find(user.name); it != users.end() && f(it->second))
      return true;
    for (const auto& group : user.groups)
      if (auto it = groups.find(group); it != groups.end() && f(it->second))
        return true;
    return false;
  }
};

rbac_scope::rbac_scope(std::vector<binding> bindings, const role_finder& roles)
    : impl_(std::make_unique<impl>()) {
  impl_->bindings = std::move(bindings);
  for (const auto& b : impl_->bindings) {
    auto role = b.role.api_group == rbac_group ? roles(b.role.kind, b.ns, b.role.name) : nullptr;
    impl_->add(b, role);
    if (role)
      impl_->roles.push_back(std::move(role));
  }
  for (auto* table : {&impl_->users, &impl_->groups})
    for (auto& [name, grants] : *table)
      grants.index();
}

rbac_scope::~rbac_scope() = default;

bool rbac_scope::allows(const access_query& q, std::string& reason,
                        std::vector<std::string>& problems) const {
  return impl_->each(q.user, [&](const subject_grants& g) {
    if (const auto* found = g.find(q)) {
      reason = describe(*found->source, *found->subject);
      return true;
    }
    problems.insert(problems.end(), g.problems.begin(), g.problems.end());
    return false;
  });
}

void rbac_scope::collect(const user_info& user, std::vector<const v1::policy_rule*>& rules,
                         std::vector<std::string>& problems) const {
  impl_->each(user, [&](const subject_grants& g) {
    for (const auto& grant : g.grants)
      rules.push_back(grant.rule);
    problems.insert(problems.end(), g.problems.begin(), g.problems.end());
    return false;
  });
}

rbac_index::rbac_index() {
  const auto none = std::make_shared<const scope_map>();
  namespaces_.fill(none);
}

const rbac_scope* rbac_index::find(std::string_view ns) const {
  const auto& shard = *namespaces_[hash{}(ns) % shards];
  const auto it = shard.find(ns);
  return it == shard.end() ? nullptr : it->second.get();
}

decision rbac_index::decide(const access_query& q) const {
  decision d;
  std::vector<std::string> problems;
  const auto* local = q.is_resource && !q.ns.empty() ? find(q.ns) : nullptr;
  if ((cluster_ && cluster_->allows(q, d.reason, problems)) ||
      (local && local->allows(q, d.reason, problems))) {
    d.what = verdict::allow;
    return d;
  }
  if (problems.empty())
    return d;
  std::vector<std::string> once;
  for (auto& p : problems)
    if (std::find(once.begin(), once.end(), p) == once.end())
      once.push_back(std::move(p));
  std::string text;
  for (const auto& p : once)
    text += (text.empty() ? "" : ", ") + p;
  d.reason = once.size() == 1 ? "RBAC: " + text : "RBAC: [" + text + "]";
  return d;
}

void rbac_index::collect(const user_info& user, std::string_view ns, held_rules& out) const {
  if (cluster_)
    cluster_->collect(user, out.rules, out.problems);
  if (const auto* local = ns.empty() ? nullptr : find(ns))
    local->collect(user, out.rules, out.problems);
}

index_ptr rbac_index::with(const std::string& ns, scope_ptr scope) const {
  auto next = std::make_shared<rbac_index>(*this);
  if (ns.empty()) {
    next->cluster_ = std::move(scope);
    return next;
  }
  auto& slot = next->namespaces_[hash{}(ns) % shards];
  auto shard = std::make_shared<scope_map>(*slot);
  if (scope)
    shard->insert_or_assign(ns, std::move(scope));
  else
    shard->erase(ns);
  slot = std::move(shard);
  return next;
}

namespace {

std::string role_key(std::string_view kind, std::string_view ns, std::string_view name) {
  std::string key{kind};
  return key.append(" ").append(ns).append("/").append(name);
}

template <class T>
rules_ptr rules_of(const T& role) {
  return std::make_shared<const rule_list>(role.rules);
}

} // namespace

void rbac_source::add(const v1::cluster_role& r) {
  roles_[role_key("ClusterRole", "", r.metadata.name)] = rules_of(r);
}

void rbac_source::add(const v1::role& r) {
  roles_[role_key("Role", r.metadata.namespace_, r.metadata.name)] = rules_of(r);
}

void rbac_source::add(const v1::cluster_role_binding& b) {
  bindings_[""].push_back({"", b.metadata.name, b.role_ref, b.subjects});
}

void rbac_source::add(const v1::role_binding& b) {
  const auto& m = b.metadata;
  bindings_[m.namespace_].push_back({m.namespace_, m.name, b.role_ref, b.subjects});
}

index_ptr rbac_source::index() {
  const role_finder find_role = [&](const std::string& kind, const std::string& ns,
                                    const std::string& name) {
    const auto it = roles_.find(role_key(kind, kind == "Role" ? ns : "", name));
    return it == roles_.end() ? nullptr : it->second;
  };
  index_ptr index = std::make_shared<rbac_index>();
  for (auto& [ns, some] : bindings_)
    index = index->with(ns, std::make_shared<const rbac_scope>(std::move(some), find_role));
  return index;
}

index_ptr rbac_index::build(const reader& state) {
  rbac_source source;
  for (const auto& o : state.list(v1::cluster_role::resource_name).objects)
    source.add(*typed<v1::cluster_role>(*o));
  for (const auto& o : state.list(v1::role::resource_name).objects)
    source.add(*typed<v1::role>(*o));
  for (const auto& o : state.list(v1::cluster_role_binding::resource_name).objects)
    source.add(*typed<v1::cluster_role_binding>(*o));
  for (const auto& o : state.list(v1::role_binding::resource_name).objects)
    source.add(*typed<v1::role_binding>(*o));
  return source.index();
}

} // namespace thespis::api::auth
