// metadata.managedFields through every write: who owns which field, as server-side apply needs it.
// Internal to api/pipeline.
#pragma once

#include "api/apply/field_manager.hpp"
#include "api/pipeline/operation.hpp"

namespace thespis::api {

/// The one rule about whose writes begin a record. Calls from outside (they name a field manager;
/// the REST server sees to it) are tracked from an object's creation on, as in Kubernetes. Calls of
/// our own actors name none: they begin no record, so that the many objects only they write stay
/// small and their writes fast; on objects that have one they are recorded like everybody's, so
/// that a later apply meets the right conflicts.
bool begins_record(const call& c);

/// The name under which the call's fields are recorded.
std::string manager_of(const call& c);

/// The object's versions, as field ownership sees them. Lives as long as `type`.
class served_versions : public apply::versions {
public:
  explicit served_versions(const resource_type& type) : type_(type) {}
  version find(std::string_view api_version) const override;
  result<json::document> convert(const json::value& v, std::string_view api_version) const override;

private:
  const resource_type& type_;
};

/// The write that the call means to field ownership. Refers to `kinds`.
apply::field_write field_write_of(const operation& op, const served_versions& kinds);

/// Works out op.owners for an object about to be created, or for the change from `before` to
/// `after`, unless they are known already; takes what the client sent out of the document.
/// Errors: invalid, of entries that the client sent.
result<void> track_create(operation& op, json::document& doc);
result<void> track_update(operation& op, json::document& after, const json::value& before);

/// Makes op.owners the document's managedFields.
void write_owners(const operation& op, json::document& doc);

/// Whether the update changed nothing but times in managedFields; if so they are put back.
bool same_but_recorded_times(const operation& op, json::document& after, const json::value& before);

/// Keeps the managers for track_create and track_update.
void set_owners(operation& op, const apply::managers& all);

/// managedFields of an object; nullptr when it has none.
const json::value* managed_fields_of(const json::value& doc);

/// An apply patch on the resource itself or its status.
result<prepared> prepare_apply(operation& op);

/// The body of an apply patch. Errors: bad_request.
result<json::document> applied_config(const operation& op, const std::string& kind,
                                      const std::string& api_version);

} // namespace thespis::api
