// What somebody who writes a controller implements. No CAF here: the framework runs it as an
// actor (controller_actor.hpp).
//
// A controller is level-based: it is given the key of an object that may need work and what the
// cluster looks like, and returns what is to be written so that observed becomes desired. It
// keeps nothing that it could not compute anew.
#pragma once

#include "actors/framework/view.hpp"
#include "api/pipeline/call.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

using wall_time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// The keys that a change of `object` gives work to. `previous` is what the view showed before,
/// null when it was new; the view already shows the change.
using key_mapper = std::function<std::vector<object_id>(
    const api::object& object, const api::object_ptr& previous, const view& observed)>;

/// A resource that a controller watches.
struct watch_spec {
  std::string resource; ///< "replicasets.apps"
  key_mapper keys;      ///< null: watched for look-ups only
  api::selection what = {};
};

/// The object itself is the key.
key_mapper self_key();
/// The controlling owner of that kind is the key.
key_mapper owner_key(std::string kind);

/// A core v1 Event to record about an object.
struct event_note {
  std::string type = "Normal"; ///< or "Warning"
  std::string reason;          ///< "ScalingReplicaSet"
  std::string message;
  api::object_ptr about;
  std::string kind; ///< the object's kind: "Deployment"
  std::string api_version;
  std::string field_path = {}; ///< "spec.containers{web}" where it is about a part
  /// Tells of that call of the result, and is recorded when it succeeded; without one when all
  /// did.
  std::optional<size_t> of_call = {};
};

/// What became of one call.
struct call_result {
  bool ok = false;
  api::error failure;
  api::object_ptr object; ///< the object written; null when the call failed
};

struct reconcile_result;

/// Goes on once the calls of a step are done: given their results in order, it returns the next
/// step. Runs on the same view as the step before.
using next_step = std::function<reconcile_result(const std::vector<call_result>&)>;

/// What a reconcile comes to.
struct reconcile_result {
  std::vector<api::call> calls;   ///< written as one batch; each succeeds or fails by itself
  std::vector<event_note> events; ///< recorded once the calls succeeded
  std::optional<std::chrono::nanoseconds> requeue_after = {}; ///< look again, change or not
  /// Where what is to be done depends on how the calls went. It is told of failed calls and
  /// judges them: only `retry` makes the key fail then.
  next_step then = {};
  bool retry = false; ///< the key failed: it is retried with back-off
};

/// One kind of controller. Called by one actor at a time.
class reconciler {
public:
  virtual ~reconciler() = default;
  /// "replicaset": the controller's name in logs, events and `ps`.
  virtual std::string_view name() const = 0;
  /// Each resource once. Asked again when kinds come and go (see refresh_watches).
  virtual std::vector<watch_spec> watches() const = 0;
  /// Work for one key. All watched resources are synced, and the view is never older than the
  /// calls that this key's last reconcile made. When a call fails (but for a conflict or a
  /// missing or existing object, which a newer view explains) the key is retried with back-off.
  virtual reconcile_result reconcile(const object_id& key, const view& observed, wall_time now) = 0;
};

// Calls, from generated structs. `T` is a top-level kind.

/// Serializes a generated struct: kind, apiVersion and all set fields.
template <class T>
std::string to_body(const T& x) {
  api::json::document doc;
  return api::json::to_string(api::v1::to_json(x, doc.GetAllocator()));
}

template <class T>
api::call create_call(const T& x) {
  api::call res;
  res.verb = api::verb::create;
  res.resource = T::resource_name;
  res.ns = x.metadata.namespace_;
  res.body = to_body(x);
  return res;
}

/// Replaces the object; fails with a conflict when it moved on since x.metadata.resource_version.
template <class T>
api::call update_call(const T& x, std::string subresource = {}) {
  api::call res = create_call(x);
  res.verb = api::verb::update;
  res.name = x.metadata.name;
  res.subresource = std::move(subresource);
  return res;
}

/// A JSON merge patch.
api::call patch_call(std::string resource, const object_id& id, std::string body,
                     std::string subresource = {});

/// Deletes exactly this object (its uid is a precondition). `grace_seconds` -1: its own default.
api::call delete_call(const api::object& o, int64_t grace_seconds = -1,
                      api::propagation policy = api::propagation::background);

} // namespace thespis::actors
