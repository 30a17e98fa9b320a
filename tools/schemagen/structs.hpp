// C++ structs of the API types, with their JSON codec.
#pragma once

#include "tools/schemagen/model.hpp"

#include <string>

namespace thespis::schemagen {

/// <stem>.hpp: the structs of one schema file, parts before the wholes.
std::string struct_header(const model& m, const file& f);

/// <stem>.cpp: their from_json, to_json and operator==.
std::string struct_source(const model& m, const file& f);

} // namespace thespis::schemagen
