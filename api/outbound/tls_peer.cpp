#include "api/outbound/tls_peer.hpp"

#include <boost/asio/ip/address.hpp>

#include <openssl/x509v3.h>

#include <algorithm>

namespace thespis::api::outbound {

namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using error_code = boost::system::error_code;

} // namespace

std::string errno_words(const error_code& ec) {
  auto words = ec.message();
  if (!words.empty())
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

bool tls_peer::trust(ssl::context& context, const std::string& ca_bundle) {
  context.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  error_code ec;
  if (ca_bundle.empty())
    context.set_default_verify_paths(ec);
  else
    context.add_certificate_authority(asio::buffer(ca_bundle), ec);
  // An authority that was named is trusted, whoever has signed it.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.native_handle()),
                              X509_V_FLAG_PARTIAL_CHAIN);
  return !ec;
}

bool tls_peer::literal() const {
  error_code ec;
  asio::ip::make_address(host_, ec);
  return !ec;
}

void tls_peer::announce(SSL* ssl) const {
  if (!literal())
    SSL_set_tlsext_host_name(ssl, host_.c_str());
}

void tls_peer::expect(SSL* ssl) {
  auto* param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (literal())
    X509_VERIFY_PARAM_set1_ip_asc(param, host_.c_str());
  else
    X509_VERIFY_PARAM_set1_host(param, host_.c_str(), host_.size());
  announce(ssl);
}

bool tls_peer::note(bool good, ssl::verify_context& context) {
  if (good || verdict_ != X509_V_OK)
    return good;
  verdict_ = X509_STORE_CTX_get_error(context.native_handle());
  auto* cert = X509_STORE_CTX_get0_cert(context.native_handle());
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names); ++i) {
    const auto* n = sk_GENERAL_NAME_value(names, i);
    const auto* s = n->type == GEN_DNS     ? n->d.dNSName
                    : n->type == GEN_IPADD ? n->d.iPAddress
                                           : nullptr;
    if (!s)
      continue;
    const auto* bytes = ASN1_STRING_get0_data(s);
    auto size = static_cast<size_t>(ASN1_STRING_length(s));
    if (n->type == GEN_DNS)
      dns_.emplace_back(reinterpret_cast<const char*>(bytes), size);
    else if (size == 4)
      ip_.push_back(asio::ip::address_v4({bytes[0], bytes[1], bytes[2], bytes[3]}).to_string());
    else if (size == 16) {
      asio::ip::address_v6::bytes_type b;
      std::copy_n(bytes, 16, b.begin());
      ip_.push_back(asio::ip::address_v6(b).to_string());
    }
  }
  GENERAL_NAMES_free(names);
  return good;
}

std::string tls_peer::distrust() const {
  switch (verdict_) {
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH: {
    const auto& names = literal() ? ip_ : dns_;
    if (names.empty())
      return literal() ? "cannot validate certificate for " + host_ +
                             " because it doesn't contain any IP SANs"
                       : "certificate is not valid for any names, but wanted to match " + host_;
    std::string list;
    for (const auto& n : names)
      list += (list.empty() ? "" : ", ") + n;
    return "certificate is valid for " + list + ", not " + host_;
  }
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "certificate has expired or is not yet valid";
  default:
    return "certificate signed by unknown authority";
  }
}

std::string tls_peer::failure(const error_code& ec) const {
  if (verdict_ != X509_V_OK)
    return "tls: failed to verify certificate: x509: " + distrust();
  if (ec == asio::error::eof || ec == ssl::error::stream_truncated)
    return "EOF";
  if (ERR_GET_LIB(static_cast<unsigned long>(ec.value())) == ERR_LIB_SSL) {
    auto why = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    if (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST)
      return "http: server gave HTTP response to HTTPS client";
    return "remote error: tls: " + errno_words(ec);
  }
  return "read tcp: " + errno_words(ec);
}

} // namespace thespis::api::outbound
