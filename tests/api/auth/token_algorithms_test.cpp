// The ways to sign tokens that keys of outside issuers may use.
#include "api/auth/jwt.hpp"
#include "api/openssl.hpp"
#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

using namespace thespis::api;
using auth::token_key;

namespace {

using key = openssl::key_ptr;

std::string public_pem(const key& k) {
  openssl::bio_ptr out{BIO_new(BIO_s_mem())};
  PEM_write_bio_PUBKEY(out.get(), k.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

const EVP_MD* digest_of(std::string_view algorithm) {
  const auto bits = algorithm.substr(2);
  return bits == "256" ? EVP_sha256() : bits == "384" ? EVP_sha384() : EVP_sha512();
}

/// r and s beside one another, each of as many bytes as the curve's numbers have.
std::string side_by_side(const std::string& der, int half) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  auto* s = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string out(static_cast<size_t>(2 * half), '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(s), to, half);
  BN_bn2binpad(ECDSA_SIG_get0_s(s), to + half, half);
  ECDSA_SIG_free(s);
  return out;
}

std::string signature(const key& k, std::string_view algorithm, const std::string& text) {
  auto* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  BOOST_REQUIRE(EVP_DigestSignInit(context, &options, digest_of(algorithm), nullptr, k.get()) == 1);
  if (algorithm.starts_with("PS")) {
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  }
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, data, text.size());
  std::string out(size, '\0');
  BOOST_REQUIRE(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, data,
                               text.size()) == 1);
  out.resize(size);
  EVP_MD_CTX_free(context);
  return algorithm.starts_with("ES") ? side_by_side(out, (EVP_PKEY_get_bits(k.get()) + 7) / 8)
                                     : out;
}

std::string token(const key& k, const std::string& algorithm) {
  const auto text = encode_base64url(R"({"alg":")" + algorithm + "\"}") + "." +
                    encode_base64url(R"({"sub":"a"})");
  return text + "." + encode_base64url(signature(k, algorithm, text));
}

/// What an issuer publishes of the key; `algorithm` empty: it does not say.
std::string published(const key& k, const std::string& algorithm) {
  json::document doc{rapidjson::kObjectType};
  auto jwk = token_key::load(public_pem(k))->jwk(doc.GetAllocator());
  json::erase(jwk, "alg");
  if (!algorithm.empty())
    json::set(jwk, "alg", algorithm, doc.GetAllocator());
  return json::to_string(jwk);
}

bool is_good(const std::string& token, const std::string& jwk,
             const std::vector<std::string>& allowed = {}) {
  const auto k = token_key::from_jwk(*json::parse(jwk));
  BOOST_REQUIRE_MESSAGE(k, jwk);
  return auth::verify_token(token, {*k}, allowed).has_value();
}

const std::vector<std::pair<std::string, std::vector<std::string>>> kinds{
    {"RSA", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
    {"P-256", {"ES256"}},
    {"P-384", {"ES384"}},
    {"P-521", {"ES512"}}};

key make(const std::string& kind) {
  return key{kind == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen(kind.c_str())};
}

} // namespace

BOOST_AUTO_TEST_SUITE(token_algorithms)

BOOST_AUTO_TEST_CASE(each_key_is_good_for_the_algorithms_of_its_kind) {
  size_t seen = 0;
  for (const auto& [kind, algorithms] : kinds) {
    const auto k = make(kind);
    for (const auto& a : algorithms) {
      ++seen;
      BOOST_TEST_CONTEXT(a) {
        const auto t = token(k, a);
        BOOST_TEST(is_good(t, published(k, "")));
        BOOST_TEST(is_good(t, published(k, a)));
        BOOST_TEST(is_good(t, published(k, ""), {"RS256", a}));
        auto changed = t;
        changed[t.rfind('.') + 7] = changed[t.rfind('.') + 7] == 'A' ? 'B' : 'A';
        BOOST_TEST(!is_good(changed, published(k, "")));
        BOOST_TEST(!is_good(t, published(make(kind), "")));
      }
    }
  }
  BOOST_TEST(seen == auth::signing_algorithms().size());
}

BOOST_AUTO_TEST_CASE(nothing_but_what_the_key_and_the_settings_allow) {
  const auto k = make("RSA");
  const auto t = token(k, "PS256");
  BOOST_TEST(!is_good(t, published(k, "RS256")));
  BOOST_TEST(!is_good(t, published(k, ""), {"RS256", "PS384"}));
  // Signed in one way, and said to be in another.
  auto other = encode_base64url(R"({"alg":"RS256"})") + t.substr(t.find('.'));
  BOOST_TEST(!is_good(other, published(k, "")));
  for (const auto* none : {"none", "HS256", "ES256", "rs256", "", "EdDSA"}) {
    other = encode_base64url(std::string(R"({"alg":")") + none + "\"}") + t.substr(t.find('.'));
    BOOST_TEST(!is_good(other, published(k, "")), none);
  }
  BOOST_TEST(!token_key::from_jwk(*json::parse(published(k, "ES256"))));
  BOOST_TEST(!token_key::from_jwk(*json::parse(published(make("P-384"), "ES256"))));
  BOOST_TEST(!token_key::from_jwk(*json::parse(published(make("P-384"), "HS384"))));
  BOOST_TEST(!token_key::load(public_pem(make("secp224r1"))));
}

BOOST_AUTO_TEST_SUITE_END()
