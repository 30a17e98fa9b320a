// What stands between a well-formed request and the store: plug-ins that fill in, and plug-ins
// that refuse. Plain objects, called on whatever thread prepares the request.
#pragma once

#include "api/cel/authorizer.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"
#include "api/pipeline/resource_type.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::outbound {
class client;
} // namespace thespis::api::outbound

namespace thespis::api::admission {

/// admissionv1.Operation.
enum class action : uint8_t { create, update, remove, connect };

/// "CREATE", "UPDATE", "DELETE", "CONNECT"
std::string_view to_string(action a);

/// One request as plug-ins see it. Lives as long as the request is prepared.
struct request {
  admission::action action = action::create;
  const api::call& call;     ///< who asks, for what subresource, with what options
  const resource_type& type; ///< the resource of the URL
  /// Of `object`: the resource's own type, or that of the subresource (Binding, Scale).
  const schema::struct_type& object_type;
  std::string ns;
  std::string name;                        ///< empty when the server is to choose one
  json::document* object = nullptr;        ///< null on removal
  const json::value* old_object = nullptr; ///< null on creation
  const api::reader& state;
  std::string_view now; ///< RFC 3339
  bool dry_run = false;
  /// Set by whoever alters `object`.
  bool changed = false;
  /// Set by a webhook that altered it: all plug-ins look again, once, with `reinvoking` set.
  bool reinvoke = false;
  bool reinvoking = false;
  /// What the object was when a webhook had seen it.
  std::map<std::string, std::string> seen_by = {};
  std::vector<std::string>& warnings;
  /// Kept until the write is settled, whichever way; what they stand for ends with them.
  std::vector<std::shared_ptr<const void>>& holds;
  /// The request as it was made, where this one shows it as another version; else null.
  const request* original = nullptr;

  const request& as_made() const { return original ? *original : *this; }

  /// Whether it is about that resource itself ("pods") or that subresource of it.
  bool is(std::string_view resource, std::string_view subresource = {}) const {
    return type.resource == resource && call.subresource == subresource;
  }
  /// The name that messages show: that of generateName while there is none.
  std::string shown_name() const;
};

/// pods "x" is forbidden: detail
error refuse(const request& r, std::string_view detail);

/// Called from any thread, at the same time for several requests. Whatever it keeps it must guard.
class plugin {
public:
  virtual ~plugin() = default;
  /// As Kubernetes names it: "NamespaceLifecycle".
  virtual std::string_view name() const = 0;
  /// Fills in, before the object is validated. Errors are given to the client.
  virtual result<void> mutate(request&) { return {}; }
  /// Judges the finished object, which it must not alter. Errors are given to the client.
  virtual result<void> validate(request&) { return {}; }
  /// Whether this call may have to wait for another process. Must cost nothing.
  virtual bool may_call_out(const api::call&) const { return false; }
};

using plugin_ptr = std::shared_ptr<plugin>;

/// Whether this user may do that to that: verb, API group, resource, name.
using authorizer =
    std::function<bool(const user_info&, std::string_view verb, std::string_view group,
                       std::string_view resource, std::string_view name)>;

/// What plug-ins are given of their surroundings.
struct ports {
  std::shared_ptr<const reader> state;
  std::function<std::chrono::sys_time<std::chrono::nanoseconds>()> now;
  std::function<std::string()> new_uid;
  std::function<std::string(size_t)> random_suffix;
  bool mount_tokens = false; ///< pods are given their account's token as a volume
  /// For how long pods that say nothing stay on a node that is not ready, or not reachable.
  std::chrono::seconds not_ready_toleration{300};
  std::chrono::seconds unreachable_toleration{300};
  authorizer allowed; ///< empty: everybody may do everything
  /// Asks webhooks; null: none can be asked.
  std::shared_ptr<outbound::client> outbound;
  /// Whether a webhook's match condition (CEL) holds for a request. Empty: none can be told.
  std::function<result<bool>(const std::string& expression, request&)> condition;
  /// Answers what expressions ask their `authorizer`. Empty: `allowed` is asked.
  std::function<cel::authorization_answer(const user_info&, const cel::authorization_request&)>
      authorize;
  /// Where the kinds of policies' parameters are found; null: among the built-in ones.
  std::shared_ptr<const schema::registry> schemas;
};

/// The plug-ins in their order. Thread-safe.
class chain {
public:
  explicit chain(std::vector<plugin_ptr> plugins) : plugins_(std::move(plugins)) {}

  /// The first refusal ends it.
  result<void> mutate(request& r) const;
  result<void> validate(request& r) const;
  bool may_call_out(const api::call& c) const;

private:
  std::vector<plugin_ptr> plugins_;
};

} // namespace thespis::api::admission
