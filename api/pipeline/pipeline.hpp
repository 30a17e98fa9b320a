// The way of every write: decode, convert, default, prune, validate, admit, and make the draft
// that the store commits. Pure: it reads snapshots and returns what is to be written.
#pragma once

#include "api/cel/authorizer.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace thespis::api::outbound {
class client;
} // namespace thespis::api::outbound

namespace thespis::api::admission {
class plugin;
} // namespace thespis::api::admission

namespace thespis::api::auth {
class policy;
class service_account_tokens;
} // namespace thespis::api::auth

namespace thespis::api {

enum class write_kind : uint8_t { create, update, remove };

/// One intended change of one object.
struct write {
  write_kind kind = write_kind::create;
  /// The new object. For `remove` its last state (what the DELETED event shows).
  api::draft draft;
  /// The revision the change was computed on; the store refuses it with a conflict when the
  /// object has moved on. 0 writes whatever the object's revision is.
  uint64_t expected_revision = 0;
};

/// A call that needs a write to come true.
struct prepared_write {
  api::write write;
  /// The client named no revision: on a conflict prepare the call again on the newer object.
  bool retry_on_conflict = false;
  /// On an already_exists with generateName: prepare again for another name.
  bool retry_on_exists = false;
  /// What to answer when the write is done; `object` is filled with the sealed one.
  reply answer;
  /// What the write was only a condition of: prepared and written next. It answers, in the form
  /// of `answer`.
  std::shared_ptr<const call> then = {};
  /// What admission has reserved for this write; to be dropped once it is settled either way, and
  /// before it is prepared again.
  std::vector<std::shared_ptr<const void>> holds;
  /// The object in the client's version, when it is stored in another: sealed in its place.
  std::optional<draft> shown = {};
};

/// Either an answer that needs no write (a failure, a dry run, no change at all), or a write.
using prepared = std::variant<reply, prepared_write>;

/// What the pipeline needs from its surroundings.
struct pipeline_deps {
  std::shared_ptr<const reader> state;
  /// Null: the built-in kinds.
  std::shared_ptr<const schema::registry> schemas = nullptr;
  std::function<std::chrono::sys_time<std::chrono::nanoseconds>()> now;
  std::function<std::string()> new_uid;
  std::function<std::string(size_t)> random_suffix; ///< for generateName
  /// Allocates what a Service needs and must be unique in the cluster.
  /// One range of addresses, or one of each family, the primary first.
  std::vector<std::string> service_cidrs = {"10.43.0.0/16"};
  int node_port_min = 30000;
  int node_port_max = 32767;
  /// Whether a user may do something (verb, group, resource, name), for plug-ins that ask; empty:
  /// everybody may do everything.
  std::function<bool(const user_info&, std::string_view, std::string_view, std::string_view,
                     std::string_view)>
      allowed;
  /// Pods are given their service account's token as a volume; for nodes that can make such ones.
  bool mount_tokens = false;
  /// For how long pods that say nothing stay on a node that is not ready, or not reachable.
  std::chrono::seconds not_ready_toleration{300};
  std::chrono::seconds unreachable_toleration{300};
  /// Answers what expressions ask their `authorizer`; empty: `allowed` is asked.
  std::function<cel::authorization_answer(const user_info&, const cel::authorization_request&)>
      authorize;
  /// Asks webhooks; null: none can be asked.
  std::shared_ptr<outbound::client> outbound;
  /// Admission plug-ins beyond the built-in ones; they come last.
  std::vector<std::shared_ptr<admission::plugin>> more_plugins;
  /// Whether writers of roles and bindings hold what they grant; null: nobody asks.
  std::shared_ptr<const auth::policy> access = nullptr;
  /// Issues what serviceaccounts/token asks for; null: there is no such subresource.
  std::shared_ptr<const auth::service_account_tokens> tokens = nullptr;
};

/// Thread-safe: any thread may prepare calls at any time.
class pipeline {
public:
  explicit pipeline(pipeline_deps deps);
  ~pipeline();

  /// Computes what the call comes to on the present state.
  prepared prepare(const call& c) const;

  /// Whether preparing this call may wait for another process: such calls belong on a thread that
  /// may block.
  bool may_call_out(const call& c) const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::api
