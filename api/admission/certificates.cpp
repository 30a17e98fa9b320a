// Who may approve and sign certificate requests, and what nobody may ask for.
#include "api/admission/plugins.hpp"
#include "api/openssl.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <openssl/pem.h>

namespace thespis::api::admission {

namespace {

constexpr std::string_view resource = "certificatesigningrequests.certificates.k8s.io";

std::string signer_of(const json::value& request) {
  return std::string(text(member(request, "spec"), "signerName"));
}

/// For a signer, or for all signers of its domain.
bool permitted(const authorizer& allowed, const user_info& user, std::string_view verb,
               const std::string& signer) {
  if (!allowed)
    return true;
  auto domain = signer.substr(0, signer.find('/')) + "/*";
  return allowed(user, verb, "certificates.k8s.io", "signers", signer) ||
         allowed(user, verb, "certificates.k8s.io", "signers", domain);
}

class certificate_plugin : public plugin {
public:
  explicit certificate_plugin(authorizer allowed) : allowed_(std::move(allowed)) {}

protected:
  result<void> check(const request& r, std::string_view verb, std::string_view doing) const {
    auto signer = signer_of(*r.old_object);
    if (permitted(allowed_, r.call.user, verb, signer))
      return {};
    return fail(refuse(r, "user not permitted to " + std::string(doing) +
                              " requests with signerName " + quote_go(signer)));
  }

private:
  authorizer allowed_;
};

class approval_plugin final : public certificate_plugin {
public:
  using certificate_plugin::certificate_plugin;
  std::string_view name() const override { return "CertificateApproval"; }
  result<void> validate(request& r) override {
    if (!r.is(resource, "approval") || !r.old_object)
      return {};
    return check(r, "approve", "approve");
  }
};

class signing_plugin final : public certificate_plugin {
public:
  using certificate_plugin::certificate_plugin;
  std::string_view name() const override { return "CertificateSigning"; }
  result<void> validate(request& r) override {
    if (!r.is(resource, "status") || !r.old_object || !r.object)
      return {};
    const auto& now = member(*r.object, "status");
    const auto& before = member(*r.old_object, "status");
    // Only the certificate itself is the signer's.
    if (text(now, "certificate") == text(before, "certificate"))
      return {};
    return check(r, "sign", "sign");
  }
};

/// The organizations in the subject of a PEM certificate request.
std::vector<std::string> organizations_of(const std::string& pem) {
  std::vector<std::string> out;
  const auto source = openssl::reader(pem);
  const openssl::request_ptr req{PEM_read_bio_X509_REQ(source.get(), nullptr, nullptr, nullptr)};
  if (!req)
    return out;
  auto* subject = X509_REQ_get_subject_name(req.get());
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_organizationName, i)) >= 0;) {
    unsigned char* utf8 = nullptr;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
    if (n >= 0)
      out.emplace_back(reinterpret_cast<const char*>(utf8), static_cast<size_t>(n));
    OPENSSL_free(utf8);
  }
  return out;
}

class subject_plugin final : public plugin {
public:
  std::string_view name() const override { return "CertificateSubjectRestriction"; }

  result<void> validate(request& r) override {
    constexpr std::string_view signer = "kubernetes.io/kube-apiserver-client";
    if (!r.is(resource) || r.action != action::create || signer_of(*r.object) != signer)
      return {};
    auto pem = decode_base64(text(member(*r.object, "spec"), "request"));
    for (const auto& group : organizations_of(pem.value_or(std::string{})))
      if (group == "system:masters")
        return fail(refuse(r, "use of " + std::string(signer) +
                                  " signer with system:masters group is not allowed"));
    return {};
  }
};

class attest_plugin final : public plugin {
public:
  explicit attest_plugin(authorizer allowed) : allowed_(std::move(allowed)) {}
  std::string_view name() const override { return "ClusterTrustBundleAttest"; }

  result<void> validate(request& r) override {
    if (!r.is("clustertrustbundles.certificates.k8s.io") || !r.object)
      return {};
    // The new object's signer: an update that changes it is refused anyway.
    const auto signer = signer_of(*r.object);
    if (signer.empty() || permitted(allowed_, r.call.user, "attest", signer))
      return {};
    return fail(refuse(r, "user not permitted to attest for signerName " + quote_go(signer)));
  }

private:
  authorizer allowed_;
};

} // namespace

plugin_ptr cluster_trust_bundle_attest(authorizer allowed) {
  return std::make_shared<attest_plugin>(std::move(allowed));
}

plugin_ptr certificate_approval(authorizer allowed) {
  return std::make_shared<approval_plugin>(std::move(allowed));
}

plugin_ptr certificate_signing(authorizer allowed) {
  return std::make_shared<signing_plugin>(std::move(allowed));
}

plugin_ptr certificate_subject_restriction() {
  return std::make_shared<subject_plugin>();
}

} // namespace thespis::api::admission
