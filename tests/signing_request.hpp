// Certificate signing requests and authorities for tests.
#pragma once

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

namespace thespis::test {

/// A PKCS #10 request in PEM, with a key of its own. `names` is as in OpenSSL's configuration:
/// "DNS:a,IP:10.0.0.1"; empty for none.
inline std::string make_signing_request(const std::string& common_name,
                                        const std::vector<std::string>& organizations,
                                        const std::string& names = {}) {
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509_REQ, void (*)(X509_REQ*)> request{X509_REQ_new(), X509_REQ_free};
  auto* subject = X509_REQ_get_subject_name(request.get());
  auto add = [&](const char* field, const std::string& value) {
    BOOST_REQUIRE(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                             reinterpret_cast<const unsigned char*>(value.data()),
                                             static_cast<int>(value.size()), -1, 0) == 1);
  };
  for (const auto& o : organizations)
    add("O", o);
  if (!common_name.empty())
    add("CN", common_name);
  if (!names.empty()) {
    auto* list = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(
        list, X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
    X509_REQ_add_extensions(request.get(), list);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
  }
  X509_REQ_set_pubkey(request.get(), key.get());
  BOOST_REQUIRE(X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);
  std::unique_ptr<BIO, int (*)(BIO*)> out{BIO_new(BIO_s_mem()), BIO_free};
  PEM_write_bio_X509_REQ(out.get(), request.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

/// A certificate that vouches for itself, in PEM.
inline std::string make_authority(const std::string& common_name) {
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509, void (*)(X509*)> c{X509_new(), X509_free};
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  X509_set_issuer_name(c.get(), X509_get_subject_name(c.get()));
  X509_gmtime_adj(X509_getm_notBefore(c.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(c.get()), 86400);
  X509_set_pubkey(c.get(), key.get());
  BOOST_REQUIRE(X509_sign(c.get(), key.get(), EVP_sha256()) > 0);
  std::unique_ptr<BIO, int (*)(BIO*)> out{BIO_new(BIO_s_mem()), BIO_free};
  PEM_write_bio_X509(out.get(), c.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

} // namespace thespis::test
