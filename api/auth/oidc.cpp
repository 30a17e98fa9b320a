#include "api/auth/oidc.hpp"

#include "api/text/base64.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::api::auth {

namespace {

using namespace std::chrono_literals;

constexpr auto keys_live = 1h;
/// Tokens of unknown keys make us ask again, but not more often than this.
constexpr auto least_pause = 30s;
constexpr size_t max_groups = 1000;
constexpr std::string_view system_prefix = "system:";

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
      if (item.IsString() && out.size() < max_groups)
        out.emplace_back(json::as_string(item));
  return out;
}

error unusable(const std::string& what) {
  return bad_request("oidc: " + what);
}

} // namespace

result<std::shared_ptr<oidc_issuer>> oidc_issuer::make(oidc_deps deps) {
  auto& s = deps.settings;
  if (!s.issuer.starts_with("https://"))
    return fail(unusable("the issuer's URL must begin with https://"));
  if (s.client_id.empty())
    return fail(unusable("a client id is required"));
  if (s.username_claim.empty())
    s.username_claim = "sub";
  for (const auto& a : s.algorithms)
    if (a != "RS256" && a != "ES256")
      return fail(unusable("signing algorithm " + a + " is not supported: use RS256 or ES256"));
  // Names of the system's own cannot be taken: prefixes keep issuers and users apart.
  if (s.username_prefix == "-")
    s.username_prefix.clear();
  else if (s.username_prefix.empty() && s.username_claim != "email")
    s.username_prefix = s.issuer + "#";
  auto made = std::shared_ptr<oidc_issuer>(new oidc_issuer(std::move(deps)));
  made->keys_ = std::make_shared<const key_set>();
  return made;
}

bool oidc_issuer::is_meant_for_us(const json::value& claims) const {
  const auto& s = deps_.settings;
  if (json::get_string(claims, "iss") != s.issuer)
    return false;
  const auto audiences = texts_at(claims, "aud");
  if (std::find(audiences.begin(), audiences.end(), s.client_id) == audiences.end())
    return false;
  const auto now = std::chrono::duration<double>(deps_.now().time_since_epoch()).count();
  const auto ends = date_at(claims, "exp");
  const auto begins = date_at(claims, "nbf");
  if (!ends || now >= *ends || (json::find(claims, "nbf") != nullptr && (!begins || now < *begins)))
    return false;
  return std::all_of(s.required_claims.begin(), s.required_claims.end(),
                     [&](const auto& c) { return json::get_string(claims, c.first) == c.second; });
}

std::optional<user_info> oidc_issuer::user_of(const json::value& claims) const {
  const auto& s = deps_.settings;
  const auto name = json::get_string(claims, s.username_claim);
  if (name.empty())
    return std::nullopt;
  if (s.username_claim == "email")
    if (const auto* verified = json::find(claims, "email_verified");
        verified != nullptr && !(verified->IsBool() && verified->GetBool()))
      return std::nullopt;
  user_info user;
  user.name = s.username_prefix + std::string{name};
  // The system's own names are not an outside issuer's to give.
  if (user.name.starts_with(system_prefix))
    return std::nullopt;
  if (!s.groups_claim.empty())
    for (const auto& g : texts_at(claims, s.groups_claim))
      if (const auto group = s.groups_prefix + g; !group.starts_with(system_prefix))
        user.groups.push_back(group);
  return user;
}

std::optional<token_identity> oidc_issuer::authenticate(std::string_view token) const {
  const auto claimed = unverified(token, false);
  if (!claimed || json::get_string(*claimed, "iss") != deps_.settings.issuer)
    return std::nullopt;
  const auto keys = keys_.load();
  const auto claims = verify_token(token, keys->keys);
  if (!claims) {
    const auto header = unverified(token, true);
    const auto id = header ? json::get_string(*header, "kid") : std::string_view{};
    if (std::none_of(keys->keys.begin(), keys->keys.end(),
                     [&](const auto& k) { return k.id() == id; }))
      unknown_key_.store(true, std::memory_order_relaxed);
    return std::nullopt;
  }
  if (!is_meant_for_us(*claims))
    return std::nullopt;
  auto user = user_of(*claims);
  if (!user)
    return std::nullopt;
  return token_identity{std::move(*user), {deps_.settings.client_id}};
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
  r.ca_bundle = deps_.settings.ca_bundle;
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
  auto about =
      fetch(s.issuer + (s.issuer.ends_with('/') ? "" : "/") + ".well-known/openid-configuration");
  if (!about)
    return fail(std::move(about.error()));
  if (json::get_string(*about, "issuer") != s.issuer)
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
        if (std::find(s.algorithms.begin(), s.algorithms.end(), key->algorithm()) !=
            s.algorithms.end())
          next->keys.push_back(std::move(*key));
  if (next->keys.empty())
    return fail(internal_error("oidc: " + where + " has no key that can be used"));
  unknown_key_.store(false, std::memory_order_relaxed);
  keys_.store(std::move(next));
  return {};
}

} // namespace thespis::api::auth
