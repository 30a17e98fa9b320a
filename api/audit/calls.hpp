// Requests that come as messages and not as HTTP, in the same audit log: those of linked machines
// and programs, and those of the cluster's own actors.
#pragma once

#include "api/audit/record.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/watch.hpp"
#include "api/schema/schema.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace thespis::api::audit {

/// Thread-safe; costs one look at the policy for what is not written down.
class call_auditor {
public:
  /// `schemas` outlives it.
  call_auditor(std::shared_ptr<const sink> to, const schema::registry& schemas)
      : to_(std::move(to)), schemas_(schemas) {}

  /// Whoever calls as this user from now on is there; users of this process are at no address.
  void arrived(const std::string& user, const std::string& address);
  void left(const std::string& user);

  /// A write that begins, by the user it names. Null when the policy asks for nothing.
  std::shared_ptr<record> begin(const call& c) const;
  /// What became of it.
  static void end(const std::shared_ptr<record>& r, const reply& answer);

  /// A watch that was opened, or refused for `why`.
  void watched(const user_info& user, const std::string& resource, const selection& what,
               const error* why) const;

private:
  std::shared_ptr<record> make(const user_info& user, std::string_view verb,
                               const std::string& group_resource, const std::string& version,
                               const std::string& ns, const std::string& name,
                               const std::string& subresource) const;

  const std::shared_ptr<const sink> to_;
  const schema::registry& schemas_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> addresses_; ///< by user
};

} // namespace thespis::api::audit
