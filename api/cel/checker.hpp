// Types of expressions: which functions and fields an expression means, and what is wrong with it.
#pragma once

#include "api/cel/ast.hpp"
#include "api/cel/functions.hpp"

#include <map>

namespace thespis::api::cel {

/// A variable that expressions of an environment may use.
struct variable {
  std::string name;
  const type* of = nullptr;
};

/// What an expression is checked against.
struct check_scope {
  const std::vector<variable>& variables;
  bool mutations = false; ///< Object{...} and JSONPatch{...} may be built
};

/// Gives every node of a parsed expression its type, and resolves identifiers and calls. Types are
/// made in `types`, which must live as long as the tree is used. Returns the local variables'
/// count.
size_t check(ast& tree, const check_scope& scope, type_store& types, issues& found);

} // namespace thespis::api::cel
