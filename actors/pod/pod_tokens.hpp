// Tokens of service accounts in pods' volumes: asked for once, renewed in time.
#pragma once

#include "api/generated/authentication_v1.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/result.hpp"
#include "api/text/time.hpp"

#include <functional>
#include <map>
#include <string>
#include <tuple>

namespace thespis::actors {

/// Asks the API for a token of that account. May block for the length of a request.
using token_request_port = std::function<api::result<api::v1::token_request>(
    const std::string& ns, const std::string& account, const api::v1::token_request& request)>;

struct pod_token_deps {
  token_request_port request; ///< null: no tokens
  std::function<api::time_point()> now;
};

/// Used by one thread at a time.
class pod_tokens {
public:
  explicit pod_tokens(pod_token_deps deps) : deps_(std::move(deps)) {}

  /// The token for that projection, bound to the pod: the one from before until 80 % of its life
  /// are over (or a day). A renewal that fails leaves the old token until it ends.
  /// Errors: those of the request.
  api::result<std::string> get(const api::v1::pod& pod,
                               const api::v1::service_account_token_projection& what);

  /// Forgets the tokens of a pod that is gone.
  void forget(const std::string& uid);

private:
  struct held {
    std::string token;
    api::time_point renew;
    api::time_point end;
  };
  using key = std::tuple<std::string, std::string, int64_t>; ///< uid, audience, seconds

  api::result<held> ask(const api::v1::pod& pod,
                        const api::v1::service_account_token_projection& what, int64_t seconds);

  const pod_token_deps deps_;
  std::map<key, held> held_;
};

} // namespace thespis::actors
