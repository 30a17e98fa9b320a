// What admission expressions see: the request, its objects, and the variables of their policy.
#pragma once

#include "api/admission/plugin.hpp"
#include "api/cel/cel.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thespis::api::admission {

/// An expression of a policy: compiled, or why it is not.
struct expression {
  std::string name; ///< of a match condition, a variable, an audit annotation; else empty
  std::string text;
  std::optional<cel::program> program;
  std::string problem; ///< "compilation failed: ERROR: ..."; empty: none
};

/// Compiles the expressions of one policy, or of one webhook's match conditions.
class expression_compiler {
public:
  struct options {
    bool params = false;    ///< `params` may be used
    bool mutations = false; ///< Object{...} and JSONPatch{...} may be built
    /// Types of object and params, which outlive what is compiled; null: any.
    const cel::type* object = nullptr;
    const cel::type* params_object = nullptr;
  };

  explicit expression_compiler(options o);

  /// Adds `variables.name`, which later expressions may use.
  expression add_variable(std::string name, std::string text);
  expression compile(std::string text, std::string name = {}) const;

private:
  std::shared_ptr<cel::type_store> types_;
  std::vector<cel::variable> declared_;
  cel::type* variables_;
  bool mutations_;
};

/// What a user may do, as expressions ask it.
cel::authorization_answer ask_authorizer(const ports& p, const user_info& user,
                                         const cel::authorization_request& asked);

/// One request's values for expressions, made when they are first needed. Lives as long as the
/// request; not thread-safe.
class expression_inputs {
public:
  expression_inputs(const ports& p, const request& r);
  ~expression_inputs();
  expression_inputs(const expression_inputs&) = delete;

  /// One run of the expressions of a policy: they share the values of variables.
  class run {
  public:
    /// `params` may be null. `total` is the budget of all expressions.
    run(expression_inputs& in, const std::vector<expression>* variables, const object* params,
        uint64_t total);
    ~run();
    run(const run&) = delete;

    struct outcome {
      cel::value value;       ///< an error value when `failure` is set
      std::string failure;    ///< "no such key: x", "compilation failed: ..."; empty: none
      bool exhausted = false; ///< the budget is spent: nothing further may run
    };
    outcome evaluate(const expression& e);
    cel::evaluation& evaluation() { return run_; }

  private:
    class variables_object;

    cel::evaluation run_;
    json::document params_;
    std::unique_ptr<variables_object> variables_;
    std::array<cel::value, 7> given_;
    uint64_t left_;
  };

private:
  struct documents;
  std::unique_ptr<documents> documents_;
};

/// Kubernetes' budgets of one policy's expressions, and of match conditions.
inline constexpr uint64_t policy_budget = 10'000'000, condition_budget = 2'500'000;

/// Whether all conditions hold. One that is false decides; else an error is the first failure.
result<bool> conditions_hold(const std::vector<expression>& conditions,
                             expression_inputs::run& run);

/// What ports::condition is made of: compiles expressions once, and tells whether one holds.
std::function<result<bool>(const std::string&, request&)> condition_evaluator(ports p);

} // namespace thespis::api::admission
