// What the store knows: the durable snapshots, and on top of them the writes that are accepted
// but not yet durable.
#pragma once

#include "api/pipeline/pipeline.hpp"
#include "api/pipeline/watch.hpp"
#include "runtime/store/engine.hpp"
#include "runtime/store/snapshot.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::runtime {

/// A write that got its revision and waits to be durable.
struct accepted_write {
  api::event_kind kind = api::event_kind::added;
  api::object_ptr object;   ///< for `deleted` the last state at the deletion's revision
  api::object_ptr previous; ///< what it replaces; null for `added`
};

/// Not thread-safe; owned by the store actor.
class store_state {
public:
  /// Reads all objects of the engine into `shared`.
  store_state(engine& source, std::shared_ptr<snapshots> shared);

  /// Checks the write against the newest state, durable or not, and gives it the next revision.
  /// Errors: already_exists, not_found, conflict.
  api::result<accepted_write> accept(api::write w);

  /// The accepted writes since the last call, in the order of their revisions.
  std::vector<accepted_write> take_batch() { return std::exchange(batch_, {}); }
  bool has_batch() const { return !batch_.empty(); }

  /// The writes became durable: shows them to readers.
  void publish(const std::vector<accepted_write>& batch);

  /// The revision of the newest accepted write.
  uint64_t revision() const { return revision_; }

private:
  api::object_ptr newest(const api::object_meta& meta, const std::string& key) const;

  std::shared_ptr<snapshots> shared_;
  uint64_t revision_ = 1;
  std::vector<accepted_write> batch_;
  /// Newest accepted, not yet durable state by key; a `deleted` entry hides the durable one.
  std::unordered_map<std::string, accepted_write> pending_;
};

} // namespace thespis::runtime
