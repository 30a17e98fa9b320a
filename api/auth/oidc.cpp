#include "api/auth/oidc.hpp"

#include "api/text/base64.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

namespace thespis::api::auth {

namespace {

using namespace std::chrono_literals;

constexpr auto keys_live = 1h;
/// Tokens of unknown keys make us ask again, but not more often than this.
constexpr auto least_pause = 30s;
constexpr size_t max_audiences = 1000;

/// The claims as they stand there, believed by nobody yet.
std::optional<json::document> unverified(std::string_view token, bool header) {
  if (token.size() > max_token_bytes)
    return std::nullopt;
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos)
    return std::nullopt;
  const auto text = decode_base64url(header ? token.substr(0, first)
                                            : token.substr(first + 1, second - first - 1));
  if (!text)
    return std::nullopt;
  auto doc = json::parse(*text);
  if (!doc || !doc->IsObject())
    return std::nullopt;
  return std::move(*doc);
}

/// A NumericDate; nothing when the claim is missing or no time.
std::optional<double> date_at(const json::value& claims, const char* name) {
  const auto* v = json::find(claims, name);
  if (v == nullptr || !v->IsNumber() || !std::isfinite(v->GetDouble()))
    return std::nullopt;
  return v->GetDouble();
}

std::vector<std::string> texts_at(const json::value& claims, std::string_view name) {
  std::vector<std::string> out;
  const auto* v = json::find(claims, name);
  if (v == nullptr)
    return out;
  if (v->IsString())
    out.emplace_back(json::as_string(*v));
  else if (v->IsArray())
    for (const auto& item : v->GetArray())
      if (item.IsString() && out.size() < max_audiences)
        out.emplace_back(json::as_string(item));
  return out;
}

error unusable(const std::string& what) {
  return bad_request("oidc: " + what);
}

} // namespace

result<jwt_issuer> issuer_of(const oidc_flags& f) {
  if (!f.issuer.starts_with("https://"))
    return fail(unusable("the issuer's URL must begin with https://"));
  if (f.client_id.empty())
    return fail(unusable("a client id is required"));
  jwt_issuer out;
  out.url = f.issuer;
  out.authority = f.ca_bundle;
  out.audiences = {f.client_id};
  out.algorithms = f.algorithms;
  out.username.claim = f.username_claim.empty() ? "sub" : f.username_claim;
  // Prefixes keep issuers and users apart.
  if (f.username_prefix.empty() && out.username.claim != "email")
    out.username.prefix = f.issuer + "#";
  else if (f.username_prefix != "-")
    out.username.prefix = f.username_prefix;
  out.groups = {f.groups_claim, f.groups_prefix, {}};
  for (const auto& [claim, value] : f.required_claims)
    out.claim_rules.push_back({claim, value, {}, {}});
  return out;
}

result<std::shared_ptr<oidc_issuer>> oidc_issuer::make(oidc_deps deps) {
  for (const auto& a : deps.settings.algorithms)
    if (!is_signing_algorithm(a))
      return fail(unusable("unsupported signing alg: " + a));
  auto mapping = claim_mapping::make(deps.settings);
  if (!mapping)
    return fail(std::move(mapping.error()));
  auto made = std::shared_ptr<oidc_issuer>(new oidc_issuer(std::move(deps), std::move(*mapping)));
  made->keys_ = std::make_shared<const key_set>();
  return made;
}

std::vector<std::string> oidc_issuer::audiences_of(const json::value& claims) const {
  auto named = texts_at(claims, "aud");
  const auto& ours = deps_.settings.audiences;
  std::erase_if(
      named, [&](const auto& a) { return std::find(ours.begin(), ours.end(), a) == ours.end(); });
  return named;
}

bool oidc_issuer::is_its_time(const json::value& claims) const {
  const auto now = std::chrono::duration<double>(deps_.now().time_since_epoch()).count();
  const auto ends = date_at(claims, "exp");
  const auto begins = date_at(claims, "nbf");
  return ends && now < *ends &&
         (json::find(claims, "nbf") == nullptr || (begins && now >= *begins));
}

std::optional<token_identity> oidc_issuer::authenticate(std::string_view token) const {
  const auto claimed = unverified(token, false);
  if (!claimed || json::get_string(*claimed, "iss") != url())
    return std::nullopt;
  const auto keys = keys_.load();
  const auto claims = verify_token(token, keys->keys, deps_.settings.algorithms);
  if (!claims) {
    const auto header = unverified(token, true);
    const auto id = header ? json::get_string(*header, "kid") : std::string_view{};
    if (std::none_of(keys->keys.begin(), keys->keys.end(),
                     [&](const auto& k) { return k.id() == id; }))
      unknown_key_.store(true, std::memory_order_relaxed);
    return std::nullopt;
  }
  auto audiences = audiences_of(*claims);
  if (json::get_string(*claims, "iss") != url() || audiences.empty() || !is_its_time(*claims))
    return std::nullopt;
  auto user = mapping_.user_of(*claims);
  if (!user) {
    spdlog::debug("oidc: a token of {} is refused: {}", url(), user.error().message);
    return std::nullopt;
  }
  return token_identity{std::move(*user), std::move(audiences)};
}

bool oidc_issuer::is_due() const {
  const auto keys = keys_.load();
  const auto age = deps_.now() - keys->fetched;
  return keys->keys.empty() || age >= keys_live ||
         (unknown_key_.load(std::memory_order_relaxed) && age >= least_pause);
}

result<json::document> oidc_issuer::fetch(const std::string& url) const {
  outbound::request r;
  r.method = "GET";
  r.url = url;
  r.ca_bundle = deps_.settings.authority;
  r.max_answer = 256 * 1024;
  auto got = deps_.client->send(r);
  if (!got)
    return fail(std::move(got.error()));
  if (got->code != 200)
    return fail(internal_error(url + " answers " + std::to_string(got->code)));
  auto doc = json::parse(got->body);
  if (!doc || !doc->IsObject())
    return fail(internal_error(url + " answers no JSON object"));
  return std::move(*doc);
}

result<void> oidc_issuer::refresh() {
  if (!is_due())
    return {};
  const auto& s = deps_.settings;
  auto about = fetch(!s.discovery_url.empty() ? s.discovery_url
                                              : s.url + (s.url.ends_with('/') ? "" : "/") +
                                                    ".well-known/openid-configuration");
  if (!about)
    return fail(std::move(about.error()));
  if (json::get_string(*about, "issuer") != s.url)
    return fail(internal_error("oidc: the issuer calls itself " +
                               std::string{json::get_string(*about, "issuer")}));
  const std::string where{json::get_string(*about, "jwks_uri")};
  if (!where.starts_with("https://"))
    return fail(internal_error("oidc: the issuer's jwks_uri is no https URL"));
  auto set = fetch(where);
  if (!set)
    return fail(std::move(set.error()));
  auto next = std::make_shared<key_set>();
  next->fetched = deps_.now();
  if (const auto* list = json::find(*set, "keys"); list != nullptr && list->IsArray())
    for (const auto& jwk : list->GetArray())
      // What is no key for signatures, or of another kind, is somebody else's.
      if (auto key = token_key::from_jwk(jwk))
        if (std::any_of(s.algorithms.begin(), s.algorithms.end(),
                        [&](const auto& a) { return key->may_verify(a); }))
          next->keys.push_back(std::move(*key));
  if (next->keys.empty())
    return fail(internal_error("oidc: " + where + " has no key that can be used"));
  unknown_key_.store(false, std::memory_order_relaxed);
  keys_.store(std::move(next));
  return {};
}

std::string claimed_issuer(std::string_view token) {
  const auto claims = unverified(token, false);
  return claims ? std::string{json::get_string(*claims, "iss")} : std::string{};
}

} // namespace thespis::api::auth
