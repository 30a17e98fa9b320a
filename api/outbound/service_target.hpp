// Where a Service of the cluster answers, for requests that name it.
#pragma once

#include "api/pipeline/reader.hpp"
#include "api/result.hpp"

#include <cstdint>
#include <string>

namespace thespis::api::outbound {

/// An endpoint of a Service.
struct service_target {
  std::string address;
  uint16_t port = 0;
};

/// A ready endpoint behind the Service's port; for a Service of an outside name or without
/// endpoints of ours, its cluster IP. Errors: service_unavailable in the words of Kubernetes'
/// resolver.
result<service_target> find_service(const reader& state, const std::string& ns,
                                    const std::string& name, int64_t port);

} // namespace thespis::api::outbound
