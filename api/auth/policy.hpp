// The one place that decides who may do what: members of system:masters, then nodes, then RBAC.
#pragma once

#include "api/auth/rbac_index.hpp"

#include <atomic>
#include <memory>
#include <string_view>

namespace thespis::api::auth {

/// Thread-safe. Whoever watches the cluster's rules swaps the index; a decision in flight keeps
/// the one it began with.
class policy {
public:
  /// `state` answers what nodes may see; null: nodes have no rights of their own.
  explicit policy(std::shared_ptr<const reader> state = nullptr);

  decision authorize(const access_query& q) const;

  /// All rules of the user; of system:masters everything. Empty `ns`: cluster bindings only.
  held_rules rules_of(const user_info& user, std::string_view ns) const;

  index_ptr index() const { return index_.load(std::memory_order_acquire); }
  void set_index(index_ptr next) { index_.store(std::move(next), std::memory_order_release); }
  /// Makes the index anew from `state`.
  void rebuild(const reader& state) { set_index(rbac_index::build(state)); }

private:
  std::shared_ptr<const reader> state_;
  std::atomic<index_ptr> index_;
};

/// Whether the call's user may make it. Errors: forbidden.
result<void> authorize_call(const policy& access, const call& c);

} // namespace thespis::api::auth
