// x-kubernetes-validations: the rules that a custom resource's schema states in CEL.
#pragma once

#include "api/error.hpp"
#include "api/json.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::cel {

struct rule_node;

/// The compiled rules of one schema. Immutable and thread-safe; the schema may go.
class rule_set {
public:
  explicit rule_set(std::shared_ptr<const rule_node> root) : root_(std::move(root)) {}

  /// Compiles all rules inside of a structural schema of a resource. What is wrong with them is
  /// told in `causes` at places under `path` ("spec.validation.openAPIV3Schema"), as creating the
  /// definition answers: complaints of the compiler, and estimated costs beyond Kubernetes' limits.
  /// nullptr when the schema has no rules.
  static std::shared_ptr<const rule_set> compile(const json::value& schema, const std::string& path,
                                                 std::vector<cause>& causes);

  /// Judges an object whose defaults are filled in and which fits its schema. `old` is what it
  /// replaces, null on creation: transition rules are judged where old values correlate. Failures
  /// of what did not change are told in `warnings`, if given, not in `causes`. The budget of one
  /// object is Kubernetes'.
  void validate(const json::value& doc, const json::value* old, std::vector<cause>& causes,
                std::vector<std::string>* warnings = nullptr) const;

private:
  std::shared_ptr<const rule_node> root_;
};

} // namespace thespis::api::cel
