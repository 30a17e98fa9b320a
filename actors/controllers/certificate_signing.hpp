// CertificateSigningRequests: approves what nodes ask for themselves, signs what is approved, and
// forgets old ones.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/auth/policy.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// Issues a certificate for the key and subject of a PKCS #10 request (PEM), for these usages, as
/// PEM. Errors: bad_request, internal_error.
using signing_port = std::function<api::result<std::string>(
    const std::string& request, const std::vector<std::string>& usages,
    std::chrono::seconds lifetime, wall_time now)>;

struct certificate_signing_deps {
  signing_port sign; ///< null: there is no authority
  std::shared_ptr<const api::auth::policy> policy;
};

/// Keys are CertificateSigningRequests.
std::unique_ptr<reconciler> make_certificate_signing(const certificate_signing_deps& deps);

} // namespace thespis::actors
