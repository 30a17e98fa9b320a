// Calls that are expanded while parsing.
#pragma once

#include "api/cel/ast.hpp"

namespace thespis::api::cel {

/// What a call stands for: itself, or the node its macro makes of it. Misuse is told in `found`.
expr* expand(expr* call, ast& out, issues& found);

} // namespace thespis::api::cel
