// What a namespace's labels demand of its pods.
#pragma once

#include "api/error.hpp"
#include "api/object/object.hpp"

#include <compare>
#include <string>
#include <vector>

namespace thespis::api::admission {

enum class security_level : uint8_t { privileged, baseline, restricted };

std::string_view to_string(security_level l);

/// A level of the Pod Security Standards as of one minor version of Kubernetes.
struct security_standard {
  static constexpr int latest = 1 << 20;
  security_level level = security_level::privileged;
  int minor = latest;

  auto operator<=>(const security_standard&) const = default;
  /// "restricted:latest", "baseline:v1.25"
  std::string to_string() const;
};

struct security_policy {
  security_standard enforce, audit, warn;
};

/// Reads the pod-security.kubernetes.io labels. Labels that say nothing sensible are reported in
/// `causes` and mean the strictest enforcement, but no audit and no warning.
security_policy read_security_policy(const label_set& labels, std::vector<cause>& causes);

} // namespace thespis::api::admission
