#include "runtime/store/encryption.hpp"

#include "api/json.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/yaml.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>

namespace thespis::runtime {

namespace json = api::json;

namespace {

constexpr std::string_view any_prefix = "k8s:enc:";
constexpr std::string_view prefix = "k8s:enc:aesgcm:v1:";
constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;

struct cipher_deleter {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using cipher_ptr = std::unique_ptr<EVP_CIPHER_CTX, cipher_deleter>;

const EVP_CIPHER* cipher_of(size_t key_bytes) {
  return key_bytes == 16   ? EVP_aes_128_gcm()
         : key_bytes == 24 ? EVP_aes_192_gcm()
                           : EVP_aes_256_gcm();
}

unsigned char* bytes_of(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}
const unsigned char* bytes_of(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

/// Nonce, ciphertext and tag. A machine whose cryptography fails must not write in the clear.
std::string encrypt(const std::string& key, std::string_view place, std::string_view plain) {
  std::string out(nonce_bytes + plain.size() + tag_bytes, '\0');
  const cipher_ptr c{EVP_CIPHER_CTX_new()};
  int n = 0;
  auto* body = bytes_of(out) + nonce_bytes;
  const bool ok =
      RAND_bytes(bytes_of(out), nonce_bytes) == 1 &&
      EVP_EncryptInit_ex(c.get(), cipher_of(key.size()), nullptr, bytes_of(key), bytes_of(out)) ==
          1 &&
      EVP_EncryptUpdate(c.get(), nullptr, &n, bytes_of(place), static_cast<int>(place.size())) ==
          1 &&
      EVP_EncryptUpdate(c.get(), body, &n, bytes_of(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(c.get(), body + plain.size(), &n) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, body + plain.size()) == 1;
  if (!ok)
    std::abort();
  return out;
}

std::optional<std::string> decrypt(const std::string& key, std::string_view place,
                                   std::string_view sealed) {
  if (sealed.size() < nonce_bytes + tag_bytes)
    return std::nullopt;
  const auto body = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  std::string out(body.size(), '\0');
  const cipher_ptr c{EVP_CIPHER_CTX_new()};
  int n = 0;
  const bool ok =
      EVP_DecryptInit_ex(c.get(), cipher_of(key.size()), nullptr, bytes_of(std::string_view{key}),
                         bytes_of(sealed)) == 1 &&
      EVP_DecryptUpdate(c.get(), nullptr, &n, bytes_of(place), static_cast<int>(place.size())) ==
          1 &&
      EVP_DecryptUpdate(c.get(), bytes_of(out), &n, bytes_of(body),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(c.get(), bytes_of(out) + out.size(), &n) == 1;
  return ok ? std::optional{std::move(out)} : std::nullopt;
}

bool covers(std::string_view wanted, std::string_view resource) {
  if (wanted == "*.*" || wanted == resource)
    return true;
  if (!wanted.starts_with("*."))
    return false;
  const auto group = wanted.substr(2);
  const auto dot = resource.find('.');
  return dot == resource.npos ? group.empty() : resource.substr(dot + 1) == group;
}

} // namespace

/// Reads a configuration; what it refuses is named by its path.
class encryption_reader {
public:
  api::result<encryption> read(const json::value& doc) {
    encryption out;
    const auto* entries = json::find(doc, "resources");
    if (json::get_string(doc, "kind") != "EncryptionConfiguration" ||
        json::get_string(doc, "apiVersion") != "apiserver.config.k8s.io/v1")
      refuse("kind", "must be an EncryptionConfiguration of apiserver.config.k8s.io/v1");
    else if (entries == nullptr || !entries->IsArray() || entries->Empty())
      refuse("resources", "must have at least one entry");
    else
      for (rapidjson::SizeType i = 0; i < entries->Size(); ++i)
        out.rules_.push_back(read_rule((*entries)[i], "resources[" + std::to_string(i) + "]"));
    if (!problem_.empty())
      return api::fail(api::bad_request("encryption configuration: " + problem_));
    return out;
  }

private:
  void refuse(const std::string& at, const std::string& why) {
    if (problem_.empty())
      problem_ = at + ": " + why;
  }

  encryption::rule read_rule(const json::value& entry, const std::string& at) {
    encryption::rule r;
    const auto* names = entry.IsObject() ? json::find(entry, "resources") : nullptr;
    const auto* providers = entry.IsObject() ? json::find(entry, "providers") : nullptr;
    if (names == nullptr || !names->IsArray() || names->Empty())
      refuse(at + ".resources", "must name at least one resource");
    else
      for (const auto& n : names->GetArray())
        r.resources.emplace_back(json::as_string(n));
    if (providers == nullptr || !providers->IsArray() || providers->Empty())
      refuse(at + ".providers", "must have at least one provider");
    else
      for (rapidjson::SizeType i = 0; i < providers->Size(); ++i)
        read_provider((*providers)[i], at + ".providers[" + std::to_string(i) + "]", i == 0, r);
    return r;
  }

  void read_provider(const json::value& p, const std::string& at, bool first, encryption::rule& r) {
    if (!p.IsObject() || p.MemberCount() != 1)
      return refuse(at, "must be exactly one provider");
    const std::string kind{json::as_string(p.MemberBegin()->name)};
    if (kind == "identity") {
      r.plain_read = true;
      r.plain_first = r.plain_first || first;
      return;
    }
    if (kind != "aesgcm")
      return refuse(at + "." + kind, "is not supported: use aesgcm or identity");
    const auto& body = p.MemberBegin()->value;
    const auto* keys = body.IsObject() ? json::find(body, "keys") : nullptr;
    if (keys == nullptr || !keys->IsArray() || keys->Empty())
      return refuse(at + ".aesgcm.keys", "must have at least one key");
    for (rapidjson::SizeType i = 0; i < keys->Size(); ++i)
      read_key((*keys)[i], at + ".aesgcm.keys[" + std::to_string(i) + "]", r);
  }

  void read_key(const json::value& k, const std::string& at, encryption::rule& r) {
    if (!k.IsObject())
      return refuse(at, "must have a name and a secret");
    encryption::key key;
    key.name = json::get_string(k, "name");
    if (key.name.empty() || key.name.find(':') != std::string::npos)
      return refuse(at + ".name", "must be a name without colons");
    for (const auto& other : r.keys)
      if (other.name == key.name)
        return refuse(at + ".name", "stands here twice");
    auto secret = api::decode_base64(json::get_string(k, "secret"));
    if (!secret)
      return refuse(at + ".secret", "must be base64");
    if (secret->size() != 16 && secret->size() != 24 && secret->size() != 32)
      return refuse(at + ".secret",
                    "must be 16, 24 or 32 bytes, not " + std::to_string(secret->size()));
    key.secret = std::move(*secret);
    r.keys.push_back(std::move(key));
  }

  std::string problem_;
};

api::result<encryption> encryption::parse(std::string_view text) {
  auto doc = api::yaml::parse(text);
  // The parser's words may quote a line, and a line may be a key.
  if (!doc || !doc->IsObject())
    return api::fail(api::bad_request("encryption configuration: not a YAML map"));
  return encryption_reader{}.read(*doc);
}

const encryption::rule* encryption::find(std::string_view resource) const {
  for (const auto& r : rules_)
    if (std::any_of(r.resources.begin(), r.resources.end(),
                    [&](const auto& wanted) { return covers(wanted, resource); }))
      return &r;
  return nullptr;
}

std::string encryption::seal(std::string_view resource, std::string_view place,
                             std::string_view bytes) const {
  const auto* r = find(resource);
  if (r == nullptr || r->plain_first || r->keys.empty())
    return std::string{bytes};
  const auto& k = r->keys.front();
  return std::string{prefix} + k.name + ":" + encrypt(k.secret, place, bytes);
}

api::result<std::string> encryption::open(std::string_view resource, std::string_view place,
                                          std::string stored) const {
  const auto* r = find(resource);
  if (!is_sealed(stored)) {
    if (r == nullptr || r->plain_read || r->keys.empty())
      return stored;
    return api::fail(api::internal_error("it is not encrypted, and no identity provider allows "
                                         "that"));
  }
  if (!stored.starts_with(prefix))
    return api::fail(api::internal_error("it is encrypted in a form that is not known"));
  const auto colon = stored.find(':', prefix.size());
  const auto name = stored.substr(prefix.size(), colon - prefix.size());
  if (r != nullptr && colon != stored.npos)
    for (const auto& k : r->keys)
      if (k.name == name) {
        auto plain = decrypt(k.secret, place, std::string_view{stored}.substr(colon + 1));
        if (plain)
          return std::move(*plain);
        return api::fail(api::internal_error("the key " + api::quote_go(name) +
                                             " does not open it: it is another key, or the bytes "
                                             "were changed"));
      }
  return api::fail(api::internal_error("it is encrypted with the key " + api::quote_go(name) +
                                       ", which the encryption configuration does not have"));
}

bool encryption::is_current(std::string_view resource, std::string_view stored) const {
  const auto* r = find(resource);
  if (r == nullptr || r->plain_first || r->keys.empty())
    return !is_sealed(stored);
  return stored.starts_with(std::string{prefix} + r->keys.front().name + ":");
}

bool encryption::is_sealed(std::string_view stored) {
  // An object is JSON and begins with a brace.
  return stored.starts_with(any_prefix);
}

} // namespace thespis::runtime
