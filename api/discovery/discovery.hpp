// What the API serves, as clients discover it: the plain documents of /api and /apis and the
// aggregated ones (apidiscovery.k8s.io), written from the schema registry. Compact JSON.
#pragma once

#include "api/schema/schema.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::discovery {

/// A group and version that another server answers for, as it describes it.
struct foreign_version {
  std::string group, version;
  std::string resources; ///< its APIResourceList, JSON; empty when it has not been asked yet
  bool current = true;   ///< whether it can be asked now
  int64_t group_priority = 1000; ///< see priorities.hpp
};
/// Ordered as they are to be listed.
using foreign_versions = std::vector<foreign_version>;

/// GET /api: meta/v1 APIVersions. `server_address` is "host:port".
std::string core_versions(std::string_view server_address);

/// GET /apis: meta/v1 APIGroupList.
std::string group_list(const schema::registry& r, const foreign_versions& foreign = {});

/// GET /apis/GROUP: meta/v1 APIGroup; nothing when there is no such group.
std::optional<std::string> group(const schema::registry& r, std::string_view name,
                                 const foreign_versions& foreign = {});

/// GET /api/v1 and /apis/GROUP/VERSION: meta/v1 APIResourceList; nothing when there is none.
std::optional<std::string> resource_list(const schema::registry& r, std::string_view group,
                                         std::string_view version);

/// GET /api (`core`) or /apis as an APIGroupDiscoveryList of `version` "v2" or "v2beta1".
std::string aggregated(const schema::registry& r, bool core, std::string_view version,
                       const foreign_versions& foreign = {});

/// Every path below which something is served, as GET / lists them.
std::string paths(const schema::registry& r, const foreign_versions& foreign = {});

} // namespace thespis::api::discovery
