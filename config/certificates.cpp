#include "config/certificates.hpp"

#include "api/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <arpa/inet.h>

namespace thespis::config {

namespace {

// Clocks of clients differ from ours.
constexpr std::chrono::hours clock_skew{1};

using namespace api::openssl;

tl::unexpected<api::error> bad(std::string message) {
  return api::fail(api::reason::bad_request, std::move(message));
}

tl::unexpected<api::error> openssl_failed(std::string_view what) {
  char text[256] = {};
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return api::fail(api::reason::internal_error, std::string{what} + " failed: " + text);
}

std::string drain(BIO* bio) {
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

x509_ptr parse_certificate(std::string_view pem) {
  x509_ptr certificate{PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  return certificate;
}

key_ptr parse_key(std::string_view pem) {
  // Without a callback OpenSSL would ask the terminal for the password of an encrypted key.
  auto refuse = [](char*, int, int, void*) { return -1; };
  key_ptr key{PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, refuse, nullptr)};
  ERR_clear_error();
  return key;
}

std::string certificate_to_pem(X509* certificate) {
  bio_ptr out{BIO_new(BIO_s_mem())};
  return PEM_write_bio_X509(out.get(), certificate) == 1 ? drain(out.get()) : std::string{};
}

std::string key_to_pem(EVP_PKEY* key) {
  bio_ptr out{BIO_new(BIO_s_secmem())};
  bool done = PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return done ? drain(out.get()) : std::string{};
}

wall_time to_time(const ASN1_TIME* t) {
  std::tm parts{};
  ASN1_TIME_to_tm(t, &parts);
  return wall_time{std::chrono::seconds{timegm(&parts)}};
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

bool add_to_name(X509_NAME* name, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value)};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool is_dns_name(std::string_view name) {
  if (name.starts_with("*."))
    name.remove_prefix(2);
  bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
  });
  return plain && !name.empty() && name.size() <= 253 && name.front() != '.' &&
         name.front() != '-' && name.find("..") == std::string_view::npos;
}

/// The subject alternative name, built from values: a configuration string would need quoting.
api::result<names_ptr> alternative_names(const std::vector<std::string>& names) {
  names_ptr out{GENERAL_NAMES_new()};
  for (const auto& name : names) {
    std::unique_ptr<GENERAL_NAME, freed_by<GENERAL_NAME_free>> entry{GENERAL_NAME_new()};
    if (auto* address = a2i_IPADDRESS(name.c_str())) {
      GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address);
    } else if (is_dns_name(name)) {
      auto* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
      GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text);
    } else {
      return bad("\"" + name + "\" is neither a DNS name nor an IP address");
    }
    if (sk_GENERAL_NAME_push(out.get(), entry.get()) <= 0)
      return openssl_failed("adding a name to a certificate");
    entry.release();
  }
  ERR_clear_error();
  return out;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> out;
  names_ptr names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      const auto* data = ASN1_STRING_get0_data(name->d.dNSName);
      out.emplace_back(reinterpret_cast<const char*>(data),
                       static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = {};
      bool v4 = ASN1_STRING_length(name->d.iPAddress) == 4;
      inet_ntop(v4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text,
                sizeof text);
      out.emplace_back(text);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> subject_fields(X509* certificate, int nid) {
  std::vector<std::string> out;
  const auto* name = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size >= 0)
      out.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return out;
}

/// A certificate without extensions for `key`, not yet signed.
x509_ptr blank(EVP_PKEY* key, const certificate_request& request, wall_time from, wall_time to) {
  x509_ptr certificate{X509_new()};
  if (!certificate)
    return nullptr;
  auto* name = X509_get_subject_name(certificate.get());
  bool done =
      X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(certificate.get()) &&
      X509_set_pubkey(certificate.get(), key) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from.time_since_epoch().count()) &&
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to.time_since_epoch().count());
  for (const auto& organization : request.organizations)
    done = done && add_to_name(name, "O", organization);
  done = done && add_to_name(name, "CN", request.common_name);
  return done ? std::move(certificate) : nullptr;
}

const char* extended_usage(usage use) {
  switch (use) {
  case usage::server:
    return "serverAuth";
  case usage::client:
    return "clientAuth";
  case usage::both:
    return "serverAuth,clientAuth";
  }
  return "";
}

} // namespace

api::result<certificate_info> inspect_certificate(std::string_view pem) {
  auto certificate = parse_certificate(pem);
  if (!certificate)
    return bad("no certificate in PEM");
  certificate_info info;
  auto common_names = subject_fields(certificate.get(), NID_commonName);
  info.common_name = common_names.empty() ? "" : common_names.front();
  info.organizations = subject_fields(certificate.get(), NID_organizationName);
  info.names = names_of(certificate.get());
  info.not_before = to_time(X509_get0_notBefore(certificate.get()));
  info.not_after = to_time(X509_get0_notAfter(certificate.get()));
  info.is_ca = X509_check_ca(certificate.get()) == 1;
  return info;
}

api::result<signer> signer::create(const std::string& common_name, wall_time now,
                                   std::chrono::seconds lifetime) {
  key_ptr key{EVP_EC_gen("P-256")};
  if (!key)
    return openssl_failed("making a key");
  certificate_request request;
  request.common_name = common_name;
  auto certificate = blank(key.get(), request, now - clock_skew, now + lifetime);
  auto* c = certificate.get();
  bool done = c != nullptr && X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 &&
              add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE") &&
              add_extension(c, c, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
              add_extension(c, c, NID_subject_key_identifier, "hash") &&
              X509_sign(c, key.get(), EVP_sha256()) > 0;
  if (!done)
    return openssl_failed("making the certificate authority");
  return load({certificate_to_pem(c), key_to_pem(key.get())});
}

api::result<signer> signer::load(const key_pair& pem) {
  auto certificate = parse_certificate(pem.certificate);
  auto key = parse_key(pem.key);
  if (!certificate)
    return bad("no certificate in PEM");
  if (!key)
    return bad("no private key in PEM, or one with a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return bad("certificate and private key do not belong together");
  }
  if (X509_check_ca(certificate.get()) != 1)
    return bad("not the certificate of an authority (CA:TRUE is missing)");
  signer out;
  out.not_after_ = to_time(X509_get0_notAfter(certificate.get()));
  out.certificate_ = std::shared_ptr<X509>{certificate.release(), X509_free};
  out.key_ = std::shared_ptr<EVP_PKEY>{key.release(), EVP_PKEY_free};
  out.pem_ = pem;
  return out;
}

api::result<key_pair> signer::issue(const certificate_request& request, wall_time now) const {
  auto names = alternative_names(request.names);
  if (!names)
    return api::fail(names.error());
  key_ptr key{EVP_EC_gen("P-256")};
  if (!key)
    return openssl_failed("making a key");
  auto certificate =
      blank(key.get(), request, now - clock_skew, std::min(now + request.lifetime, not_after_));
  auto* c = certificate.get();
  auto* ca = certificate_.get();
  bool done = c != nullptr && X509_set_issuer_name(c, X509_get_subject_name(ca)) == 1 &&
              add_extension(c, ca, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(c, ca, NID_key_usage, "critical,digitalSignature") &&
              add_extension(c, ca, NID_ext_key_usage, extended_usage(request.use)) &&
              add_extension(c, ca, NID_authority_key_identifier, "keyid:always");
  if (done && !request.names.empty())
    done = X509_add1_ext_i2d(c, NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT) == 1;
  if (!done || X509_sign(c, key_.get(), EVP_sha256()) <= 0)
    return openssl_failed("issuing a certificate");
  return key_pair{certificate_to_pem(c), key_to_pem(key.get())};
}

bool signer::vouches_for(const key_pair& pair, wall_time at) const {
  auto certificate = parse_certificate(pair.certificate);
  auto key = parse_key(pair.key);
  bool good = certificate && key &&
              X509_check_issued(certificate_.get(), certificate.get()) == X509_V_OK &&
              X509_verify(certificate.get(), key_.get()) == 1 &&
              X509_check_private_key(certificate.get(), key.get()) == 1 &&
              to_time(X509_get0_notBefore(certificate.get())) <= at &&
              at < to_time(X509_get0_notAfter(certificate.get()));
  ERR_clear_error();
  return good;
}

} // namespace thespis::config
