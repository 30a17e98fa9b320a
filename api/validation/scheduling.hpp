// PriorityClasses.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_priority_class(const json::value& c, findings& f);

} // namespace thespis::api
