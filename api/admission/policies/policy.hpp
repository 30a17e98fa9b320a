// Admission policies and their bindings, compiled once a revision, shared by all threads.
#pragma once

#include "api/admission/equivalents.hpp"
#include "api/admission/policies/expressions.hpp"
#include "api/admission/webhook_config.hpp"

#include <mutex>

namespace thespis::api::admission {

/// What requests a policy or a binding is about.
struct match_resources {
  struct rule {
    webhook_rule what;
    std::vector<std::string> names; ///< of single objects; empty: all
    bool matches(const request& r, const resource_type& as) const;
  };
  std::vector<rule> rules, excluded;
  label_selector namespaces, objects;
  bool equivalent = true;
  bool any_resource = false; ///< no rules select everything (of bindings)

  /// Whether they are about the request, and as what it is to be seen.
  rule_match match(const request& r, const equivalents& others) const;

private:
  bool selects(const request& r) const;
};

/// One rule of a validating policy.
struct policy_check {
  expression condition;
  std::optional<expression> message_expression;
  std::string message, reason;
};

/// One change of a mutating policy.
struct policy_mutation {
  expression make;
  bool apply = false; ///< an ApplyConfiguration; else a JSON patch
};

/// A policy of either kind.
struct policy {
  std::string name;
  bool fail_open = false;                    ///< failurePolicy Ignore
  bool reinvoke = false;                     ///< reinvocationPolicy IfNeeded
  std::string param_api_version, param_kind; ///< empty: no parameters
  match_resources match;
  std::vector<expression> variables, conditions, audits;
  std::vector<policy_check> checks;
  std::vector<policy_mutation> mutations;
};

struct policy_binding {
  std::string name, policy;
  match_resources match;
  bool has_param_ref = false;
  std::string param_name, param_ns;
  std::optional<label_selector> param_selector;
  bool deny_without_params = true; ///< parameterNotFoundAction is not Allow
  bool deny = false, warn = false, audit = false;
};

/// A policy with what puts it to work.
struct bound_policy {
  policy what;
  std::vector<policy_binding> bindings;
};

using policy_list = std::shared_ptr<const std::vector<bound_policy>>;

/// The bound policies of one kind, ordered by name. Thread-safe.
class policy_source {
public:
  policy_source(std::string policies, std::string bindings)
      : policies_(std::move(policies)), bindings_(std::move(bindings)) {}

  /// null when there are none: asking costs a look at the state.
  policy_list get(const reader& state) const;

private:
  std::string policies_, bindings_;
  mutable std::mutex mutex_;
  mutable std::vector<object_ptr> known_, known_bindings_;
  mutable policy_list list_;
};

policy read_policy(const json::value& doc);
policy_binding read_binding(const json::value& doc);

/// The objects with a binding's parameters: one null where there are none to be had, nothing where
/// the binding does not mind that they are missing. Errors: bad_request, why there are none.
result<std::vector<object_ptr>> find_params(const policy& p, const policy_binding& b,
                                            const request& r, const schema::registry& schemas);

/// Kinds that could lock everybody out if policies judged them.
bool is_policy_resource(const request& r);

/// The value of a message expression that may be shown: one line, not too long.
std::optional<std::string> shown_message(const cel::value& v);

} // namespace thespis::api::admission
