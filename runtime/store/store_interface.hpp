// What the store says: the only writer of cluster state. Semantics are etcd's: one growing
// revision, compare-and-set, and nothing is acknowledged or visible before it is durable.
#pragma once

#include "api/pipeline/pipeline.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/object_messages.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::api {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write& x) {
  return f(x.kind, x.draft, x.expected_revision);
}

} // namespace thespis::api

namespace thespis::runtime {

/// What became of one write: the sealed object, or why it was refused.
struct write_outcome {
  api::object_ref object;
  bool ok = false;
  api::error failure;
};

/// Changes that share one commit. They are independent: each succeeds or fails by itself.
struct write_batch {
  std::vector<api::write> writes;
};

/// Outcomes in the order of the writes.
struct write_outcomes {
  std::vector<write_outcome> outcomes;
};

/// INTERNAL: the batch is durable.
struct batch_committed {
  uint64_t revision = 0;
};

// clang-format off
using store_handle = caf::typed_actor<
  /// Applies the writes, makes them durable with others in one synced commit, then replies.
  caf::replies_to<write_batch>::with<write_outcomes>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_outcome& x) {
  return f(x.object, x.ok, x.failure);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_batch& x) {
  return f(x.writes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_outcomes& x) {
  return f(x.outcomes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, batch_committed& x) {
  return f(x.revision);
}

} // namespace thespis::runtime
