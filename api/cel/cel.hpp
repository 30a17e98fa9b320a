// The Common Expression Language as Kubernetes 1.34 speaks it: expressions are compiled against
// declared variables and then run over JSON, in place and within a budget.
//
//   type_store types;
//   environment env{{{"self", schema_type}}};
//   auto program = env.compile("self.replicas > 0");
//   evaluation run;                        // the budget of one call
//   value self = run.from_json(document, schema_type);
//   value answer = program->evaluate({&self, 1}, run);
#pragma once

#include "api/cel/authorizer.hpp"
#include "api/cel/checker.hpp"
#include "api/cel/value.hpp"
#include "api/result.hpp"

#include <memory>
#include <span>

namespace thespis::api::cel {

struct compiled;

/// A compiled expression: immutable, thread-safe, cheap to copy.
class program {
public:
  explicit program(std::shared_ptr<const compiled> c) : compiled_(std::move(c)) {}

  /// Runs it. `variables` are values of the environment's variables in their order; one of kind
  /// dyn is not set. The result is an error value when evaluation fails; it lives as long as `run`
  /// and what the variables refer to. Running out of `run`'s budget is the error
  /// "operation cancelled: actual cost limit exceeded".
  value evaluate(std::span<const value> variables, evaluation& run) const;

  const type& result_type() const;
  /// Whether the expression mentions that variable.
  bool uses(std::string_view variable) const;
  /// The most it can cost, by the declared sizes of its variables; UINT64_MAX when unbounded.
  uint64_t max_cost() const;

private:
  std::shared_ptr<const compiled> compiled_;
};

/// A variable that is not set.
value unset();

/// The value of an `authorizer` variable. The port outlives the evaluation; so does `current`, what
/// authorizer.requestResource asks about, null where there is no request.
value make_authorizer(const authorizer& port, evaluation& run,
                      const authorization_request* current = nullptr);

/// What expressions may use. Thread-safe.
class environment {
public:
  struct options {
    bool mutations = false; ///< Object{...} and JSONPatch{...} may be built
    /// Keeps the variables' types alive; may be null when they outlive all programs.
    std::shared_ptr<const void> types;
    size_t variable_count = 0; ///< filled by the environment
  };

  explicit environment(std::vector<variable> variables);
  environment(std::vector<variable> variables, options o);

  const std::vector<variable>& variables() const { return variables_; }

  /// Errors: bad_request whose message is what `describe` tells, "ERROR: <input>:1:6: ...".
  result<program> compile(std::string_view text) const;

private:
  std::vector<variable> variables_;
  options options_;
};

} // namespace thespis::api::cel
