#include "api/validation/extending.hpp"

#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"

#include <algorithm>
#include <unordered_set>

namespace thespis::api {

namespace {

constexpr size_t max_match_conditions = 64;

/// "a.b.c": a domain of three parts or more.
void check_full_name(std::string_view name, const path& at, findings& f) {
  if (name.empty())
    return f.required(at);
  const auto why = check_dns1123_subdomain(name);
  complain(f, at, name, why);
  if (why.empty() && std::count(name.begin(), name.end(), '.') < 2)
    f.invalid(at, name, "should be a domain with at least three segments separated by dots");
}

/// A list that names something, or everything by a star alone.
void check_star_list(const json::value& rule, std::string_view key, const path& at,
                     std::string_view what, findings& f) {
  const auto& list = member(rule, key);
  path p(at, key);
  if (!filled(list))
    return f.required(p);
  bool star = false;
  each(rule, key, at,
       [&](const json::value& v, const path&) { star = star || json::as_string(v) == "*"; });
  if (star && count(list) > 1)
    f.invalid(p, list, "if '*' is present, must not specify other " + std::string(what));
}

void check_resource_rule(const json::value& rule, const path& at, findings& f) {
  check_star_list(rule, "operations", at, "operations", f);
  each(rule, "operations", at, [&](const json::value& v, const path& p) {
    if (const auto op = json::as_string(v);
        op != "*" && op != "CREATE" && op != "UPDATE" && op != "DELETE" && op != "CONNECT")
      f.not_supported(p, op, {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
  });
  check_star_list(rule, "apiGroups", at, "API groups", f);
  check_star_list(rule, "apiVersions", at, "API versions", f);
  each(rule, "apiVersions", at, [&](const json::value& v, const path& p) {
    if (json::as_string(v).empty())
      f.required(p);
  });
  if (!filled(member(rule, "resources")))
    f.required(path(at, "resources"));
  each(rule, "resources", at, [&](const json::value& v, const path& p) {
    if (json::as_string(v).empty())
      f.required(p);
  });
}

void check_review_versions(const json::value& hook, const path& at, findings& f) {
  const auto& list = member(hook, "admissionReviewVersions");
  path p(at, "admissionReviewVersions");
  if (!filled(list))
    return f.required(p, "must specify one of v1, v1beta1");
  std::unordered_set<std::string_view> seen;
  each(hook, "admissionReviewVersions", at, [&](const json::value& v, const path& q) {
    if (!seen.insert(json::as_string(v)).second)
      f.invalid(q, json::as_string(v), "duplicate version");
    else
      complain(f, q, json::as_string(v), check_dns1035_label(json::as_string(v)));
  });
  if (!seen.contains("v1") && !seen.contains("v1beta1"))
    f.invalid(p, list, "must include at least one of v1, v1beta1");
}

void check_conditions(const json::value& hook, const path& at, findings& f) {
  path list(at, "matchConditions");
  if (const auto n = count(member(hook, "matchConditions")); n > max_match_conditions)
    f.too_many(list, n, max_match_conditions);
  std::unordered_set<std::string_view> names;
  each(hook, "matchConditions", at, [&](const json::value& c, const path& p) {
    const auto name = text(c, "name");
    if (text(c, "expression").find_first_not_of(" \t\r\n") == std::string_view::npos)
      f.required(path(p, "expression"));
    if (name.empty())
      f.required(path(p, "name"));
    else
      complain(f, path(p, "name"), name, check_qualified_name(name));
    if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
  });
}

void check_hook(const json::value& hook, const path& at, findings& f) {
  check_full_name(text(hook, "name"), path(at, "name"), f);
  each(hook, "rules", at,
       [&](const json::value& r, const path& p) { check_resource_rule(r, p, f); });
  path effects(at, "sideEffects");
  if (const auto s = text(hook, "sideEffects"); s.empty())
    f.required(effects, "must specify one of None, NoneOnDryRun");
  else if (s != "None" && s != "NoneOnDryRun")
    f.not_supported(effects, s, {"None", "NoneOnDryRun"});
  for (std::string_view key : {"namespaceSelector", "objectSelector"})
    validate_selector(member(hook, key), path(at, key), f);
  validate_webhook_client(member(hook, "clientConfig"), path(at, "clientConfig"), f);
  check_review_versions(hook, at, f);
  check_conditions(hook, at, f);
}

void check_match(const json::value& match, const path& at, bool needs_rules, findings& f) {
  if (!match.IsObject())
    return;
  for (std::string_view key : {"namespaceSelector", "objectSelector"})
    validate_selector(member(match, key), path(at, key), f);
  if (needs_rules && !filled(member(match, "resourceRules")))
    f.required(path(at, "resourceRules"));
  for (std::string_view key : {"resourceRules", "excludeResourceRules"})
    each(match, key, at,
         [&](const json::value& r, const path& p) { check_resource_rule(r, p, f); });
}

void check_policy(const json::value& policy, findings& f) {
  path at("spec"), kind(at, "paramKind");
  const auto& spec = member(policy, "spec");
  const auto& params = member(spec, "paramKind");
  if (params.IsObject())
    for (std::string_view key : {"apiVersion", "kind"})
      if (text(params, key).empty())
        f.required(path(kind, key));
  check_match(member(spec, "matchConstraints"), path(at, "matchConstraints"), true, f);
  check_conditions(spec, at, f);
}

void check_policy_binding(const json::value& binding, findings& f) {
  path at("spec"), p(at, "paramRef");
  const auto& spec = member(binding, "spec");
  if (text(spec, "policyName").empty())
    f.required(path(at, "policyName"));
  else
    complain(f, path(at, "policyName"), text(spec, "policyName"),
             check_dns1123_subdomain(text(spec, "policyName")));
  check_match(member(spec, "matchResources"), path(at, "matchResources"), false, f);
  const auto& ref = member(spec, "paramRef");
  if (!ref.IsObject())
    return;
  const bool named = !text(ref, "name").empty(), selected = has(ref, "selector");
  if (named && selected)
    f.forbidden(path(p, "name"), "name and selector are mutually exclusive");
  if (!named && !selected)
    f.required(p, "one of name or selector must be specified");
  if (const auto action = text(ref, "parameterNotFoundAction"); action.empty())
    f.required(path(p, "parameterNotFoundAction"));
  else if (action != "Allow" && action != "Deny")
    f.not_supported(path(p, "parameterNotFoundAction"), action, {"Allow", "Deny"});
}

/// Each expression of these members stands under a name of its own.
void check_named(const json::value& spec, std::string_view list, std::string_view key,
                 const path& at, findings& f) {
  std::unordered_set<std::string_view> names;
  each(spec, list, at, [&](const json::value& v, const path& p) {
    const auto name = text(v, key);
    if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, key), name);
  });
}

} // namespace

void validate_webhook_client(const json::value& client, const path& at, findings& f) {
  const bool url = has(client, "url"), service = has(client, "service");
  if (url == service)
    return f.required(at, "exactly one of url or service is required");
  if (url) {
    const auto s = text(client, "url");
    if (!s.starts_with("https://"))
      f.invalid(path(at, "url"), s.substr(0, s.find("://") == s.npos ? 0 : s.find("://")),
                "'https' is the only allowed URL scheme; desired format: https://host[/path]");
    else if (s.size() == 8 || s[8] == '/')
      f.invalid(path(at, "url"), "", "host must be specified; desired format: https://host[/path]");
    else if (s.find('@') != s.npos)
      f.invalid(path(at, "url"), s, "user information is not permitted in the URL");
    else if (s.find('#') != s.npos || s.find('?') != s.npos)
      f.invalid(path(at, "url"), s, "fragments are not permitted in the URL");
    return;
  }
  const auto& s = member(client, "service");
  path p(at, "service");
  if (text(s, "name").empty())
    f.required(path(p, "name"), "service name is required");
  if (text(s, "namespace").empty())
    f.required(path(p, "namespace"), "service namespace is required");
  const auto port = json::get_int(s, "port", 443);
  if (const auto why = check_port_number(port); !why.empty())
    f.invalid(path(p, "port"), port, "port is not valid: " + why.front());
  if (const auto where = text(s, "path"); !where.empty() && where[0] != '/')
    f.invalid(path(p, "path"), where, "must start with a '/'");
}

void validate_webhooks(const json::value& config, findings& f) {
  const auto& hooks = member(config, "webhooks");
  path at("webhooks");
  std::unordered_set<std::string_view> names;
  for (rapidjson::SizeType i = 0; hooks.IsArray() && i < hooks.Size(); ++i) {
    path p(at, i);
    if (!names.insert(text(hooks[i], "name")).second)
      f.duplicate(path(p, "name"), text(hooks[i], "name"));
    check_hook(hooks[i], p, f);
  }
}

void validate_validating_policy(const json::value& policy, findings& f) {
  path at("spec");
  const auto& spec = member(policy, "spec");
  if (!filled(member(spec, "validations")) && !filled(member(spec, "auditAnnotations")))
    f.required(path(at, "validations"), "validations or auditAnnotations must be specified");
  check_policy(policy, f);
  check_named(spec, "variables", "name", at, f);
  check_named(spec, "auditAnnotations", "key", at, f);
}

void validate_mutating_policy(const json::value& policy, findings& f) {
  path at("spec");
  const auto& spec = member(policy, "spec");
  if (!filled(member(spec, "mutations")))
    f.required(path(at, "mutations"), "mutations must contain at least one item");
  each(spec, "mutations", at, [&](const json::value& m, const path& p) {
    const bool apply = text(m, "patchType") == "ApplyConfiguration";
    if (!has(m, apply ? "applyConfiguration" : "jsonPatch"))
      f.required(path(p, apply ? "applyConfiguration" : "jsonPatch"));
    if (has(m, apply ? "jsonPatch" : "applyConfiguration"))
      f.forbidden(path(p, apply ? "jsonPatch" : "applyConfiguration"),
                  "must not be specified for this patchType");
  });
  check_policy(policy, f);
  check_named(spec, "variables", "name", at, f);
}

void validate_validating_policy_binding(const json::value& binding, findings& f) {
  check_policy_binding(binding, f);
  path at("spec"), list(at, "validationActions");
  const auto& spec = member(binding, "spec");
  const auto& actions = member(spec, "validationActions");
  if (!filled(actions))
    f.required(list, "at least one validation action is required");
  bool deny = false, warn = false;
  each(spec, "validationActions", at, [&](const json::value& v, const path& p) {
    const auto s = json::as_string(v);
    deny = deny || s == "Deny";
    warn = warn || s == "Warn";
    if (s != "Deny" && s != "Warn" && s != "Audit")
      f.not_supported(p, s, {"Audit", "Deny", "Warn"});
  });
  if (deny && warn)
    f.invalid(list, actions,
              "must not contain both Deny and Warn (repeating the same validation failure "
              "information in the API response and headers serves no purpose)");
}

void validate_mutating_policy_binding(const json::value& binding, findings& f) {
  check_policy_binding(binding, f);
}

void validate_api_service(const json::value& service, findings& f) {
  path meta("metadata"), at("spec"), s(at, "service");
  const auto& spec = member(service, "spec");
  const auto name = text(member(service, "metadata"), "name");
  const auto group = text(spec, "group"), version = text(spec, "version");
  const auto wanted = std::string(version) + "." + std::string(group);
  if (name != wanted)
    f.invalid(path(meta, "name"), name,
              "must be `spec.version+\".\"+spec.group`: \"" + wanted + "\"");
  if (group.empty()) {
    if (version != "v1")
      f.required(path(at, "group"), "only v1 may have an empty group and it better be legacy kube");
  } else {
    complain(f, path(at, "group"), group, check_dns1123_subdomain(group));
  }
  complain(f, path(at, "version"), version, check_dns1035_label(version));
  const auto g = json::get_int(spec, "groupPriorityMinimum"),
             v = json::get_int(spec, "versionPriority");
  if (g <= 0 || g > 20000)
    f.invalid(path(at, "groupPriorityMinimum"), g, "must be positive and less than 20000");
  if (v <= 0 || v > 1000)
    f.invalid(path(at, "versionPriority"), v, "must be positive and less than 1000");
  const auto& target = member(spec, "service");
  const bool blind = json::get_bool(spec, "insecureSkipTLSVerify");
  const bool vouched = !text(spec, "caBundle").empty();
  if (!target.IsObject()) {
    if (vouched)
      f.invalid(path(at, "caBundle"), std::to_string(text(spec, "caBundle").size()) + " bytes",
                "local APIServices may not have a caBundle");
    if (blind)
      f.invalid_raw(path(at, "insecureSkipTLSVerify"), "true",
                    "local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  for (std::string_view key : {"namespace", "name"})
    if (text(target, key).empty())
      f.required(path(s, key));
  if (blind && vouched)
    f.invalid_raw(path(at, "insecureSkipTLSVerify"), "true",
                  "may not be true if caBundle is present");
}

} // namespace thespis::api
