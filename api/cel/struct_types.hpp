// Types of CEL from the types of the schema engine.
#pragma once

#include "api/cel/type.hpp"
#include "api/schema/schema.hpp"

namespace thespis::api::cel {

/// The type of an object, with all fields that identifiers can stand for. `types` owns what is
/// made.
const type* struct_type(const schema::struct_type& t, type_store& types);

} // namespace thespis::api::cel
