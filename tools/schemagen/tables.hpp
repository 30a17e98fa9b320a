// The schema engine's table: every type, field, rule, column and resource as plain data.
#pragma once

#include "tools/schemagen/model.hpp"

#include <string>

namespace thespis::schemagen {

/// schema_table.cpp: definitions of what api/schema/schema_table.hpp declares.
std::string table_source(const model& m);

} // namespace thespis::schemagen
