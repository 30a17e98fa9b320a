// What the store needs of a storage engine: a port with RocksDB behind it, or memory in tests.
#pragma once

#include "api/object/object.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime {

/// One durable change: a null object removes the key.
struct stored_change {
  std::string resource;
  std::string ns;
  std::string name;
  api::object_ptr object;
};

/// Blocking; called from one thread at a time.
class engine {
public:
  virtual ~engine() = default;
  /// Makes the changes durable, all or none, with `revision` as the newest. An engine that cannot
  /// end the process rather than go on: an acknowledged write must never be lost.
  virtual void commit(const std::vector<stored_change>& changes, uint64_t revision) = 0;
  /// Visits all objects and returns the newest committed revision (1 for a new store).
  virtual uint64_t load(const std::function<void(api::object_ptr)>& visit) = 0;
};

class encryption;

/// RocksDB in `directory`, created when missing. With `sealing` values lie encrypted; those that
/// are not stored as it would store them (another key, or none) are rewritten, and their old bytes
/// removed from the files, before this returns. Errors: internal_error when the directory cannot be
/// opened, or a value is encrypted with a key that `sealing` does not have.
api::result<std::unique_ptr<engine>>
open_rocksdb_engine(const std::string& directory,
                    std::shared_ptr<const encryption> sealing = nullptr);

/// Keeps nothing; for tests and simulations.
std::unique_ptr<engine> make_memory_engine();

} // namespace thespis::runtime
