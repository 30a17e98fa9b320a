// Fills in the values that Kubernetes gives to fields a client leaves out.
#pragma once

#include "api/schema/schema.hpp"

namespace thespis::api::schema {

/// Sets every default of `type` and of what is inside that `obj` leaves out: constants of the
/// schema files, then the type's hook for defaults that depend on other fields. Idempotent.
/// `obj` must have passed `conform`.
void apply_defaults(const struct_type& type, json::value& obj, json::allocator& a);

} // namespace thespis::api::schema
