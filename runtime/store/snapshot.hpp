// The read side of the store: what is durable, readable from any thread without a message.
#pragma once

#include "api/pipeline/reader.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::runtime {

/// Snapshots of all resources. Written by the store actor only, after a commit.
/// Readers hold a shared lock while they copy pointers and nothing longer.
class snapshots final : public api::reader {
public:
  snapshots();
  ~snapshots() override;

  api::object_ptr get(std::string_view resource, std::string_view ns,
                      std::string_view name) const override;
  api::listing list(std::string_view resource, std::string_view ns = {}) const override;
  uint64_t revision() const override { return revision_.load(std::memory_order_acquire); }

  /// A change of one resource: the new object, or none at the key of a removed one.
  struct change {
    api::object_ptr object;
    api::object_ptr removed;
  };
  /// Applies one commit. Not thread-safe against itself.
  void apply(const std::vector<change>& changes, uint64_t revision);

  /// Names of the resources that ever had an object.
  std::vector<std::string> resources() const;

private:
  struct shard;
  shard* find(std::string_view resource) const;
  shard& ensure(const std::string& resource);

  mutable std::shared_mutex mutex_; // guards the map, not the shards
  std::map<std::string, std::unique_ptr<shard>, std::less<>> shards_;
  std::atomic<uint64_t> revision_{1};
};

} // namespace thespis::runtime
