// The rules of metadata that every write follows.
#pragma once

#include "api/pipeline/operation.hpp"

namespace thespis::api {

/// Puts the request's namespace into the object, or refuses an object of another namespace.
result<void> settle_namespace(const operation& op, json::document& doc);

/// Takes away what only the server writes, and gives a new object its uid, creation time,
/// generation and, from generateName, its name.
void begin_metadata(const operation& op, json::document& doc);

/// Carries over from `before` what an update cannot change.
void carry_metadata(const operation& op, json::document& after, const json::value& before);

/// Grows the generation when the part it counts differs.
void bump_generation(const operation& op, json::document& after, const json::value& before);

/// Marks the object as being deleted since now. Returns false when it already was.
bool mark_deleting(const operation& op, json::document& doc);

// Finalizers.
bool has_finalizers(const json::value& doc);
bool has_finalizer(const json::value& doc, std::string_view name);
void add_finalizer(json::document& doc, std::string_view name);
void drop_finalizer(json::document& doc, std::string_view name);

/// Whether a top-level member is what a client asks for, neither metadata nor status.
bool is_content(std::string_view member);

/// Whether nothing that the call may write differs.
bool same_object(const operation& op, const json::value& after, const json::value& before);

/// The object's metadata; an empty object when it has none.
const json::value& metadata_of(const json::value& doc);
/// metadata.resourceVersion as the client wrote it; "0" counts as none.
std::string_view named_revision(const json::value& doc);

} // namespace thespis::api
