// The most an expression can cost, estimated before it runs.
#pragma once

#include "api/cel/ast.hpp"

namespace thespis::api::cel {

/// By the declared sizes of what the expression reads (type::max_size), as cel-go's estimate with
/// Kubernetes' prices; UINT64_MAX when it is unbounded.
uint64_t estimate_cost(const expr& e);

} // namespace thespis::api::cel
