// ValidatingAdmissionPolicy: the plug-in that judges requests by policies in CEL.

#include "api/admission/policies/check_policy.hpp"
#include "api/admission/policies/policies.hpp"
#include "api/admission/policies/policy.hpp"

#include <map>

#include <spdlog/spdlog.h>

namespace thespis::api::admission {

namespace {

std::string trimmed(std::string_view s) {
  constexpr std::string_view space = " \t\r\n\v\f";
  auto from = s.find_first_not_of(space);
  return from == std::string_view::npos
             ? std::string{}
             : std::string{s.substr(from, s.find_last_not_of(space) - from + 1)};
}

/// A rule that does not hold, or could not be judged.
struct finding {
  std::string message;
  std::string reason;
};

struct code_of_reason {
  std::string_view name;
  reason why;
};

constexpr code_of_reason reasons[] = {
    {"Forbidden", reason::forbidden},
    {"Unauthorized", reason::unauthorized},
    {"RequestEntityTooLarge", reason::request_entity_too_large},
};

class validating_policies_plugin final : public plugin {
public:
  explicit validating_policies_plugin(const ports& p)
      : ports_(p), source_("validatingadmissionpolicies.admissionregistration.k8s.io",
                           "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
        equivalents_(p.schemas) {}

  std::string_view name() const override { return "ValidatingAdmissionPolicy"; }

  result<void> validate(request& r) override {
    if (is_policy_resource(r))
      return check_policy(r);
    auto policies = source_.get(r.state);
    if (!policies)
      return {};
    std::map<resource_type_ptr, sight> sights;
    result<void> verdict;
    for (const auto& p : *policies)
      for (const auto& b : p.bindings) {
        auto match = p.what.match.match(r, equivalents_);
        if (!match.holds || !b.match.match(r, equivalents_).holds)
          continue;
        auto& seen = sights[match.as];
        if (auto ok = look(r, match.as, seen); !ok)
          return ok;
        for (const auto& f : judge(p.what, b, r, *seen.in))
          act(p.what, b, f, r, verdict);
      }
    return verdict;
  }

private:
  /// What expressions see of the request in one version, made when the first asks.
  struct sight {
    std::unique_ptr<translation> made; ///< null for the version of the request
    std::optional<expression_inputs> in;
  };

  result<void> look(const request& r, const resource_type_ptr& as, sight& into) const {
    if (into.in)
      return {};
    if (as) {
      auto made = translation::make(r, as);
      if (!made)
        return fail(internal_error(made.error().message));
      into.made = std::move(*made);
    }
    into.in.emplace(ports_, into.made ? into.made->shown() : r);
    return {};
  }

  std::vector<finding> judge(const policy& p, const policy_binding& b, const request& r,
                             expression_inputs& in) const {
    std::vector<finding> out;
    auto params = find_params(p, b, r, schemas());
    if (!params) {
      add_failure(p, "failed to configure binding: " + params.error().message, out);
      return out;
    }
    for (const auto& object : *params)
      judge_one(p, in, object.get(), out);
    return out;
  }

  static void add_failure(const policy& p, std::string message, std::vector<finding>& out) {
    if (p.fail_open)
      spdlog::debug("policy {}: {}", p.name, message);
    else
      out.push_back({std::move(message), {}});
  }

  static void judge_one(const policy& p, expression_inputs& in, const object* params,
                        std::vector<finding>& out) {
    {
      expression_inputs::run run{in, &p.variables, params, condition_budget};
      auto wanted = conditions_hold(p.conditions, run);
      if (!wanted)
        return add_failure(p, wanted.error().message, out);
      if (!*wanted)
        return;
    }
    expression_inputs::run run{in, &p.variables, params, policy_budget};
    for (const auto& c : p.checks) {
      auto got = run.evaluate(c.condition);
      if (got.exhausted)
        return add_failure(p, got.failure, out);
      if (got.failure.empty() && !got.value.is(cel::kind::boolean))
        got.failure = "cel expression must evaluate to a bool";
      if (!got.failure.empty())
        add_failure(p, "expression '" + c.condition.text + "' resulted in error: " + got.failure,
                    out);
      else if (!got.value.is_true())
        out.push_back({message_of(c, run), c.reason});
    }
    for (const auto& a : p.audits) {
      auto got = run.evaluate(a);
      if (got.exhausted)
        return add_failure(p, got.failure, out);
      if (got.failure.empty() && !got.value.is(cel::kind::string) &&
          !got.value.is(cel::kind::null_))
        got.failure = "valueExpression must evaluate to a string or null";
      if (!got.failure.empty())
        add_failure(p, "expression '" + a.text + "' resulted in error: " + got.failure, out);
      else if (got.value.is(cel::kind::string) && !got.value.str().empty())
        spdlog::info("audit annotation {}/{}: {}", p.name, a.name, got.value.str());
    }
  }

  static std::string message_of(const policy_check& c, expression_inputs::run& run) {
    if (c.message_expression)
      if (auto text = shown_message(run.evaluate(*c.message_expression).value))
        return *text;
    if (auto text = trimmed(c.message); !text.empty())
      return text;
    return "failed expression: " + trimmed(c.condition.text);
  }

  static void act(const policy& p, const policy_binding& b, const finding& f, request& r,
                  result<void>& verdict) {
    auto where = "ValidatingAdmissionPolicy '" + p.name + "' with binding '" + b.name + "'";
    if (b.warn)
      r.warnings.push_back("Validation failed for " + where + ": " + f.message);
    if (b.audit)
      spdlog::info("audit: validation failed for {}: {}", where, f.message);
    if (!b.deny || !verdict)
      return;
    auto message = where + " denied request: " + f.message;
    auto e = refuse(r, message);
    e.why = reason::invalid;
    for (const auto& known : reasons)
      if (known.name == f.reason)
        e.why = known.why;
    e.causes.push_back({"", message, ""});
    verdict = fail(std::move(e));
  }

  const schema::registry& schemas() const {
    return ports_.schemas ? *ports_.schemas : schema::registry::builtin();
  }

  ports ports_;
  policy_source source_;
  equivalents equivalents_;
};

} // namespace

plugin_ptr validating_policies(const ports& p) {
  return std::make_shared<validating_policies_plugin>(p);
}

} // namespace thespis::api::admission
