// What the request bridge says: every change of cluster state, from REST and from our own actors,
// goes through it: decoded, defaulted, validated and admitted, then written by the store.
#pragma once

#include "api/pipeline/call.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/object_messages.hpp"

#include <string>
#include <vector>

namespace thespis::api {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, user_info& x) {
  return f(x.name, x.uid, x.groups, x.extra);
}

/// How a trace shows it: without its body, which may be a secret's.
inline caf::detail::stringification_inspector::result_type
inspect(caf::detail::stringification_inspector& f, call& x) {
  auto object = x.resource + " " + object_key(x.ns, x.name);
  auto size = x.body.size();
  return f(x.verb, object, x.subresource, size, x.user.name);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call& x) {
  return f(x.verb, x.resource, x.version, x.ns, x.name, x.subresource, x.body, x.patch,
           x.field_manager, x.force, x.dry_run, x.validation, x.grace_seconds, x.policy,
           x.precondition_uid, x.precondition_revision, x.user);
}

} // namespace thespis::api

namespace thespis::runtime {

/// Calls that are prepared and committed together. Each succeeds or fails by itself.
struct call_batch {
  std::vector<api::call> calls;
};

/// What became of one call of a batch.
struct call_outcome {
  bool ok = false;
  api::error failure;
  api::object_ref object; ///< null when the answer is no object
};

/// Outcomes in the order of the calls.
struct call_outcomes {
  std::vector<call_outcome> outcomes;
};

// clang-format off
using requests_handle = caf::typed_actor<
  /// Runs the calls through the pipeline and the store. Conflicts of calls that name no revision
  /// are retried on the newer object.
  caf::replies_to<call_batch>::with<call_outcomes>>;
// clang-format on

/// The role of the request bridge in the directory.
inline constexpr std::string_view requests_role = "requests";

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call_batch& x) {
  return f(x.calls);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call_outcome& x) {
  return f(x.ok, x.failure, x.object);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, call_outcomes& x) {
  return f(x.outcomes);
}

} // namespace thespis::runtime
