// One request to the API in neutral form: what the REST server decodes from HTTP and what our own
// actors send. No actor and no socket here.
#pragma once

#include "api/object/object.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace thespis::api {

enum class verb : uint8_t { create, update, patch, remove };

enum class patch_kind : uint8_t { none, json_patch, json_merge, strategic_merge, apply };

enum class validation_level : uint8_t { ignore, warn, strict };

/// metav1.DeletionPropagation.
enum class propagation : uint8_t { unset, background, foreground, orphan };

/// Who asks. Empty groups may do nothing.
struct user_info {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  /// What else authentication knows, by key.
  std::map<std::string, std::vector<std::string>> extra = {};
};

/// A write request. Reads need no call: they go to the snapshots.
struct call {
  api::verb verb = verb::create;
  std::string resource; ///< "pods", "deployments.apps"
  /// The version of `resource` that the client speaks ("v1"); empty: the one that is stored.
  std::string version = {};
  std::string ns;
  std::string name;        ///< empty for create (the body or generateName names the object)
  std::string subresource; ///< "", "status", "scale", "binding", "eviction"
  std::string body;        ///< JSON; of a delete: DeleteOptions or empty
  patch_kind patch = patch_kind::none;
  std::string field_manager;
  bool force = false; ///< of an apply patch
  bool dry_run = false;
  validation_level validation = validation_level::ignore;
  /// Deletion: seconds of grace, -1 for the object's own default.
  int64_t grace_seconds = -1;
  propagation policy = propagation::unset;
  /// The object that is meant: another of its name is a conflict. Empty where any will do.
  /// (Clients' updates carry theirs in the body's metadata.)
  std::string precondition_uid;
  uint64_t precondition_revision = 0; ///< of a deletion
  user_info user;
};

/// What a call came to.
struct reply {
  bool ok = false;
  error failure;
  object_ptr object;    ///< the object written (deletion: its last state)
  bool created = false; ///< answer 201 instead of 200
  bool removed = false; ///< the object is gone: answer a Status of success
  /// A ready answer that is no stored object (a Scale, a Binding's Status); empty otherwise.
  std::string body;
  std::vector<std::string> warnings;
};

} // namespace thespis::api
