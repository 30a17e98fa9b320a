// One write on its way through the pipeline, and the steps it takes. Internal to api/pipeline.
#pragma once

#include "api/admission/plugin.hpp"
#include "api/pipeline/pipeline.hpp"
#include "api/pipeline/resource_type.hpp"
#include "api/pipeline/strategies/strategy.hpp"

#include <optional>

namespace thespis::api {

class service_addresses;

/// What every step knows. Lives on the stack of `pipeline::prepare`.
struct operation {
  const call& request;
  const pipeline_deps& deps;
  const resource_type& type;
  const strategy& plan;
  service_addresses& addresses;
  const admission::chain& admission;
  std::string now; ///< RFC 3339, whole seconds, UTC
  std::vector<std::string> warnings = {};
  /// What plug-ins have reserved for this write.
  std::vector<std::shared_ptr<const void>> holds = {};
  /// The body has managedFields that are empty: the client wants the record begun anew.
  bool resets_owners = false;
  /// The managedFields this write leaves behind (ownership.hpp); nothing and null: none.
  std::optional<json::document> owners = {};

  object_ptr find(std::string_view resource, std::string_view ns, std::string_view name) const {
    return deps.state->get(resource, ns, name);
  }
};

/// Whether the call is about the object's status alone, as approving a signing request is.
inline bool is_status_call(const operation& op) {
  return op.request.subresource == "status" || op.request.subresource == "approval";
}

// The verbs. Errors are what the client is to be told.
result<prepared> prepare_create(operation& op);
result<prepared> prepare_update(operation& op);
result<prepared> prepare_patch(operation& op);
result<prepared> prepare_remove(operation& op);

// Their shared parts.

/// Parses a body that must be of that type, conforming to its schema; kind and apiVersion are
/// filled in when it leaves them out. `alias` is an older apiVersion of the same type.
/// Errors: bad_request.
result<json::document> decode_body(operation& op, std::string_view text,
                                   const schema::struct_type& type, std::string_view alias = {});

/// Makes a document canonical; unknown and duplicate fields are refused, warned of or dropped, as
/// the call asks. Errors: bad_request, with what is wrong alone.
result<void> conform_document(operation& op, json::document& doc, const schema::struct_type& type,
                              const std::vector<std::string>& duplicates = {});

/// A built-in type with kind and apiVersion, such as Scale.
const schema::struct_type& kind_type(std::string_view group, std::string_view version,
                                     std::string_view kind);

/// Everything that must hold of a finished document; `old` is null for a new one.
/// Errors: invalid.
result<void> validate_object(const operation& op, const json::document& doc,
                             const json::value* old);

/// Takes a decoded object through everything that creates it.
result<prepared> create_object(operation& op, json::document doc);

/// Takes the wanted state of an existing object through everything that updates it.
struct update_request {
  object_ptr current;
  json::document before; ///< `current`, parsed
  json::document after;  ///< what the client wants
  /// A PUT names the object it means by uid; a patch inherits the uid.
  bool uid_is_precondition = false;
  /// The plug-ins have judged it already, in the shape that the client sent.
  bool admitted = false;
};
result<prepared> update_object(operation& op, update_request r);

/// The write that makes `doc` the new state of `current`.
prepared_write replace(operation& op, const object& current, json::document& doc,
                       bool retry_on_conflict);
/// The write that removes `current`; `doc` is its last state.
prepared_write removal(operation& op, const object& current, json::document& doc,
                       bool retry_on_conflict);

/// Deletes one object as `options` ask; the same for DELETE and for an eviction.
struct delete_options {
  int64_t grace_seconds = -1; ///< -1: the object's own default
  propagation policy = propagation::unset;
  std::string uid;
  std::string revision;
  bool dry_run = false;
  bool evicted = false; ///< a pod by the eviction API: its last state says so
};
result<prepared> remove_object(operation& op, object_ptr current, delete_options options);
/// Reads a metav1.DeleteOptions over `into`. Errors: bad_request, invalid.
result<void> read_delete_options(const json::value& body, delete_options& into);
/// What a call asks of a deletion: its own fields, then its body.
result<delete_options> delete_options_of(operation& op);

/// The object of the call's name, in the version of the call; of a deletion as it is stored.
/// Errors: not_found, those of the conversion.
result<object_ptr> existing(const operation& op);

/// Turns the write of an object in the client's version into one of the version that is stored.
/// `doc` is the object. Errors: those of the conversion.
result<prepared> stored_form(const operation& op, prepared_write w, json::document& doc);

/// What subresources answer that create no object.
inline constexpr std::string_view created_status =
    R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201})";

// Subresources that are no plain update.
result<prepared> prepare_binding(operation& op);
result<prepared> prepare_eviction(operation& op);
result<prepared> prepare_scale(operation& op);
result<prepared> prepare_token_request(operation& op);

} // namespace thespis::api
