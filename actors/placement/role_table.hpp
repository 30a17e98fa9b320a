// Who may write as which role at this moment. The placement actor fills it; gateways ask it for
// every call of a machine that speaks as a role.
#pragma once

#include "api/pipeline/call.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::actors {

/// Thread-safe.
class role_table {
public:
  /// From now on `machine` and nobody else may speak as that user; empty: nobody may.
  void give(const std::string& user, const std::string& machine) {
    const std::lock_guard lock{mutex_};
    holders_[user] = machine;
  }

  /// Whom the machine speaks as: the role's user with the rights of a built-in controller; nothing
  /// when the role is not the machine's.
  std::optional<api::user_info> user_of(const std::string& machine,
                                        std::string_view claimed) const {
    const std::lock_guard lock{mutex_};
    const auto i = holders_.find(claimed);
    if (machine.empty() || i == holders_.end() || i->second != machine)
      return std::nullopt;
    return api::user_info{std::string{claimed}, {}, {"system:masters"}};
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> holders_; ///< by user
};

} // namespace thespis::actors
