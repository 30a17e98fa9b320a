#include "api/auth/trust_anchors.hpp"

#include "api/openssl.hpp"
#include "api/text/names.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <map>
#include <memory>

namespace thespis::api::auth {

namespace {

using namespace openssl;

void free_openssl(void* p) {
  OPENSSL_free(p);
}

struct block {
  std::string type, header, bytes;
};

/// The next block. Nothing at the end; `broken` when what comes there is none.
bool next_block(BIO* in, block& out, bool& broken) {
  char* type = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  if (PEM_read_bio(in, &type, &header, &bytes, &size) != 1) {
    broken = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    return false;
  }
  out.type = type;
  out.header = header;
  out.bytes.assign(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  free_openssl(type);
  free_openssl(header);
  free_openssl(bytes);
  return true;
}

bool is_certificate(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const x509_ptr read{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
  ERR_clear_error();
  return read && at == reinterpret_cast<const unsigned char*>(der.data()) + der.size();
}

/// As Go prints a list of numbers: "[0 2]".
std::string printed(const std::vector<size_t>& numbers) {
  std::string out;
  for (const auto n : numbers)
    out += (out.empty() ? "[" : " ") + std::to_string(n);
  return out + "]";
}

} // namespace

trust_anchors read_trust_anchors(std::string_view pem) {
  trust_anchors out;
  const bio_ptr in{
      BIO_new_mem_buf(pem.data(), static_cast<int>(std::min(pem.size(), size_t{1} << 30)))};
  block b;
  bool broken = false;
  std::map<std::string, std::vector<size_t>> places;
  size_t i = 0;
  for (; next_block(in.get(), b, broken); ++i) {
    const auto entry = "entry " + std::to_string(i);
    if (b.type != "CERTIFICATE") {
      out.complaints.push_back(entry + " has bad block type: " + b.type);
    } else if (!b.header.empty()) {
      out.complaints.push_back(entry + " has PEM block headers");
    } else if (!is_certificate(b.bytes)) {
      out.complaints.push_back(entry + " does not parse as X.509");
    } else {
      places[b.bytes].push_back(i);
      out.der.push_back(std::move(b.bytes));
    }
  }
  if (broken)
    out.complaints.push_back("entry " + std::to_string(i) + " does not parse as X.509");
  if (!out.complaints.empty())
    return out;
  if (places.empty())
    out.complaints.emplace_back("at least one trust anchor must be provided");
  for (const auto& [der, at] : places)
    if (at.size() > 1)
      out.complaints.push_back("duplicate trust anchor (indices " + printed(at) + ")");
  return out;
}

std::string trust_anchors_pem(const std::set<std::string>& der) {
  const bio_ptr out{BIO_new(BIO_s_mem())};
  for (const auto& one : der)
    PEM_write_bio(out.get(), "CERTIFICATE", "", reinterpret_cast<const unsigned char*>(one.data()),
                  static_cast<long>(one.size()));
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string trust_bundle_prefix(std::string_view signer) {
  std::string out{signer};
  std::replace(out.begin(), out.end(), '/', ':');
  return out + ":";
}

std::vector<std::string> check_trust_bundle_name(std::string_view name, std::string_view signer) {
  if (signer.empty()) {
    if (name.find(':') != name.npos)
      return {R"(ClusterTrustBundle without signer name must not have ":" in its name)"};
    return check_dns1123_subdomain(name);
  }
  const auto prefix = trust_bundle_prefix(signer);
  if (!name.starts_with(prefix))
    return {"ClusterTrustBundle for signerName " + std::string{signer} +
            " must be named with prefix " + prefix};
  return check_dns1123_subdomain(name.substr(prefix.size()));
}

} // namespace thespis::api::auth
