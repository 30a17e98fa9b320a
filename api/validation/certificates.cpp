#include "api/validation/certificates.hpp"

#include "api/auth/csr.hpp"
#include "api/auth/trust_anchors.hpp"
#include "api/openssl.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <unordered_set>

namespace thespis::api {

namespace {

constexpr int64_t shortest_certificate = 600;

constexpr std::array<std::string_view, 23> usages{"any",
                                                  "cert sign",
                                                  "client auth",
                                                  "code signing",
                                                  "content commitment",
                                                  "crl sign",
                                                  "data encipherment",
                                                  "decipher only",
                                                  "digital signature",
                                                  "email protection",
                                                  "encipher only",
                                                  "ipsec end system",
                                                  "ipsec tunnel",
                                                  "ipsec user",
                                                  "key agreement",
                                                  "key encipherment",
                                                  "microsoft sgc",
                                                  "netscape sgc",
                                                  "ocsp signing",
                                                  "s/mime",
                                                  "server auth",
                                                  "signing",
                                                  "timestamping"};

void check_usages(const json::value& spec, const path& at, findings& f) {
  if (!filled(member(spec, "usages")))
    f.required(path(at, "usages"));
  std::unordered_set<std::string_view> seen;
  each(spec, "usages", at, [&](const json::value& v, const path& p) {
    const auto s = json::as_string(v);
    if (std::find(usages.begin(), usages.end(), s) == usages.end())
      f.causes().push_back(not_supported(p.str(), json::quote(s), {usages.begin(), usages.end()}));
    else if (!seen.insert(s).second)
      f.duplicate(p, s);
  });
}

bool is_settling(std::string_view type) {
  return type == "Approved" || type == "Denied" || type == "Failed";
}

void check_conditions(const json::value& csr, findings& f) {
  path at("status");
  std::unordered_set<std::string_view> seen;
  each(member(csr, "status"), "conditions", at, [&](const json::value& c, const path& p) {
    const auto type = text(c, "type"), status = text(c, "status");
    if (type.empty())
      f.required(path(p, "type"));
    if (status.empty())
      f.required(path(p, "status"));
    else if (is_settling(type) && status != "True")
      f.not_supported(path(p, "status"), status, {"True"});
    else if (status != "True" && status != "False" && status != "Unknown")
      f.not_supported(path(p, "status"), status, {"False", "True", "Unknown"});
    if ((type == "Approved" && seen.contains("Denied")) ||
        (type == "Denied" && seen.contains("Approved")))
      f.invalid(path(p, "type"), type, "Approved and Denied conditions are mutually exclusive");
    if (!seen.insert(type).second)
      f.duplicate(path(p, "type"), type);
  });
}

size_t conditions_of(const json::value& csr, std::string_view type) {
  size_t n = 0;
  path at("status");
  each(member(csr, "status"), "conditions", at,
       [&](const json::value& c, const path&) { n += text(c, "type") == type ? 1 : 0; });
  return n;
}

void check_settled(const json::value& now, const json::value& old, signing_write what,
                   findings& f) {
  path at("status"), list(at, "conditions");
  for (const char* type : {"Approved", "Denied", "Failed"}) {
    const auto before = conditions_of(old, type), after = conditions_of(now, type);
    const auto refuse = [&](const char* change) {
      f.forbidden(list, std::string("updates may not ") + change + " a condition of type \"" +
                            type + '"');
    };
    if (after < before)
      refuse("remove");
    else if (what == signing_write::approval || type == std::string_view("Failed"))
      continue;
    else if (after > before)
      refuse("add");
  }
}

/// Why this is no chain of certificates in PEM, in Kubernetes' words; empty when it is one.
std::string no_certificates(std::string_view pem) {
  const auto in = openssl::reader(pem);
  char *type = nullptr, *header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  std::string why;
  bool any = false;
  for (; why.empty() && PEM_read_bio(in.get(), &type, &header, &bytes, &size) == 1; any = true) {
    const unsigned char* at = bytes;
    const openssl::x509_ptr read{d2i_X509(nullptr, &at, size)};
    if (std::string_view{type} != "CERTIFICATE")
      why = "only CERTIFICATE PEM blocks are allowed, found " + quote_go(type);
    else if (*header != '\0')
      why = "no PEM block headers are permitted";
    else if (!read || at != bytes + size)
      why = "x509: malformed certificate";
    OPENSSL_free(type);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
  }
  ERR_clear_error();
  return any ? why : "must contain at least one CERTIFICATE PEM block";
}

void check_certificate(const json::value& now, const json::value& old, signing_write what,
                       findings& f) {
  path status("status"), at(status, "certificate");
  const auto after = text(member(now, "status"), "certificate");
  const auto before = text(member(old, "status"), "certificate");
  if (after == before)
    return;
  if (!after.empty())
    if (const auto why = no_certificates(decode_base64(after).value_or(std::string{}));
        !why.empty())
      f.invalid(at, "<certificate data>", why);
  if (what != signing_write::status)
    f.forbidden(at, "updates may not set certificate content");
  else if (!before.empty())
    f.forbidden(at, "updates may not modify existing certificate content");
}

} // namespace

void validate_signer_name(std::string_view name, const path& at, findings& f) {
  const auto slash = name.find('/');
  if (name.empty())
    return f.required(at);
  if (slash == name.npos || slash == 0 || slash + 1 == name.size() ||
      name.find('/', slash + 1) != name.npos)
    return f.invalid(
        at, name,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  const auto domain = name.substr(0, slash), rest = name.substr(slash + 1);
  complain(f, at, domain, check_dns1123_subdomain(domain));
  if (domain.find('.') == domain.npos)
    f.invalid(at, name, "should be a domain with at least two segments separated by dots");
  complain(f, at, rest, check_dns1123_subdomain(rest));
}

void validate_signing_request(const json::value& csr, findings& f) {
  path at("spec");
  const auto& spec = member(csr, "spec");
  const auto asked = auth::read_csr(decode_base64(text(spec, "request")).value_or(std::string{}));
  if (!asked)
    f.invalid(path(at, "request"), text(spec, "request"), asked.error().message);
  check_usages(spec, at, f);
  if (text(spec, "signerName") != auth::legacy_signer)
    validate_signer_name(text(spec, "signerName"), path(at, "signerName"), f);
  if (const auto n = json::get_int(spec, "expirationSeconds");
      has(spec, "expirationSeconds") && n < shortest_certificate)
    f.invalid(path(at, "expirationSeconds"), n,
              "may not specify a duration less than 600 seconds (10 minutes)");
}

void validate_new_signing_request(const json::value& csr, findings& f) {
  path at("spec");
  if (const auto signer = text(member(csr, "spec"), "signerName"); signer == auth::legacy_signer)
    f.invalid(path(at, "signerName"), signer,
              "the legacy signerName is not allowed via this API version");
}

void validate_signing_request_update(const json::value& now, const json::value& old,
                                     signing_write what, findings& f) {
  check_conditions(now, f);
  check_settled(now, old, what, f);
  check_certificate(now, old, what, f);
}

void validate_trust_bundle(const json::value& bundle, findings& f) {
  const auto& spec = member(bundle, "spec");
  path at("spec");
  const auto signer = text(spec, "signerName");
  path meta("metadata");
  const auto name = text(member(bundle, "metadata"), "name");
  complain(f, path(meta, "name"), name, auth::check_trust_bundle_name(name, signer));
  if (!signer.empty())
    validate_signer_name(signer, path(at, "signerName"), f);
  path anchors(at, "trustBundle");
  const auto pem = text(spec, "trustBundle");
  if (pem.size() > auth::max_trust_bundle)
    return f.too_long(anchors, auth::max_trust_bundle);
  complain(f, anchors, "<value omitted>", auth::read_trust_anchors(pem).complaints);
}

void validate_trust_bundle_update(const json::value& now, const json::value& old, findings& f) {
  path at("spec");
  immutable(f, member(now, "spec"), member(old, "spec"), "signerName", at);
}

} // namespace thespis::api
