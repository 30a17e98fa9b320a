#include "api/auth/authentication_config.hpp"

#include "api/auth/claim_mapping.hpp"
#include "api/auth/trust_anchors.hpp"
#include "api/yaml.hpp"

#include <algorithm>
#include <set>

namespace thespis::api::auth {

namespace {

constexpr size_t max_issuers = 64;

/// Reads with the path of what it reads. The first problem is kept.
class config_reader {
public:
  result<authentication_config> read(const json::value& doc);

private:
  void refuse(const std::string& at, const std::string& why) {
    if (problem_.empty())
      problem_ = at + ": " + why;
  }
  void required(const std::string& at, const std::string& what) {
    refuse(at, "Required value: " + what);
  }
  void invalid(const std::string& at, const std::string& value, const std::string& why) {
    refuse(at, "Invalid value: " + json::quote(value) + ": " + why);
  }
  /// The member, null without one or when it is null. Refuses what is of another kind.
  const json::value* member(const json::value& map, const char* key, rapidjson::Type kind,
                            const std::string& at);
  std::string text(const json::value& map, const char* key, const std::string& at);
  template <class F>
  void each(const json::value& map, const char* key, const std::string& at, F f);
  void check_keys(const json::value& map, const std::string& at,
                  std::initializer_list<std::string_view> known);

  void read_issuer(const json::value& map, const std::string& at, jwt_issuer& out);
  void check_urls(const jwt_issuer& j, const std::string& at);
  void read_audiences(const json::value& map, const std::string& at, jwt_issuer& out);
  claim_source read_source(const json::value& map, const char* key, const std::string& at,
                           bool prefixed);
  void read_mappings(const json::value& map, const std::string& at, jwt_issuer& out);
  void read_claim_rule(const json::value& map, const std::string& at, jwt_issuer& out);
  void check_email(const jwt_issuer& j, const std::string& at);
  jwt_issuer read_jwt(const json::value& map, const std::string& at);
  void read_anonymous(const json::value& map, authentication_config& out);

  std::string problem_;
  std::set<std::string> urls_;
};

const json::value* config_reader::member(const json::value& map, const char* key,
                                         rapidjson::Type kind, const std::string& at) {
  const auto* v = json::find(map, key);
  if (v == nullptr || v->IsNull())
    return nullptr;
  const bool is_bool = v->IsBool() && kind == rapidjson::kTrueType;
  if (v->GetType() == kind || is_bool)
    return v;
  refuse(at + "." + key, kind == rapidjson::kObjectType  ? "must be a map"
                         : kind == rapidjson::kArrayType ? "must be a list"
                         : kind == rapidjson::kTrueType  ? "must be true or false"
                                                         : "must be text");
  return nullptr;
}

std::string config_reader::text(const json::value& map, const char* key, const std::string& at) {
  const auto* v = member(map, key, rapidjson::kStringType, at);
  return v == nullptr ? std::string{} : std::string{json::as_string(*v)};
}

template <class F>
void config_reader::each(const json::value& map, const char* key, const std::string& at, F f) {
  const auto* list = member(map, key, rapidjson::kArrayType, at);
  for (rapidjson::SizeType i = 0; list != nullptr && i < list->Size(); ++i)
    f((*list)[i], at + "." + key + "[" + std::to_string(i) + "]");
}

void config_reader::check_keys(const json::value& map, const std::string& at,
                               std::initializer_list<std::string_view> known) {
  if (!map.IsObject())
    return refuse(at, "must be a map");
  for (const auto& m : map.GetObject())
    if (std::find(known.begin(), known.end(), json::as_string(m.name)) == known.end())
      refuse((at.empty() ? "" : at + ".") + std::string{json::as_string(m.name)}, "unknown field");
}

bool is_https(const std::string& url) {
  constexpr std::string_view scheme = "https://";
  return url.starts_with(scheme) && url.size() > scheme.size() && url[scheme.size()] != '/';
}

void config_reader::check_urls(const jwt_issuer& j, const std::string& at) {
  const auto check = [&](const std::string& url, const std::string& where, const char* name) {
    if (!is_https(url))
      invalid(where, url, std::string{name} + " scheme must be https");
    if (url.find('@') != url.npos)
      invalid(where, url, std::string{name} + " must not contain a username or password");
    if (url.find('?') != url.npos)
      invalid(where, url, std::string{name} + " must not contain a query");
    if (url.find('#') != url.npos)
      invalid(where, url, std::string{name} + " must not contain a fragment");
  };
  if (j.url.empty())
    return required(at + ".url", "URL is required");
  check(j.url, at + ".url", "URL");
  if (!urls_.insert(j.url).second)
    refuse(at + ".url", "Duplicate value: " + json::quote(j.url));
  if (j.discovery_url.empty())
    return;
  check(j.discovery_url, at + ".discoveryURL", "URL");
  const auto bare = [](std::string_view url) {
    while (url.ends_with('/'))
      url.remove_suffix(1);
    return url;
  };
  if (bare(j.url) == bare(j.discovery_url))
    invalid(at + ".discoveryURL", j.discovery_url, "discoveryURL must be different from URL");
}

void config_reader::read_audiences(const json::value& map, const std::string& at, jwt_issuer& out) {
  std::set<std::string> seen;
  each(map, "audiences", at, [&](const json::value& v, const std::string& here) {
    if (!v.IsString() || json::as_string(v).empty())
      return required(here, "audience is required");
    out.audiences.emplace_back(json::as_string(v));
    if (!seen.insert(out.audiences.back()).second)
      refuse(here, "Duplicate value: " + json::quote(out.audiences.back()));
  });
  const auto policy = text(map, "audienceMatchPolicy", at);
  if (out.audiences.empty())
    required(at + ".audiences", "at least one " + at + ".audiences is required");
  else if (out.audiences.size() > 1 && policy != "MatchAny")
    invalid(at + ".audienceMatchPolicy", policy,
            "audienceMatchPolicy must be MatchAny for multiple audiences");
  else if (!policy.empty() && policy != "MatchAny")
    invalid(at + ".audienceMatchPolicy", policy,
            "audienceMatchPolicy must be empty or MatchAny for single audience");
}

void config_reader::read_issuer(const json::value& map, const std::string& at, jwt_issuer& out) {
  check_keys(map, at,
             {"url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy"});
  out.url = text(map, "url", at);
  out.discovery_url = text(map, "discoveryURL", at);
  out.authority = text(map, "certificateAuthority", at);
  check_urls(out, at);
  read_audiences(map, at, out);
  if (!out.authority.empty() && read_trust_anchors(out.authority).der.empty())
    refuse(
        at + ".certificateAuthority",
        "Invalid value: \"<omitted>\": data does not contain any valid RSA or ECDSA certificates");
}

claim_source config_reader::read_source(const json::value& map, const char* key,
                                        const std::string& parent, bool prefixed) {
  claim_source out;
  const auto at = parent + "." + key;
  const auto* from = member(map, key, rapidjson::kObjectType, parent);
  if (from == nullptr)
    return out;
  if (prefixed)
    check_keys(*from, at, {"claim", "prefix", "expression"});
  else
    check_keys(*from, at, {"claim", "expression"});
  out.claim = text(*from, "claim", at);
  out.expression = text(*from, "expression", at);
  const auto* prefix = member(*from, "prefix", rapidjson::kStringType, at);
  if (prefix != nullptr)
    out.prefix = json::as_string(*prefix);
  if (!out.claim.empty() && !out.expression.empty())
    invalid(at, "", "claim and expression can't both be set");
  if (prefix != nullptr && !out.expression.empty())
    invalid(at + ".prefix", out.prefix, "prefix can't be set when expression is set");
  // Said or not: whose names these are should not hang on something forgotten.
  if (prefixed && !out.claim.empty() && prefix == nullptr)
    required(at + ".prefix", "prefix is required when claim is set. It can be set to an empty "
                             "string to disable prefixing");
  if (prefix != nullptr && out.claim.empty() && out.expression.empty())
    required(at + ".claim", "non-empty claim name is required when prefix is set");
  return out;
}

bool is_extra_key(const std::string& key) {
  const auto slash = key.find('/');
  return slash != key.npos && slash > 0 && slash + 1 < key.size() &&
         std::none_of(key.begin(), key.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_reserved(const std::string& key) {
  const auto domain = key.substr(0, key.find('/'));
  for (std::string_view own : {"kubernetes.io", "k8s.io"})
    if (domain == own || domain.ends_with("." + std::string{own}))
      return true;
  return false;
}

void config_reader::read_mappings(const json::value& map, const std::string& at, jwt_issuer& out) {
  check_keys(map, at, {"username", "groups", "uid", "extra"});
  out.username = read_source(map, "username", at, true);
  out.groups = read_source(map, "groups", at, true);
  out.uid = read_source(map, "uid", at, false);
  if (out.username.empty())
    required(at + ".username", "claim or expression is required");
  std::set<std::string> seen;
  each(map, "extra", at, [&](const json::value& v, const std::string& here) {
    check_keys(v, here, {"key", "valueExpression"});
    extra_mapping e{text(v, "key", here), text(v, "valueExpression", here)};
    if (e.key.empty())
      required(here + ".key", "");
    else if (!is_extra_key(e.key))
      invalid(here + ".key", e.key,
              "must be a domain-prefixed path (such as \"acme.io/foo\") in "
              "lower case");
    else if (is_reserved(e.key))
      invalid(here + ".key", e.key,
              "k8s.io, kubernetes.io and their subdomains are reserved for "
              "Kubernetes use");
    else if (!seen.insert(e.key).second)
      refuse(here + ".key", "Duplicate value: " + json::quote(e.key));
    if (e.expression.empty())
      required(here + ".valueExpression", "valueExpression is required");
    out.extra.push_back(std::move(e));
  });
}

void config_reader::read_claim_rule(const json::value& map, const std::string& at,
                                    jwt_issuer& out) {
  check_keys(map, at, {"claim", "requiredValue", "expression", "message"});
  validation_rule r{text(map, "claim", at), text(map, "requiredValue", at),
                    text(map, "expression", at), text(map, "message", at)};
  if (!r.claim.empty() && !r.expression.empty())
    invalid(at, r.expression, "claim and expression can't both be set");
  else if (r.claim.empty() && r.expression.empty())
    required(at, "claim or expression is required");
  else if (!r.claim.empty() && !r.message.empty())
    invalid(at + ".message", r.message, "message can't be set when claim is set");
  else if (!r.expression.empty() && !r.required_value.empty())
    invalid(at + ".requiredValue", r.required_value,
            "requiredValue can't be set when expression is set");
  out.claim_rules.push_back(std::move(r));
}

/// An address becomes a name only where something asks whether it was verified.
void config_reader::check_email(const jwt_issuer& j, const std::string& at) {
  const auto mentions = [](const std::string& text) {
    return text.find("email_verified") != text.npos;
  };
  if (j.username.expression.find("claims.email") == std::string::npos ||
      mentions(j.username.expression) ||
      std::any_of(j.extra.begin(), j.extra.end(),
                  [&](const auto& e) { return mentions(e.expression); }) ||
      std::any_of(j.claim_rules.begin(), j.claim_rules.end(),
                  [&](const auto& r) { return mentions(r.expression); }))
    return;
  invalid(at + ".claimMappings.username.expression", j.username.expression,
          "claims.email_verified must be used in claimMappings.username.expression or "
          "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when "
          "claims.email is used in claimMappings.username.expression");
}

jwt_issuer config_reader::read_jwt(const json::value& map, const std::string& at) {
  jwt_issuer out;
  check_keys(map, at, {"issuer", "claimValidationRules", "claimMappings", "userValidationRules"});
  if (const auto* issuer = member(map, "issuer", rapidjson::kObjectType, at))
    read_issuer(*issuer, at + ".issuer", out);
  else
    required(at + ".issuer.url", "URL is required");
  if (const auto* mappings = member(map, "claimMappings", rapidjson::kObjectType, at))
    read_mappings(*mappings, at + ".claimMappings", out);
  else
    required(at + ".claimMappings.username", "claim or expression is required");
  each(map, "claimValidationRules", at,
       [&](const json::value& v, const std::string& here) { read_claim_rule(v, here, out); });
  each(map, "userValidationRules", at, [&](const json::value& v, const std::string& here) {
    check_keys(v, here, {"expression", "message"});
    validation_rule r{{}, {}, text(v, "expression", here), text(v, "message", here)};
    if (r.expression.empty())
      required(here + ".expression", "expression is required");
    out.user_rules.push_back(std::move(r));
  });
  check_email(out, at);
  if (!problem_.empty())
    return out;
  if (auto made = claim_mapping::make(out); !made)
    problem_ = at + "." + made.error().message;
  return out;
}

void config_reader::read_anonymous(const json::value& map, authentication_config& out) {
  check_keys(map, "anonymous", {"enabled", "conditions"});
  auto& rule = out.anonymous.emplace();
  rule.enabled = json::get_bool(map, "enabled");
  member(map, "enabled", rapidjson::kTrueType, "anonymous");
  each(map, "conditions", "anonymous", [&](const json::value& v, const std::string& here) {
    check_keys(v, here, {"path"});
    rule.paths.push_back(text(v, "path", here));
    if (!rule.paths.back().starts_with('/'))
      invalid(here + ".path", rule.paths.back(), "must begin with /");
  });
  if (!rule.enabled && !rule.paths.empty())
    invalid("anonymous.conditions", "",
            "enabled should be set to true when conditions are defined");
}

result<authentication_config> config_reader::read(const json::value& doc) {
  authentication_config out;
  check_keys(doc, "", {"apiVersion", "kind", "jwt", "anonymous"});
  const auto version = json::get_string(doc, "apiVersion");
  if (problem_.empty() &&
      ((version != "apiserver.config.k8s.io/v1" && version != "apiserver.config.k8s.io/v1beta1" &&
        version != "apiserver.config.k8s.io/v1alpha1") ||
       json::get_string(doc, "kind") != "AuthenticationConfiguration"))
    refuse("kind", "must be an AuthenticationConfiguration of apiserver.config.k8s.io/v1");
  if (problem_.empty()) {
    const auto* list = member(doc, "jwt", rapidjson::kArrayType, "");
    if (list != nullptr && list->Size() > max_issuers)
      refuse("jwt", "Too many: " + std::to_string(list->Size()) + ": must have at most " +
                        std::to_string(max_issuers) + " items");
    for (rapidjson::SizeType i = 0; problem_.empty() && list != nullptr && i < list->Size(); ++i)
      out.issuers.push_back(read_jwt((*list)[i], "jwt[" + std::to_string(i) + "]"));
    if (const auto* anonymous = member(doc, "anonymous", rapidjson::kObjectType, ""))
      read_anonymous(*anonymous, out);
  }
  if (!problem_.empty())
    return fail(bad_request("authentication configuration: " + problem_));
  return out;
}

} // namespace

result<authentication_config> parse_authentication_config(std::string_view text) {
  auto doc = yaml::parse(text);
  if (!doc)
    return fail(bad_request("authentication configuration: " + doc.error().message));
  return config_reader{}.read(*doc);
}

} // namespace thespis::api::auth
