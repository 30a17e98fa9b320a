// How the API reads cluster state: snapshots as a port.
#pragma once

#include "api/object/object.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace thespis::api {

/// A consistent list of one resource.
struct listing {
  std::vector<object_ptr> objects; ///< ordered by namespace, then name
  uint64_t revision = 0;           ///< all changes up to here are in
};

/// Reads only what is durable. Thread-safe, never blocks on I/O.
class reader {
public:
  virtual ~reader() = default;
  /// nullptr when there is no such object (or no such resource).
  virtual object_ptr get(std::string_view resource, std::string_view ns,
                         std::string_view name) const = 0;
  /// All objects, or those of one namespace.
  virtual listing list(std::string_view resource, std::string_view ns = {}) const = 0;
  /// The newest durable revision of the whole cluster.
  virtual uint64_t revision() const = 0;
};

} // namespace thespis::api
