#include "api/auth/csr.hpp"

#include "api/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <arpa/inet.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

namespace thespis::api::auth {

namespace {

using namespace openssl;

constexpr std::string_view node_prefix = "system:node:";
constexpr std::string_view nodes = "system:nodes";

std::string text_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<size_t>(ASN1_STRING_length(s))};
}

std::vector<std::string> fields_of(const X509_NAME* name, int nid) {
  std::vector<std::string> out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size >= 0)
      out.emplace_back(reinterpret_cast<char*>(text), static_cast<size_t>(size));
    OPENSSL_free(text);
  }
  return out;
}

void read_names(X509_REQ* request, csr_info& out) {
  extensions_ptr extensions{X509_REQ_get_extensions(request)};
  names_ptr names{static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      out.dns_names.push_back(text_of(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = {};
      const bool v4 = ASN1_STRING_length(name->d.iPAddress) == 4;
      inet_ntop(v4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text,
                sizeof text);
      out.addresses.emplace_back(text);
    } else {
      out.other_names = true;
    }
  }
}

/// Exactly these usages; the ones in `may` may be missing.
bool usages_are(const std::vector<std::string>& usages,
                std::initializer_list<std::string_view> must,
                std::initializer_list<std::string_view> may) {
  auto in = [](const auto& list, std::string_view x) {
    return std::find(list.begin(), list.end(), x) != list.end();
  };
  return std::all_of(must.begin(), must.end(), [&](auto x) { return in(usages, x); }) &&
         std::all_of(usages.begin(), usages.end(),
                     [&](const auto& x) { return in(must, x) || in(may, x); });
}

std::string refuse_client(const csr_info& csr, const std::vector<std::string>& usages) {
  if (!usages_are(usages, {"client auth"}, {"digital signature", "key encipherment"}))
    return "invalid usages";
  if (csr.common_name.empty())
    return "a common name is required";
  return {};
}

std::string refuse_kubelet(const csr_info& csr) {
  if (csr.organizations != std::vector<std::string>{std::string{nodes}})
    return "subject organization is not system:nodes";
  if (!csr.common_name.starts_with(node_prefix) || csr.common_name.size() == node_prefix.size())
    return "subject common name does not begin with system:node:";
  return {};
}

std::string refuse_kubelet_client(const csr_info& csr, const std::vector<std::string>& usages) {
  if (auto why = refuse_kubelet(csr); !why.empty())
    return why;
  if (!csr.dns_names.empty())
    return "DNS subjectAltNames are not allowed";
  if (!csr.addresses.empty())
    return "IP subjectAltNames are not allowed";
  if (csr.other_names)
    return "email and URI subjectAltNames are not allowed";
  if (!usages_are(usages, {"digital signature", "client auth"}, {"key encipherment"}))
    return "usages did not match";
  return {};
}

std::string refuse_kubelet_serving(const csr_info& csr, const std::vector<std::string>& usages) {
  if (auto why = refuse_kubelet(csr); !why.empty())
    return why;
  if (csr.dns_names.empty() && csr.addresses.empty())
    return "DNS or IP subjectAltName is required";
  if (csr.other_names)
    return "email and URI subjectAltNames are not allowed";
  if (!usages_are(usages, {"digital signature", "server auth"}, {"key encipherment"}))
    return "usages did not match";
  return {};
}

} // namespace

result<csr_info> read_csr(std::string_view pem) {
  const auto in = reader(pem);
  request_ptr request{PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr)};
  auto* key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
  const bool good = key && X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!request)
    return fail(bad_request("PEM block type must be CERTIFICATE REQUEST"));
  if (!good)
    return fail(bad_request("the signature of the certificate request is wrong"));
  csr_info out;
  const auto* subject = X509_REQ_get_subject_name(request.get());
  const auto names = fields_of(subject, NID_commonName);
  out.common_name = names.empty() ? "" : names.back(); // as Go reads several
  out.organizations = fields_of(subject, NID_organizationName);
  read_names(request.get(), out);
  return out;
}

bool is_known_signer(std::string_view signer) {
  return signer == client_signer || signer == kubelet_client_signer ||
         signer == kubelet_serving_signer || signer == legacy_signer;
}

std::string signer_refusal(std::string_view signer, const csr_info& csr,
                           const std::vector<std::string>& usages) {
  if (signer == client_signer)
    return refuse_client(csr, usages);
  if (signer == kubelet_client_signer)
    return refuse_kubelet_client(csr, usages);
  if (signer == kubelet_serving_signer)
    return refuse_kubelet_serving(csr, usages);
  return signer == legacy_signer ? "" : "unknown signer";
}

} // namespace thespis::api::auth
