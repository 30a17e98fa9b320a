// Keeps quotas exact while several threads prepare writes that none of them sees yet.
#pragma once

#include "api/admission/quota_usage.hpp"
#include "api/pipeline/reader.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace thespis::api::admission {

/// Used by all quotas of all namespaces: what is durable, and what is reserved for writes under
/// way. Thread-safe. Made as a shared pointer: reservations keep it.
class quota_ledger : public std::enable_shared_from_this<quota_ledger> {
public:
  explicit quota_ledger(std::shared_ptr<const reader> state) : state_(std::move(state)) {}

  /// A write that wants room.
  struct claim {
    std::string resource, ns, name, uid;
    uint64_t revision = 0; ///< that the write replaces; 0: a new object
    quota_measure now;
    resource_list before; ///< what the object counted so far
    time_point at;
    bool reserve = true; ///< false: only asks
  };

  /// Why there is no room: of one quota, what is exceeded.
  struct refusal {
    std::string quota;
    resource_list requested, used, hard;
  };

  struct outcome {
    std::optional<refusal> refused;
    /// Room is reserved as long as this lives; null when none was asked for, or needed.
    std::shared_ptr<const void> hold;
  };

  /// Takes room from all of these quotas, or from none. A reservation ends to count when the
  /// write it was made for shows in the state, however long it is held.
  outcome take(const claim& c, const std::vector<quota_rule>& quotas);

private:
  struct reservation {
    std::string name, uid;
    uint64_t revision = 0;
    quota_measure measure;
  };
  struct account {
    explicit account(const std::string& resource) : usage(resource) {}
    usage_account usage;
    uint64_t revision = UINT64_MAX;
    std::list<reservation> reserved;
  };
  using account_ptr = std::shared_ptr<account>;

  account_ptr refreshed(const claim& c);
  /// Durable and reserved, of everybody but the claimant.
  static resource_list used(const account& a, const quota_rule& rule, const claim& c);
  std::shared_ptr<const void> reserve(const account_ptr& a, const claim& c);

  std::shared_ptr<const reader> state_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, account_ptr> accounts_; ///< namespace, resource
};

} // namespace thespis::api::admission
