// APIServices: one for each group and version of the API, ours and others'; whether each can be
// used.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/apiregistration_v1.hpp"
#include "api/schema/schema.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// Extension servers, as a port. Never blocks. Called by one controller at a time.
class extension_host {
public:
  virtual ~extension_host() = default;
  struct answer {
    bool known = false; ///< false while nobody has answered yet: ask again
    bool ok = false;
    std::string failure; ///< why it is not
  };
  /// Has requests to the group and version go to the server that `service` names, and tells how it
  /// last answered; asks it anew from time to time.
  virtual answer ask(const api::v1::api_service& service) = 0;
  /// It cannot be reached for reasons known already.
  virtual void suspend(const api::v1::api_service& service) = 0;
  /// Requests go there no longer.
  virtual void withdraw(const std::string& group, const std::string& version) = 0;
};

struct api_service_deps {
  std::shared_ptr<extension_host> host;
};

/// Keys are APIServices.
std::unique_ptr<reconciler> make_api_service_controller(api_service_deps deps);

/// The APIService of a group and version that we answer for ourselves. That of a custom resource
/// comes and goes with it; others are made at the start and left alone.
api::v1::api_service local_api_service(const std::string& group, const std::string& version,
                                       bool of_custom_resource);

/// One for each built-in group and version, but for that of APIServices.
std::vector<api::v1::api_service> builtin_api_services(const api::schema::registry& schemas);

} // namespace thespis::actors
