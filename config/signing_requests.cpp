// Certificates for keys that others hold: signer::sign_request.
#include "config/certificates.hpp"

#include "api/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <string_view>

namespace thespis::config {

namespace {

// Clocks of clients differ from ours.
constexpr std::chrono::minutes clock_skew{5};

using namespace api::openssl;

tl::unexpected<api::error> failed(api::reason why, std::string message) {
  ERR_clear_error();
  return api::fail(why, std::move(message));
}

/// OpenSSL's name of a usage; empty for usages that certificates have no place for.
struct usage_name {
  std::string_view kubernetes;
  const char* openssl;
  bool extended;
};
constexpr std::array<usage_name, 17> usage_names{{
    {"digital signature", "digitalSignature", false},
    {"signing", "digitalSignature", false},
    {"content commitment", "nonRepudiation", false},
    {"key encipherment", "keyEncipherment", false},
    {"key agreement", "keyAgreement", false},
    {"data encipherment", "dataEncipherment", false},
    {"cert sign", "keyCertSign", false},
    {"crl sign", "cRLSign", false},
    {"encipher only", "encipherOnly", false},
    {"decipher only", "decipherOnly", false},
    {"any", "anyExtendedKeyUsage", true},
    {"server auth", "serverAuth", true},
    {"client auth", "clientAuth", true},
    {"code signing", "codeSigning", true},
    {"email protection", "emailProtection", true},
    {"timestamping", "timeStamping", true},
    {"ocsp signing", "OCSPSigning", true},
}};

std::string usages_as(const std::vector<std::string>& usages, bool extended) {
  std::string out;
  for (const auto& usage : usages)
    for (const auto& n : usage_names)
      if (n.kubernetes == usage && n.extended == extended)
        out += (out.empty() ? "" : ",") + std::string{n.openssl};
  return out;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  // RFC 5280 section 4.1.2.2: positive, at most 20 octets; 16 random ones with the top bit clear.
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  std::unique_ptr<BIGNUM, freed_by<BN_free>> number{BN_bin2bn(bytes, sizeof bytes, nullptr)};
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

/// The names the request asks for; of its other extensions nothing is taken over.
bool copy_names(X509* certificate, X509_REQ* request) {
  extensions_ptr list{X509_REQ_get_extensions(request)};
  const int at = list ? X509v3_get_ext_by_NID(list.get(), NID_subject_alt_name, -1) : -1;
  return at < 0 || X509_add_ext(certificate, X509v3_get_ext(list.get(), at), -1) == 1;
}

} // namespace

api::result<std::string> signer::sign_request(const std::string& request,
                                              const std::vector<std::string>& usages, wall_time now,
                                              std::chrono::seconds lifetime) const {
  const auto in = reader(request);
  request_ptr asked{PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr)};
  auto* key = asked ? X509_REQ_get0_pubkey(asked.get()) : nullptr;
  if (!key || X509_REQ_verify(asked.get(), key) != 1)
    return failed(api::reason::bad_request, "not a certificate request, or wrongly signed");
  x509_ptr certificate{X509_new()};
  auto* c = certificate.get();
  auto* ca = certificate_.get();
  const auto from = now - clock_skew;
  const auto to = std::min(now + lifetime, not_after_);
  bool done = c != nullptr && X509_set_version(c, X509_VERSION_3) == 1 && set_serial(c) &&
              X509_set_pubkey(c, key) == 1 &&
              X509_set_subject_name(c, X509_REQ_get_subject_name(asked.get())) == 1 &&
              X509_set_issuer_name(c, X509_get_subject_name(ca)) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(c), from.time_since_epoch().count()) &&
              ASN1_TIME_set(X509_getm_notAfter(c), to.time_since_epoch().count()) &&
              add_extension(c, ca, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(c, ca, NID_authority_key_identifier, "keyid:always") &&
              copy_names(c, asked.get());
  if (const auto plain = usages_as(usages, false); done && !plain.empty())
    done = add_extension(c, ca, NID_key_usage, "critical," + plain);
  if (const auto extended = usages_as(usages, true); done && !extended.empty())
    done = add_extension(c, ca, NID_ext_key_usage, extended);
  if (!done || X509_sign(c, key_.get(), EVP_sha256()) <= 0)
    return failed(api::reason::internal_error, "cannot sign the certificate");
  bio_ptr out{BIO_new(BIO_s_mem())};
  if (PEM_write_bio_X509(out.get(), c) != 1)
    return failed(api::reason::internal_error, "cannot write the certificate");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

api::result<signing_request> make_signing_request(const std::string& common_name,
                                                  const std::vector<std::string>& organizations) {
  key_ptr key{EVP_EC_gen("P-256")};
  request_ptr request{X509_REQ_new()};
  auto* subject = request ? X509_REQ_get_subject_name(request.get()) : nullptr;
  const auto add = [&](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  bool done = key && subject;
  for (const auto& o : organizations)
    done = done && add("O", o);
  done = done && add("CN", common_name) && X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
         X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
  const auto text = [](BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<size_t>(size));
  };
  bio_ptr key_out{BIO_new(BIO_s_secmem())};
  bio_ptr request_out{BIO_new(BIO_s_mem())};
  done = done &&
         PEM_write_bio_PKCS8PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) == 1 &&
         PEM_write_bio_X509_REQ(request_out.get(), request.get()) == 1;
  if (!done)
    return failed(api::reason::internal_error, "cannot make a certificate request");
  return signing_request{text(key_out.get()), text(request_out.get())};
}

} // namespace thespis::config
