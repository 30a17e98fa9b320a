// What an agent knows of the cluster: a snapshot a resource, each filled by one replica.
#pragma once

#include "runtime/store/snapshot.hpp"

namespace thespis::runtime::link {

/// Reads go to the resource's own snapshot, since replicas of different resources are at different
/// revisions. Resources without a replica are empty. Resources are added before the state is
/// shared; after that thread-safe.
class remote_state final : public api::reader {
public:
  /// The snapshot of a resource; made when there is none.
  std::shared_ptr<snapshots> ensure(const std::string& resource);

  api::object_ptr get(std::string_view resource, std::string_view ns,
                      std::string_view name) const override;
  api::listing list(std::string_view resource, std::string_view ns = {}) const override;
  /// That of the newest replica.
  uint64_t revision() const override;

private:
  std::map<std::string, std::shared_ptr<snapshots>, std::less<>> parts_;
};

} // namespace thespis::runtime::link
