#include "api/admission/policies/check_policy.hpp"

#include "api/admission/policies/policy.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

using cel::kind;

class checker {
public:
  explicit checker(const json::value& doc) : doc_(doc), spec_(member(doc, "spec")) {}

  void policy_of(bool mutating) {
    auto p = read_policy(doc_);
    variables(p);
    conditions(p.conditions, "spec.matchConditions");
    if (mutating)
      return mutations(p);
    for (size_t n = 0; n < p.checks.size(); ++n)
      check(p.checks[n], member(spec_, "validations")[static_cast<rapidjson::SizeType>(n)],
            "spec.validations[" + std::to_string(n) + "]");
    for (size_t n = 0; n < p.audits.size(); ++n)
      expect(p.audits[n], "spec.auditAnnotations[" + std::to_string(n) + "].valueExpression",
             {kind::string, kind::null_}, "must evaluate to one of [string null_type]");
  }

  void webhooks() {
    const auto& list = member(doc_, "webhooks");
    if (!list.IsArray())
      return;
    expression_compiler compiler{{}};
    for (rapidjson::SizeType n = 0; n < list.Size(); ++n) {
      std::vector<expression> all;
      if (const auto& found = member(list[n], "matchConditions"); found.IsArray())
        for (const auto& c : found.GetArray())
          all.push_back(compiler.compile(std::string{text(c, "expression")}));
      conditions(all, "webhooks[" + std::to_string(n) + "].matchConditions");
    }
  }

  std::vector<cause> causes;

private:
  void expect(const expression& e, const std::string& path, std::initializer_list<kind> forms,
              const char* otherwise) {
    if (!e.program) {
      causes.push_back(invalid_value(path, quote_go(e.text), e.problem));
      return;
    }
    auto form = e.program->result_type().form;
    if (form != kind::dyn && std::find(forms.begin(), forms.end(), form) == forms.end())
      causes.push_back(invalid_value(path, quote_go(e.text), otherwise));
  }

  void variables(const policy& p) {
    for (size_t n = 0; n < p.variables.size(); ++n)
      if (const auto& v = p.variables[n]; !v.program)
        causes.push_back(invalid_value("spec.variables[" + std::to_string(n) + "].expression",
                                       quote_go(v.text), v.problem));
  }

  void conditions(const std::vector<expression>& all, const std::string& path) {
    for (size_t n = 0; n < all.size(); ++n)
      expect(all[n], path + "[" + std::to_string(n) + "].expression", {kind::boolean},
             "must evaluate to bool");
  }

  void check(const policy_check& c, const json::value& v, const std::string& path) {
    expect(c.condition, path + ".expression", {kind::boolean}, "must evaluate to bool");
    auto lines = [](std::string_view s) { return s.find_first_of("\n\r") != s.npos; };
    if (has(v, "message") && c.message.find_first_not_of(" \t\r\n") == std::string::npos) {
      if (!c.message.empty())
        causes.push_back(invalid_value(path + ".message", quote_go(c.message),
                                       "message must be non-empty if specified"));
    } else if (lines(c.message)) {
      causes.push_back(invalid_value(path + ".message", quote_go(c.message),
                                     "message must not contain line breaks"));
    }
    if (c.message.empty() && lines(c.condition.text))
      causes.push_back(required(path + ".message",
                                "message must be specified if expression contains line breaks"));
    if (c.message_expression)
      expect(*c.message_expression, path + ".messageExpression", {kind::string},
             "must evaluate to string");
  }

  void mutations(const policy& p) {
    for (size_t n = 0; n < p.mutations.size(); ++n) {
      const auto& m = p.mutations[n];
      auto path = "spec.mutations[" + std::to_string(n) + "]." +
                  (m.apply ? "applyConfiguration" : "jsonPatch") + ".expression";
      if (m.make.text.empty())
        causes.push_back(required(path, "expression is not specified"));
      else if (m.apply)
        expect(m.make, path, {kind::object, kind::map}, "must evaluate to Object");
      else
        expect(m.make, path, {kind::list}, "must evaluate to list(JSONPatch)");
    }
  }

  const json::value& doc_;
  const json::value& spec_;
};

} // namespace

result<void> check_policy(const request& r) {
  if (r.object == nullptr || !r.call.subresource.empty())
    return {};
  checker c{*r.object};
  const auto& kind = r.type.kind;
  if (kind == "ValidatingAdmissionPolicy" || kind == "MutatingAdmissionPolicy")
    c.policy_of(kind[0] == 'M');
  else
    c.webhooks();
  if (c.causes.empty())
    return {};
  return fail(invalid(r.type.group_kind, r.name, std::move(c.causes)));
}

} // namespace thespis::api::admission
