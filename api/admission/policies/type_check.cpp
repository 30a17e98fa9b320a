#include "api/admission/policies/type_check.hpp"

#include "api/admission/policies/expressions.hpp"
#include "api/cel/struct_types.hpp"
#include "api/validation/access.hpp"

#include <map>

namespace thespis::api::admission {

namespace {

constexpr size_t most_kinds = 10;

bool has_wildcard(const json::value& list) {
  if (!list.IsArray())
    return false;
  for (const auto& v : list.GetArray())
    if (json::as_string(v).find('*') != std::string_view::npos)
      return true;
  return false;
}

/// The kinds that a policy's rules name, by what messages call them.
std::map<std::string, schema::resource_ptr> named_kinds(const json::value& policy,
                                                        const schema::registry& schemas) {
  std::map<std::string, schema::resource_ptr> out;
  const auto& rules = member(member(member(policy, "spec"), "matchConstraints"), "resourceRules");
  if (!rules.IsArray())
    return out;
  for (const auto& r : rules.GetArray()) {
    const auto &groups = member(r, "apiGroups"), &versions = member(r, "apiVersions"),
               &plurals = member(r, "resources");
    if (!groups.IsArray() || !versions.IsArray() || !plurals.IsArray() || has_wildcard(groups) ||
        has_wildcard(versions) || has_wildcard(plurals))
      continue;
    for (const auto& g : groups.GetArray())
      for (const auto& v : versions.GetArray())
        for (const auto& p : plurals.GetArray()) {
          auto found =
              schemas.find_resource(json::as_string(g), json::as_string(v), json::as_string(p));
          if (found && out.size() < most_kinds)
            out.emplace(found->api_version() + ", Kind=" + found->kind, found);
        }
  }
  return out;
}

/// The expressions of a policy, checked against one kind.
class kind_check {
public:
  kind_check(const json::value& policy, const schema::resource& kind,
             const schema::registry& schemas)
      : spec_(member(policy, "spec")), compiler_(options_for(kind, schemas)) {
    if (const auto& list = member(spec_, "variables"); list.IsArray())
      for (const auto& v : list.GetArray())
        compiler_.add_variable(std::string{text(v, "name")}, std::string{text(v, "expression")});
  }

  /// What is wrong with an expression; empty: nothing.
  std::string problem(std::string_view expression) const {
    auto e = compiler_.compile(std::string{expression});
    constexpr std::string_view lead = "compilation failed: ";
    return e.problem.starts_with(lead) ? e.problem.substr(lead.size()) : e.problem;
  }

private:
  expression_compiler::options options_for(const schema::resource& kind,
                                           const schema::registry& schemas) {
    expression_compiler::options o;
    o.object = cel::struct_type(*kind.type, types_);
    const auto& params = member(spec_, "paramKind");
    o.params = params.IsObject();
    auto version = std::string{text(params, "apiVersion")};
    auto slash = version.find('/');
    auto group = slash == std::string::npos ? std::string{} : version.substr(0, slash);
    if (slash != std::string::npos)
      version = version.substr(slash + 1);
    if (auto found = schemas.find_kind(group, version, text(params, "kind")))
      o.params_object = cel::struct_type(*found->type, types_);
    return o;
  }

  const json::value& spec_;
  cel::type_store types_;
  expression_compiler compiler_;
};

} // namespace

std::vector<type_warning> check_types(const json::value& policy, const schema::registry& schemas) {
  std::vector<type_warning> out;
  const auto& checks = member(member(policy, "spec"), "validations");
  if (!checks.IsArray())
    return out;
  std::map<std::string, std::string> found; // by field
  for (const auto& [name, kind] : named_kinds(policy, schemas)) {
    kind_check check{policy, *kind, schemas};
    for (rapidjson::SizeType n = 0; n < checks.Size(); ++n)
      for (const char* part : {"expression", "messageExpression"}) {
        auto expression = text(checks[n], part);
        auto why = expression.empty() ? std::string{} : check.problem(expression);
        if (why.empty())
          continue;
        auto& all = found["spec.validations[" + std::to_string(n) + "]." + part];
        all += name + ": " + why + "\n";
      }
  }
  for (rapidjson::SizeType n = 0; n < checks.Size(); ++n)
    for (const char* part : {"expression", "messageExpression"})
      if (auto it = found.find("spec.validations[" + std::to_string(n) + "]." + part);
          it != found.end())
        out.push_back({it->first, it->second});
  return out;
}

} // namespace thespis::api::admission
