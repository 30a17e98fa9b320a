// The client that really leaves the process.
#pragma once

#include "api/outbound/client.hpp"

#include <atomic>

namespace thespis::api::outbound {

/// One connection a request, TLS 1.2 or newer, verified against the request's authorities and the
/// URL's host.
class https_client final : public client {
public:
  result<answer> send(const request& r) override;

  /// Ends what is under way, with errors, and refuses what comes after.
  void stop() { stopped_ = true; }

private:
  std::atomic<bool> stopped_{false};
};

} // namespace thespis::api::outbound
