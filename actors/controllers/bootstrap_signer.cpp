#include "actors/controllers/bootstrap_signer.hpp"

#include "api/generated/core_v1_config.hpp"
#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "api/text/time.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <map>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

constexpr const char* token_type = "bootstrap.kubernetes.io/token";
constexpr const char* name_prefix = "bootstrap-token-";
constexpr const char* signature_prefix = "jws-kubeconfig-";
const object_id cluster_info{"kube-public", "cluster-info"};

std::string value_of(const v1::secret& s, const char* key) {
  const auto it = s.data.find(key);
  return it == s.data.end() ? std::string{} : api::decode_base64(it->second).value_or("");
}

bool is_token(const observed<v1::secret>& s) {
  return s->type == token_type && s.object->ns() == "kube-system" && !s.object->meta().deleting;
}

/// When the token ends; nothing for one that does not, the epoch for one that cannot be read.
std::optional<wall_time> end_of(const v1::secret& s) {
  const auto text = value_of(s, "expiration");
  if (text.empty())
    return std::nullopt;
  return api::parse_time(text).value_or(wall_time{});
}

watch_spec token_secrets(key_mapper keys) {
  api::selection tokens;
  tokens.field_selector = std::string{"type="} + token_type;
  return {"secrets", std::move(keys), std::move(tokens)};
}

class bootstrap_signer final : public reconciler {
public:
  std::string_view name() const override { return "bootstrapsigner"; }

  std::vector<watch_spec> watches() const override {
    auto always = [](const api::object&, const api::object_ptr&, const view&) {
      return std::vector<object_id>{cluster_info};
    };
    api::selection info;
    info.ns = cluster_info.ns;
    info.name = cluster_info.name;
    return {{"configmaps", always, info}, token_secrets(always)};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto map = v.get<v1::config_map>(key.ns, key.name);
    if (!map || map.object->meta().deleting || !map->data.contains("kubeconfig"))
      return res;
    std::map<std::string, std::string> wanted;
    for (const auto& s : v.list<v1::secret>("kube-system")) {
      const auto id = value_of(*s, "token-id");
      const auto secret = value_of(*s, "token-secret");
      if (!is_token(s) || secret.empty() || s.object->name() != name_prefix + id ||
          value_of(*s, "usage-bootstrap-signing") != "true")
        continue;
      if (const auto end = end_of(*s)) {
        if (*end <= now)
          continue;
        res.requeue_after = std::min(res.requeue_after.value_or(*end - now), *end - now);
      }
      wanted[signature_prefix + id] = sign_detached(map->data.at("kubeconfig"), id, secret);
    }
    auto next = *map;
    std::erase_if(next.data, [](const auto& e) { return e.first.starts_with(signature_prefix); });
    next.data.merge(wanted);
    if (next.data != map->data)
      res.calls.push_back(update_call(next));
    return res;
  }
};

class token_cleaner final : public reconciler {
public:
  std::string_view name() const override { return "tokencleaner"; }

  std::vector<watch_spec> watches() const override { return {token_secrets(self_key())}; }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto s = v.get<v1::secret>(key.ns, key.name);
    if (!s || !is_token(s))
      return res;
    const auto end = end_of(*s);
    if (!end)
      return res;
    if (*end <= now)
      res.calls.push_back(delete_call(*s.object));
    else
      res.requeue_after = *end - now;
    return res;
  }
};

} // namespace

std::string sign_detached(std::string_view content, const std::string& token_id,
                          std::string_view token_secret) {
  const auto header =
      api::encode_base64url(R"({"alg":"HS256","kid":)" + api::json::quote(token_id) + "}");
  const auto text = header + "." + api::encode_base64url(content);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), token_secret.data(), static_cast<int>(token_secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return header + ".." + api::encode_base64url({reinterpret_cast<const char*>(mac), size});
}

std::unique_ptr<reconciler> make_bootstrap_signer() {
  return std::make_unique<bootstrap_signer>();
}

std::unique_ptr<reconciler> make_token_cleaner() {
  return std::make_unique<token_cleaner>();
}

} // namespace thespis::actors
