// In which order groups and versions are listed, and preferred where a name is in several.
#pragma once

#include <cstdint>
#include <string_view>

namespace thespis::api::discovery {

/// groupPriorityMinimum and versionPriority of an APIService: higher comes first.
struct priority {
  int32_t group = 1000;
  int32_t version = 100;
};

/// Kubernetes' order of its own groups; that of custom resources for others.
priority priority_of(std::string_view group, std::string_view version);

} // namespace thespis::api::discovery
