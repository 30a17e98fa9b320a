// RBAC decisions without a search through bindings: who was granted what, indexed by subject. The
// index is immutable; a change of the cluster's rules makes a new one that shares all parts which
// the change did not touch.
#pragma once

#include "api/auth/access.hpp"
#include "api/auth/rules.hpp"
#include "api/pipeline/reader.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::api::auth {

/// The rules of a role; null when there is no such role.
using rules_ptr = std::shared_ptr<const rule_list>;

/// Finds a role: kind "Role" in the given namespace, or "ClusterRole".
using role_finder = std::function<rules_ptr(const std::string& kind, const std::string& ns,
                                            const std::string& name)>;

/// What a (Cluster)RoleBinding says.
struct binding {
  std::string ns; ///< empty: a ClusterRoleBinding
  std::string name;
  v1::role_ref role;
  std::vector<v1::subject> subjects;
};

/// All bindings of one scope: of a namespace, or of the cluster. Immutable.
class rbac_scope {
public:
  rbac_scope(std::vector<binding> bindings, const role_finder& roles);
  ~rbac_scope();
  rbac_scope(const rbac_scope&) = delete;
  rbac_scope& operator=(const rbac_scope&) = delete;

  /// Whether a binding here allows it; roles that are missing are named in `problems`.
  bool allows(const access_query& q, std::string& reason, std::vector<std::string>& problems) const;
  /// Appends every rule that the user is granted here.
  void collect(const user_info& user, std::vector<const v1::policy_rule*>& rules,
               std::vector<std::string>& problems) const;

private:
  struct subject_grants;
  struct impl;
  std::unique_ptr<impl> impl_;
};

using scope_ptr = std::shared_ptr<const rbac_scope>;

/// The rules a user holds in a namespace. Holds the index they belong to alive.
struct held_rules {
  std::vector<const v1::policy_rule*> rules;
  std::vector<std::string> problems; ///< roles that bindings name and nobody has
  std::shared_ptr<const void> owner;
};

class rbac_index {
public:
  rbac_index();

  /// allow, or no_opinion with what is wrong with bindings of the user. Thread-safe.
  decision decide(const access_query& q) const;

  /// Rules of cluster bindings and, unless `ns` is empty, of that namespace's.
  void collect(const user_info& user, std::string_view ns, held_rules& out) const;

  /// The same index with another scope; null for one without bindings. `ns` empty: the cluster.
  std::shared_ptr<const rbac_index> with(const std::string& ns, scope_ptr scope) const;

  /// The index of everything that `state` has.
  static std::shared_ptr<const rbac_index> build(const reader& state);

private:
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using scope_map = std::unordered_map<std::string, scope_ptr, hash, std::equal_to<>>;
  // In shards, so that a change copies one of them and not every namespace.
  static constexpr size_t shards = 64;

  const rbac_scope* find(std::string_view ns) const;

  scope_ptr cluster_;
  std::array<std::shared_ptr<const scope_map>, shards> namespaces_;
};

using index_ptr = std::shared_ptr<const rbac_index>;

/// Roles and bindings, gathered to make an index of them.
class rbac_source {
public:
  void add(const v1::cluster_role& r);
  void add(const v1::role& r);
  void add(const v1::cluster_role_binding& b);
  void add(const v1::role_binding& b);
  /// May be called once.
  index_ptr index();

private:
  std::map<std::string, rules_ptr> roles_; ///< by kind, namespace and name
  std::map<std::string, std::vector<binding>> bindings_;
};

} // namespace thespis::api::auth
