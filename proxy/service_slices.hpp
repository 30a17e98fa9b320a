// Services joined with their EndpointSlices, from watch events, and which of them changed.
// No CAF headers.
#pragma once

#include "api/object/object.hpp"
#include "api/pipeline/watch.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace thespis::proxy {

using service_key = std::pair<std::string, std::string>; ///< namespace, name

/// Not thread-safe; owned by a state.
class service_slices {
public:
  using slice_map = std::map<std::string, api::object_ptr>; ///< by name

  void apply_service(const api::watch_event& e);
  void apply_slice(const api::watch_event& e);
  /// Forgets all; what was known counts as changed.
  void clear();
  /// All services count as changed.
  void touch_all();

  /// Null when there is none.
  api::object_ptr find(const service_key& key) const;
  const slice_map& slices(const service_key& key) const;
  const std::map<service_key, api::object_ptr>& services() const { return services_; }
  bool changed() const { return !changed_.empty(); }
  /// The services that changed since the last call.
  std::set<service_key> take_changed() { return std::exchange(changed_, {}); }

private:
  std::map<service_key, api::object_ptr> services_;
  std::map<service_key, slice_map> slices_;
  std::map<std::pair<std::string, std::string>, service_key> slice_owner_; ///< slice to service
  std::set<service_key> changed_;
};

} // namespace thespis::proxy
