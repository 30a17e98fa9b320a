// One request's way through the audit log.
#pragma once

#include "api/audit/log.hpp"
#include "api/audit/policy.hpp"
#include "api/text/time.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace thespis::api::audit {

/// Where audit events go and what decides which. Null log: nothing is audited.
struct sink {
  std::shared_ptr<log> to;
  policy rules = policy::standard();
  std::function<time_point()> now;
  std::function<std::string()> new_id;
};

/// What the events of a request share. Facts are set before they are told; thread-safe from then.
class record {
public:
  record(std::shared_ptr<const sink> to, decision d) : to_(std::move(to)), decision_(d) {}

  level how() const { return decision_.how; }

  std::string id;
  std::string uri, verb;
  user_info user;
  std::string impersonated; ///< JSON of a UserInfo, or empty
  std::vector<std::string> addresses;
  std::string user_agent;
  std::string object_ref; ///< JSON, or empty
  time_point received{};
  std::vector<std::pair<std::string, std::string>> annotations;

  /// The body that came, JSON; kept from level Request on.
  void set_request(std::string_view json);
  /// Writes the event of that stage unless the policy omits it. Of the last stage only the first
  /// call counts. `status` is the HTTP code, 0 for none; `body` the answer, when it is JSON.
  void tell(stage s, int status, std::string_view body = {});

private:
  std::string bodies(stage s, int status, std::string_view body) const;

  std::shared_ptr<const sink> to_;
  const decision decision_;
  std::mutex mutex_;
  std::string request_;
  bool complete_ = false;
};

/// A UserInfo of authentication.k8s.io as JSON.
std::string user_json(const user_info& u);
/// The same JSON without metadata.managedFields, of an object or of a list's items; `text` itself
/// when it is no object.
std::string without_managed_fields(std::string_view text);

} // namespace thespis::api::audit
