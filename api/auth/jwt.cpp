#include "api/auth/jwt.hpp"

#include "api/openssl.hpp"
#include "api/text/base64.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

namespace thespis::api::auth {

namespace {

/// A way to sign, RFC 7518 section 3.1.
struct signing {
  std::string_view name;
  const EVP_MD* (*digest)();
  std::string_view curve = {}; ///< as in a JWK; empty: RSA
  const char* group = "";      ///< the curve as OpenSSL calls it
  size_t half = 0;             ///< bytes of each of r and s, and of a coordinate
  bool pss = false;
};

constexpr std::array<signing, 9> signings{{{"RS256", EVP_sha256},
                                           {"RS384", EVP_sha384},
                                           {"RS512", EVP_sha512},
                                           {"PS256", EVP_sha256, "", "", 0, true},
                                           {"PS384", EVP_sha384, "", "", 0, true},
                                           {"PS512", EVP_sha512, "", "", 0, true},
                                           {"ES256", EVP_sha256, "P-256", "prime256v1", 32},
                                           {"ES384", EVP_sha384, "P-384", "secp384r1", 48},
                                           {"ES512", EVP_sha512, "P-521", "secp521r1", 66}}};

/// Null for what is no such name.
const signing* signing_of(std::string_view name) {
  const auto* at =
      std::find_if(signings.begin(), signings.end(), [&](const auto& s) { return s.name == name; });
  return at == signings.end() ? nullptr : at;
}

const signing* signing_on(std::string_view curve) {
  const auto* at = std::find_if(signings.begin(), signings.end(),
                                [&](const auto& s) { return s.curve == curve; });
  return curve.empty() || at == signings.end() ? nullptr : at;
}

constexpr size_t max_header_bytes = 1024;
constexpr unsigned max_claim_depth = 8;
constexpr int min_rsa_bits = 2048;
constexpr size_t max_rsa_bytes = 1024;

using namespace openssl;

using bignum_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using signature_ptr = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

EVP_PKEY* read_key(std::string_view pem, bool& is_private) {
  auto refuse = [](char*, int, int, void*) { return -1; };
  auto source = [&] { return reader(pem); };
  auto* key = PEM_read_bio_PrivateKey(source().get(), nullptr, refuse, nullptr);
  is_private = key != nullptr;
  if (!key)
    key = PEM_read_bio_PUBKEY(source().get(), nullptr, refuse, nullptr);
  ERR_clear_error();
  return key;
}

std::string public_key_id(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0)
    return {};
  std::array<unsigned char, 32> digest{};
  EVP_Digest(der, static_cast<size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return encode_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

/// An ECDSA signature in DER as r and s of `half` bytes each, as a JWS has it.
std::optional<std::string> der_to_raw(const std::string& der, size_t half) {
  const auto* p = bytes(der);
  signature_ptr s{d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size()))};
  std::string raw(2 * half, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  const int size = static_cast<int>(half);
  if (!s || BN_bn2binpad(ECDSA_SIG_get0_r(s.get()), out, size) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(s.get()), out + half, size) < 0)
    return std::nullopt;
  return raw;
}

std::optional<std::string> raw_to_der(std::string_view raw, size_t half) {
  if (raw.size() != 2 * half)
    return std::nullopt;
  const int length = static_cast<int>(half);
  signature_ptr s{ECDSA_SIG_new()};
  bignum_ptr r{BN_bin2bn(bytes(raw), length, nullptr)};
  bignum_ptr t{BN_bin2bn(bytes(raw) + half, length, nullptr)};
  if (!s || !r || !t || ECDSA_SIG_set0(s.get(), r.get(), t.get()) != 1)
    return std::nullopt;
  static_cast<void>(r.release()); // the signature's now
  static_cast<void>(t.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(s.get(), &der);
  if (size <= 0)
    return std::nullopt;
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

/// Has `context` made ready for PSS, when the way to sign is that.
bool pad(EVP_PKEY_CTX* context, const signing& s) {
  return !s.pss || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/// The public key of a JWK; null when it is none that we know.
EVP_PKEY* key_of(const json::value& jwk) {
  auto part = [&](const char* name) { return decode_base64url(json::get_string(jwk, name)); };
  const auto kty = json::get_string(jwk, "kty");
  EVP_PKEY* key = nullptr;
  std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>> build{OSSL_PARAM_BLD_new()};
  std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>> context{
      EVP_PKEY_CTX_new_from_name(nullptr, kty == "EC" ? "EC" : "RSA", nullptr)};
  bignum_ptr n, e;
  std::string point;
  if (kty == "RSA") {
    const auto modulus = part("n"), exponent = part("e");
    if (!modulus || !exponent || modulus->size() > max_rsa_bytes || exponent->size() > 8)
      return nullptr;
    n.reset(BN_bin2bn(bytes(*modulus), static_cast<int>(modulus->size()), nullptr));
    e.reset(BN_bin2bn(bytes(*exponent), static_cast<int>(exponent->size()), nullptr));
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  } else if (const auto* on = signing_on(json::get_string(jwk, "crv")); kty == "EC" && on) {
    const auto x = part("x"), y = part("y");
    if (!x || !y || x->size() != on->half || y->size() != on->half)
      return nullptr;
    point = "\x04" + *x + *y; // uncompressed
    OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, on->group, 0);
    OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
  } else {
    return nullptr;
  }
  std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>> params{
      OSSL_PARAM_BLD_to_param(build.get())};
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    key = nullptr;
  ERR_clear_error();
  return key;
}

std::string number_of(EVP_PKEY* key, const char* parameter, int pad) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &raw) != 1)
    return {};
  bignum_ptr number{raw};
  const int size = std::max(pad, BN_num_bytes(raw));
  std::string out(static_cast<size_t>(size), '\0');
  BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(out.data()), size);
  return encode_base64url(out);
}

error bad_key(std::string message) {
  return bad_request(std::move(message));
}

/// The three parts of a compact token; false for anything else.
bool split(std::string_view token, std::string_view (&parts)[3]) {
  if (token.size() > max_token_bytes)
    return false;
  const auto first = token.find('.');
  if (first == token.npos)
    return false;
  const auto second = token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos)
    return false;
  parts[0] = token.substr(0, first);
  parts[1] = token.substr(first + 1, second - first - 1);
  parts[2] = token.substr(second + 1);
  return !parts[0].empty() && !parts[1].empty() && !parts[2].empty();
}

std::optional<json::document> read_part(std::string_view part, size_t max_bytes) {
  const auto text = part.size() <= max_bytes ? decode_base64url(part) : std::nullopt;
  if (!text)
    return std::nullopt;
  json::limits limits;
  limits.max_bytes = max_bytes;
  limits.max_depth = max_claim_depth;
  auto doc = json::parse(*text, limits);
  if (!doc || !doc->IsObject())
    return std::nullopt;
  return std::move(*doc);
}

} // namespace

result<token_key> token_key::load(std::string_view pem) {
  token_key k;
  k.key_ = std::shared_ptr<EVP_PKEY>{read_key(pem, k.can_sign_), EVP_PKEY_free};
  if (!k.key_)
    return fail(bad_key("no key in PEM, or one with a password"));
  if (auto ok = k.name_algorithm(); !ok)
    return fail(std::move(ok.error()));
  k.id_ = public_key_id(k.key_.get());
  return k;
}

result<token_key> token_key::from_jwk(const json::value& jwk) {
  if (!jwk.IsObject())
    return fail(bad_key("expected a JWK"));
  const auto use = json::get_string(jwk, "use");
  if (!use.empty() && use != "sig")
    return fail(bad_key("a key that is not for signatures"));
  token_key k;
  k.key_ = std::shared_ptr<EVP_PKEY>{key_of(jwk), EVP_PKEY_free};
  if (!k.key_)
    return fail(bad_key("expected an RSA key, or an EC key on P-256, P-384 or P-521"));
  if (auto ok = k.name_algorithm(); !ok)
    return fail(std::move(ok.error()));
  const auto algorithm = json::get_string(jwk, "alg");
  if (!algorithm.empty() && !k.may_verify(algorithm))
    return fail(bad_key("a key for another algorithm"));
  k.only_ = algorithm;
  k.id_ = json::get_string(jwk, "kid");
  return k;
}

result<void> token_key::name_algorithm() {
  auto& k = *this;
  if (EVP_PKEY_get_base_id(k.key_.get()) == EVP_PKEY_EC) {
    char group[32] = {};
    EVP_PKEY_get_utf8_string_param(k.key_.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                   nullptr);
    const auto* on = std::find_if(signings.begin(), signings.end(), [&](const auto& s) {
      return !s.curve.empty() && std::string_view{group} == s.group;
    });
    if (on == signings.end())
      return fail(bad_key("expected a key on the curve P-256, P-384 or P-521"));
    k.algorithm_ = on->name;
  } else if (EVP_PKEY_get_base_id(k.key_.get()) == EVP_PKEY_RSA) {
    if (EVP_PKEY_get_bits(k.key_.get()) < min_rsa_bits)
      return fail(bad_key("expected an RSA key of at least 2048 bits"));
    k.algorithm_ = "RS256";
  } else {
    return fail(bad_key("expected an EC or an RSA key"));
  }
  return {};
}

result<std::string> token_key::make() {
  key_ptr key{EVP_EC_gen("P-256")};
  bio_ptr out{BIO_new(BIO_s_secmem())};
  if (!key || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1)
    return fail(internal_error("cannot make a key"));
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

bool token_key::may_verify(std::string_view algorithm) const {
  if (!only_.empty())
    return algorithm == only_;
  const auto *asked = signing_of(algorithm), *own = signing_of(algorithm_);
  // A curve has one algorithm, an RSA key six.
  return asked && own && asked->curve == own->curve;
}

result<std::string> token_key::sign(std::string_view text) const {
  const auto& how = *signing_of(algorithm_);
  context_ptr context{EVP_MD_CTX_new()};
  size_t size = 0;
  std::string out;
  bool done = can_sign_ && context &&
              EVP_DigestSignInit(context.get(), nullptr, how.digest(), nullptr, key_.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, bytes(text), text.size()) == 1;
  if (done) {
    out.resize(size);
    done = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                          bytes(text), text.size()) == 1;
    out.resize(size);
  }
  auto raw =
      done && how.half > 0 ? der_to_raw(out, how.half) : (done ? std::optional{out} : std::nullopt);
  if (!raw) {
    ERR_clear_error();
    return fail(internal_error("cannot sign a token"));
  }
  return encode_base64url(*raw);
}

bool token_key::verify(std::string_view text, std::string_view signature,
                       std::string_view algorithm) const {
  if (!may_verify(algorithm))
    return false;
  const auto& how = *signing_of(algorithm);
  auto der = how.half > 0 ? raw_to_der(signature, how.half) : std::string{signature};
  context_ptr context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* key = nullptr; // the context's
  const bool good =
      der && context &&
      EVP_DigestVerifyInit(context.get(), &key, how.digest(), nullptr, key_.get()) == 1 &&
      pad(key, how) &&
      EVP_DigestVerify(context.get(), bytes(*der), der->size(), bytes(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

json::value token_key::jwk(json::allocator& a) const {
  json::value out(rapidjson::kObjectType);
  const auto& how = *signing_of(algorithm_);
  const bool ec = how.half > 0;
  json::set(out, "use", "sig", a);
  json::set(out, "kty", ec ? "EC" : "RSA", a);
  json::set(out, "kid", id_, a);
  if (ec)
    json::set(out, "crv", how.curve, a);
  json::set(out, "alg", algorithm_, a);
  auto put = [&](const char* name, const char* parameter) {
    json::set(out, name, number_of(key_.get(), parameter, static_cast<int>(how.half)), a);
  };
  put(ec ? "x" : "n", ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N);
  put(ec ? "y" : "e", ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E);
  return out;
}

bool is_signing_algorithm(std::string_view name) {
  return signing_of(name) != nullptr;
}

std::vector<std::string> signing_algorithms() {
  std::vector<std::string> out;
  for (const auto& s : signings)
    out.emplace_back(s.name);
  return out;
}

result<std::string> sign_token(const token_key& key, const json::value& claims) {
  auto text =
      encode_base64url("{\"alg\":\"" + key.algorithm() + "\",\"kid\":\"" + key.id() + "\"}");
  text += "." + encode_base64url(json::to_string(claims));
  auto signature = key.sign(text);
  if (!signature)
    return signature;
  return text + "." + *signature;
}

std::optional<json::document> verify_token(std::string_view token,
                                           const std::vector<token_key>& keys,
                                           const std::vector<std::string>& allowed) {
  std::string_view parts[3];
  if (!split(token, parts))
    return std::nullopt;
  const auto header = read_part(parts[0], max_header_bytes);
  if (!header)
    return std::nullopt;
  const auto algorithm = json::get_string(*header, "alg");
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), algorithm) == allowed.end())
    return std::nullopt;
  const auto id = json::get_string(*header, "kid");
  const auto signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size());
  std::optional<std::string> signature;
  for (const auto& key : keys) {
    // The key, not the token, says how it signs.
    if (!key.may_verify(algorithm) || (!id.empty() && !key.id().empty() && key.id() != id))
      continue;
    if (!signature)
      signature = decode_base64url(parts[2]);
    if (signature && key.verify(signed_text, *signature, algorithm))
      return read_part(parts[1], max_token_bytes);
  }
  return std::nullopt;
}

} // namespace thespis::api::auth
