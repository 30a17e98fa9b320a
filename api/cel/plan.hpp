// Checked expressions as trees of operations that run.
#pragma once

#include "api/cel/ast.hpp"
#include "api/cel/functions.hpp"

#include <memory>
#include <span>

namespace thespis::api::cel {

/// What operations run on.
struct frame {
  evaluation& run;
  std::span<const value> variables;
  value* locals;
};

class operation {
public:
  virtual ~operation() = default;
  virtual value eval(frame& f) const = 0;
};

/// Owns operations; they refer to one another and to the tree they were planned from.
using operations = std::vector<std::unique_ptr<operation>>;

/// The operation of a checked expression.
const operation* plan(const expr& e, operations& out);
/// That of a comprehension or cel.bind.
const operation* plan_fold(const expr& e, operations& out);

/// `value` when it is of that kind; else its error, or "no such overload".
inline value expect(kind k, const value& v, evaluation& run) {
  return v.form == k || v.is_error() ? v : run.no_overload();
}

} // namespace thespis::api::cel
