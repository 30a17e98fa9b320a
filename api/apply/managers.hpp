// metadata.managedFields in memory: who owns which fields of an object.
#pragma once

#include "api/apply/field_set.hpp"

#include <compare>
#include <map>
#include <string>

namespace thespis::api::apply {

/// Tells the entries of managedFields apart.
struct manager_id {
  std::string manager;
  std::string operation; ///< "Apply" or "Update"
  std::string
      api_version; ///< of updates; empty for appliers, which have one entry for all versions
  std::string subresource;

  auto operator<=>(const manager_id&) const = default;
  bool applies() const { return operation == "Apply"; }
};

/// What one manager owns.
struct ownership {
  field_set fields;
  std::string api_version; ///< in which the fields are named
  std::string time;        ///< RFC 3339; empty when unknown
};

using managers = std::map<manager_id, ownership>;

/// Longest name of a manager, in bytes.
inline constexpr size_t max_manager_length = 128;

/// Reads managedFields (null or missing: nobody). Errors: bad_request with Kubernetes' words.
result<managers> read_managers(const json::value* list);

/// managedFields in Kubernetes' order: appliers first, then by time, manager, version and
/// subresource. Null when there is nobody.
json::value write_managers(const managers& all, json::allocator& a);

/// Whether two lists of managedFields differ in times at most.
bool same_but_times(const json::value* x, const json::value* y);

/// The manager as messages name it: `"kubectl" with subresource "scale" using apps/v1`.
std::string print(const manager_id& id);

} // namespace thespis::api::apply
