// What kube-proxy knows: Services and their EndpointSlices, and what they ask of the kernel.
// No CAF headers.
#pragma once

#include "api/object/object.hpp"
#include "api/pipeline/watch.hpp"
#include "proxy/data/data_path.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace thespis::proxy {

/// Not thread-safe; owned by the proxy actor.
class proxy_state {
public:
  /// `node` tells which endpoints are on this machine.
  explicit proxy_state(std::string node) : node_(std::move(node)) {}

  void apply_service(const api::watch_event& e);
  void apply_slice(const api::watch_event& e);
  void clear();

  /// Everything, for the first programming.
  service_table table();
  /// What changed since the last call of this or of `table`.
  service_changes take_changes();
  bool changed() const { return !dirty_.empty(); }
  size_t services() const { return services_.size(); }

private:
  using service_key = std::pair<std::string, std::string>; ///< namespace, name

  void ports_of(const service_key& key, service_table& out) const;

  const std::string node_;
  std::map<service_key, api::object_ptr> services_;
  std::map<service_key, std::map<std::string, api::object_ptr>> slices_;   ///< by service, by name
  std::map<std::pair<std::string, std::string>, service_key> slice_owner_; ///< slice to service
  std::set<service_key> dirty_;
  service_table programmed_; ///< what the last `table` or `take_changes` told
};

} // namespace thespis::proxy
