#include "api/auth/bootstrap_tokens.hpp"

#include "api/auth/access.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"
#include "api/text/time.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace thespis::api::auth {

namespace {

constexpr size_t id_size = 6;
constexpr size_t secret_size = 16;
constexpr std::string_view group = "system:bootstrappers";

bool is_plain(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

std::string value_of(const v1::secret& s, const char* key) {
  const auto it = s.data.find(key);
  return it == s.data.end() ? std::string{} : decode_base64(it->second).value_or("");
}

/// "system:bootstrappers:" and parts of letters, digits, ':' and '-', as Kubernetes allows.
bool is_bootstrap_group(std::string_view name) {
  if (!name.starts_with(group) || name.size() < group.size() + 2 || name[group.size()] != ':')
    return false;
  const auto rest = name.substr(group.size() + 1);
  const bool plain = std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '-';
  });
  return plain && rest.back() != ':' && rest.back() != '-';
}

} // namespace

std::optional<token_identity> authenticate_bootstrap_token(const reader& state, clock_time now,
                                                           std::string_view token) {
  if (token.size() != id_size + 1 + secret_size || token[id_size] != '.')
    return std::nullopt;
  const auto id = token.substr(0, id_size);
  const auto proof = token.substr(id_size + 1);
  if (!is_plain(id) || !is_plain(proof))
    return std::nullopt;
  const auto object = state.get("secrets", "kube-system", "bootstrap-token-" + std::string{id});
  if (!object || object->meta().deleting)
    return std::nullopt;
  const auto secret = typed<v1::secret>(*object);
  const auto expected = value_of(*secret, "token-secret");
  if (secret->type != "bootstrap.kubernetes.io/token" || value_of(*secret, "token-id") != id ||
      expected.size() != proof.size() ||
      CRYPTO_memcmp(expected.data(), proof.data(), proof.size()) != 0 ||
      value_of(*secret, "usage-bootstrap-authentication") != "true")
    return std::nullopt;
  if (const auto end = value_of(*secret, "expiration"); !end.empty()) {
    const auto time = parse_time(end);
    if (!time || *time <= now)
      return std::nullopt;
  }
  token_identity out;
  out.user.name = "system:bootstrap:" + std::string{id};
  out.user.groups = {std::string{group}, std::string{authenticated_group}};
  const auto more = value_of(*secret, "auth-extra-groups");
  for (std::string_view rest = more; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto name = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!is_bootstrap_group(name))
      return std::nullopt; // Kubernetes refuses the token, too
    out.user.groups.emplace_back(name);
  }
  return out;
}

} // namespace thespis::api::auth
