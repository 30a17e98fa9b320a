#include "api/auth/service_account_tokens.hpp"

#include "api/auth/access.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/text/time.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace thespis::api::auth {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view claim_name = "kubernetes.io";
constexpr std::string_view legacy_issuer = "kubernetes/serviceaccount";
constexpr std::string_view legacy_prefix = "kubernetes.io/serviceaccount/";
// Clocks differ, and what is being deleted may still need to say goodbye.
constexpr auto leeway = 60s;
// Old clients never read their token file again: pods' tokens outlive the time they were asked for,
// and tell by `warnafter` when they are used longer than that.
constexpr int64_t extended_request = 3607;
constexpr int64_t extension = int64_t{365} * 24 * 3600;
constexpr int64_t min_seconds = 600;
constexpr size_t max_verified = 8192;

bool has(const std::vector<std::string>& list, std::string_view x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

std::string digest_of(std::string_view token) {
  std::string out(32, '\0');
  EVP_Digest(token.data(), token.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
             EVP_sha256(), nullptr);
  return out;
}

int64_t seconds_of(clock_time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

json::value reference(std::string_view name, std::string_view uid, json::allocator& a) {
  json::value v(rapidjson::kObjectType);
  json::set(v, "name", name, a);
  if (!uid.empty())
    json::set(v, "uid", uid, a);
  return v;
}

result<void> check_lifetime(const v1::token_request& r) {
  constexpr int64_t max_seconds = int64_t{1} << 32;
  const auto seconds = r.spec.expiration_seconds.value_or(extended_request);
  const char* why = seconds < min_seconds   ? "may not specify a duration less than 10 minutes"
                    : seconds > max_seconds ? "may not specify a duration larger than 2^32 seconds"
                                            : nullptr;
  if (!why)
    return {};
  return fail(invalid("TokenRequest.authentication.k8s.io", "",
                      {invalid_value("spec.expirationSeconds", std::to_string(seconds), why)}));
}

/// What a token ends with.
struct bound_object {
  std::string_view claim; ///< "pod", "secret", "node"; empty: nothing
  object_ptr object;
  std::string node;     ///< of a pod
  std::string node_uid; ///< empty when the node has no object
};

result<bound_object> find_bound(const reader& state, std::string_view ns, std::string_view account,
                                const v1::bound_object_reference& ref) {
  struct kind {
    std::string_view name, claim, resource;
    bool namespaced;
  };
  constexpr std::array<kind, 3> kinds{{{"Pod", "pod", "pods", true},
                                       {"Secret", "secret", "secrets", true},
                                       {"Node", "node", "nodes", false}}};
  const auto known =
      std::find_if(kinds.begin(), kinds.end(), [&](const kind& k) { return k.name == ref.kind; });
  if (known == kinds.end() || ref.api_version != "v1") {
    const auto slash = ref.api_version.find('/');
    const bool core = slash == std::string::npos;
    return fail(bad_request("cannot bind token to object of type " +
                            (core ? "/" + ref.api_version : ref.api_version) +
                            ", Kind=" + ref.kind));
  }
  bound_object b{
      known->claim, state.get(known->resource, known->namespaced ? ns : "", ref.name), {}, {}};
  if (!b.object)
    return fail(not_found(known->resource, ref.name));
  if (known->claim == "pod") {
    const auto pod = b.object->parse();
    const auto* name = json::at(pod, {"spec", "serviceAccountName"});
    if (!name || json::as_string(*name) != account)
      return fail(bad_request("cannot bind token for serviceaccount " + quote_go(account) +
                              " to pod running with different serviceaccount name."));
    b.node = b.object->meta().node_name;
    if (const auto node = b.node.empty() ? nullptr : state.get("nodes", "", b.node))
      b.node_uid = node->uid();
  }
  if (!ref.uid.empty() && ref.uid != b.object->uid())
    return fail(conflict(ref.kind, ref.name,
                         "the UID in the bound object reference (" + ref.uid +
                             ") does not match the UID in record. The object might have been "
                             "deleted and then recreated"));
  return b;
}

bool in_force(const json::value& claims, clock_time now) {
  const auto at = seconds_of(now);
  const auto* expiry = json::find(claims, "exp");
  const auto* begin = json::find(claims, "nbf");
  constexpr int64_t slack = std::chrono::seconds{leeway}.count();
  return expiry && expiry->IsInt64() && at <= expiry->GetInt64() + slack &&
         (!begin || (begin->IsInt64() && at >= begin->GetInt64() - slack));
}

std::vector<std::string> audiences_of(const json::value& claims) {
  std::vector<std::string> out;
  const auto* aud = json::find(claims, "aud");
  if (aud && aud->IsString())
    out.emplace_back(json::as_string(*aud));
  if (aud && aud->IsArray())
    for (const auto& a : aud->GetArray())
      out.emplace_back(json::as_string(a));
  return out;
}

user_info account_user(std::string_view ns, std::string_view name, std::string_view uid) {
  user_info u;
  u.name = service_account_user(ns, name);
  u.uid = uid;
  u.groups = {"system:serviceaccounts", "system:serviceaccounts:" + std::string{ns},
              std::string{authenticated_group}};
  return u;
}

} // namespace

service_account_tokens::service_account_tokens(token_deps deps) : deps_(std::move(deps)) {}

result<v1::token_request> service_account_tokens::issue(std::string_view ns,
                                                        std::string_view account,
                                                        v1::token_request request) const {
  const auto found = deps_.state->get("serviceaccounts", ns, account);
  if (!found)
    return fail(not_found("serviceaccounts", account));
  if (auto ok = check_lifetime(request); !ok)
    return fail(std::move(ok.error()));
  auto& spec = request.spec;
  if (spec.audiences.empty())
    spec.audiences = {deps_.issuer};
  bound_object bound;
  if (spec.bound_object_ref) {
    auto b = find_bound(*deps_.state, ns, account, *spec.bound_object_ref);
    if (!b)
      return fail(std::move(b.error()));
    bound = std::move(*b);
  }
  const auto now = seconds_of(deps_.now());
  const auto asked = spec.expiration_seconds.value_or(extended_request);
  const bool extend = asked == extended_request && bound.claim == "pod" &&
                      spec.audiences == std::vector{deps_.issuer};
  json::document claims(rapidjson::kObjectType);
  auto& a = claims.GetAllocator();
  json::value audiences(rapidjson::kArrayType);
  for (const auto& x : spec.audiences)
    audiences.PushBack(json::make_string(x, a), a);
  json::set(claims, "aud", std::move(audiences), a);
  json::set(claims, "exp", json::value(now + (extend ? extension : asked)), a);
  json::set(claims, "iat", json::value(now), a);
  json::set(claims, "iss", deps_.issuer, a);
  json::set(claims, "jti", deps_.new_id(), a);
  json::value own(rapidjson::kObjectType);
  json::set(own, "namespace", ns, a);
  if (!bound.node.empty())
    json::set(own, "node", reference(bound.node, bound.node_uid, a), a);
  if (bound.object)
    json::set(own, bound.claim, reference(bound.object->name(), bound.object->uid(), a), a);
  json::set(own, "serviceaccount", reference(account, found->uid(), a), a);
  if (extend)
    json::set(own, "warnafter", json::value(now + asked), a);
  json::set(claims, claim_name, std::move(own), a);
  json::set(claims, "nbf", json::value(now), a);
  json::set(claims, "sub", service_account_user(ns, account), a);
  auto token = sign_token(deps_.keys.front(), claims);
  if (!token)
    return fail(std::move(token.error()));
  spec.expiration_seconds = asked;
  request.status.token = std::move(*token);
  request.status.expiration_timestamp = format_time(clock_time{std::chrono::seconds{now + asked}});
  return request;
}

result<std::string> service_account_tokens::issue_for_secret(const object& account,
                                                             std::string_view secret) const {
  json::document claims(rapidjson::kObjectType);
  auto& a = claims.GetAllocator();
  auto set = [&](std::string_view key, std::string_view value) {
    json::set(claims, std::string{legacy_prefix}.append(key), value, a);
  };
  json::set(claims, "iss", legacy_issuer, a);
  set("namespace", account.ns());
  set("secret.name", secret);
  set("service-account.name", account.name());
  set("service-account.uid", account.uid());
  json::set(claims, "sub", service_account_user(account.ns(), account.name()), a);
  return sign_token(deps_.keys.front(), claims);
}

service_account_tokens::claims_ptr service_account_tokens::claims_of(std::string_view token) const {
  if (token.size() > max_token_bytes)
    return nullptr;
  const auto digest = digest_of(token);
  {
    const std::lock_guard lock{mutex_};
    if (const auto it = verified_.find(digest); it != verified_.end())
      return it->second;
  }
  auto claims = verify_token(token, deps_.keys);
  if (!claims)
    return nullptr;
  auto kept = std::make_shared<const json::document>(std::move(*claims));
  const std::lock_guard lock{mutex_};
  if (verified_.size() >= max_verified)
    verified_.clear();
  verified_.emplace(digest, kept);
  return kept;
}

object_ptr service_account_tokens::live(std::string_view resource, std::string_view ns,
                                        std::string_view name, std::string_view uid) const {
  auto o = deps_.state->get(resource, ns, name);
  if (!o || o->uid() != uid)
    return nullptr;
  if (!o->meta().deleting)
    return o;
  const auto doc = o->parse();
  const auto* at = json::at(doc, {"metadata", "deletionTimestamp"});
  const auto end = at ? parse_time(json::as_string(*at)) : std::nullopt;
  return end && *end + leeway > deps_.now() ? o : nullptr;
}

std::optional<token_identity>
service_account_tokens::judge(const json::value& claims,
                              const std::vector<std::string>& audiences) const {
  token_identity out;
  for (auto& aud : audiences_of(claims))
    if (audiences.empty() ? aud == deps_.issuer : has(audiences, aud))
      out.audiences.push_back(std::move(aud));
  const auto* own = json::find(claims, claim_name);
  if (out.audiences.empty() || !in_force(claims, deps_.now()) || !own || !own->IsObject())
    return std::nullopt;
  const auto ns = json::get_string(*own, "namespace");
  auto part = [&](std::string_view claim) {
    const auto* v = json::find(*own, claim);
    return v && v->IsObject() ? v : nullptr;
  };
  const auto* account = part("serviceaccount");
  if (!account)
    return std::nullopt;
  const auto name = json::get_string(*account, "name");
  const auto uid = json::get_string(*account, "uid");
  if (json::get_string(claims, "sub") != service_account_user(ns, name) ||
      !live("serviceaccounts", ns, name, uid))
    return std::nullopt;
  out.user = account_user(ns, name, uid);
  auto& extra = out.user.extra;
  auto note = [&](const char* key, std::string_view value) {
    if (!value.empty())
      extra[std::string{"authentication.kubernetes.io/"} + key] = {std::string{value}};
  };
  if (const auto id = json::get_string(claims, "jti"); !id.empty())
    note("credential-id", "JTI=" + std::string{id});
  auto exists = [&](const json::value* v, std::string_view resource, std::string_view of) {
    return live(resource, of, json::get_string(*v, "name"), json::get_string(*v, "uid")) != nullptr;
  };
  if (const auto* secret = part("secret"); secret && !exists(secret, "secrets", ns))
    return std::nullopt;
  const auto* pod = part("pod");
  const auto* node = part("node");
  if (pod && !exists(pod, "pods", ns))
    return std::nullopt;
  // A pod's node is told, not asked for: the pod's end is what counts.
  if (node && !pod && !exists(node, "nodes", ""))
    return std::nullopt;
  if (pod) {
    note("pod-name", json::get_string(*pod, "name"));
    note("pod-uid", json::get_string(*pod, "uid"));
  }
  if (node) {
    note("node-name", json::get_string(*node, "name"));
    note("node-uid", json::get_string(*node, "uid"));
  }
  return out;
}

std::optional<token_identity>
service_account_tokens::judge_of_secret(const json::value& claims, std::string_view token,
                                        const std::vector<std::string>& audiences) const {
  auto get = [&](std::string_view key) {
    return json::get_string(claims, std::string{legacy_prefix}.append(key));
  };
  const auto ns = get("namespace");
  const auto name = get("service-account.name");
  const auto uid = get("service-account.uid");
  const bool meant = audiences.empty() || has(audiences, deps_.issuer);
  const auto secret = deps_.state->get("secrets", ns, get("secret.name"));
  if (!meant || json::get_string(claims, "sub") != service_account_user(ns, name) || !secret ||
      secret->meta().deleting || !live("serviceaccounts", ns, name, uid))
    return std::nullopt;
  const auto held = typed<v1::secret>(*secret);
  const auto it = held->data.find("token");
  // What the Secret holds now is what counts: it may have been given another token.
  if (it == held->data.end() || decode_base64(it->second) != token)
    return std::nullopt;
  return token_identity{account_user(ns, name, uid), {deps_.issuer}};
}

std::optional<token_identity>
service_account_tokens::authenticate(std::string_view token,
                                     const std::vector<std::string>& audiences) const {
  const auto claims = claims_of(token);
  if (!claims)
    return std::nullopt;
  const auto issuer = json::get_string(*claims, "iss");
  if (issuer == deps_.issuer)
    return judge(*claims, audiences);
  if (issuer == legacy_issuer)
    return judge_of_secret(*claims, token, audiences);
  return std::nullopt;
}

std::string service_account_tokens::discovery_document(const std::string& server) const {
  json::document doc(rapidjson::kObjectType);
  auto& a = doc.GetAllocator();
  auto list = [&](std::vector<std::string> items) {
    json::value v(rapidjson::kArrayType);
    for (const auto& x : items)
      v.PushBack(json::make_string(x, a), a);
    return v;
  };
  std::vector<std::string> algorithms;
  for (const auto& k : deps_.keys)
    if (!has(algorithms, k.algorithm()))
      algorithms.push_back(k.algorithm());
  json::set(doc, "issuer", deps_.issuer, a);
  json::set(doc, "jwks_uri", server + "/openid/v1/jwks", a);
  json::set(doc, "response_types_supported", list({"id_token"}), a);
  json::set(doc, "subject_types_supported", list({"public"}), a);
  json::set(doc, "id_token_signing_alg_values_supported", list(algorithms), a);
  return json::to_string(doc);
}

std::string service_account_tokens::key_set() const {
  json::document doc(rapidjson::kObjectType);
  auto& a = doc.GetAllocator();
  json::value keys(rapidjson::kArrayType);
  for (const auto& k : deps_.keys)
    keys.PushBack(k.jwk(a), a);
  json::set(doc, "keys", std::move(keys), a);
  return json::to_string(doc);
}

} // namespace thespis::api::auth
