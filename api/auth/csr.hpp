// Certificate signing requests: what they ask for, and what each of Kubernetes' signers signs.
#pragma once

#include "api/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::auth {

inline constexpr std::string_view client_signer = "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kubelet_client_signer =
    "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr std::string_view kubelet_serving_signer = "kubernetes.io/kubelet-serving";
inline constexpr std::string_view legacy_signer = "kubernetes.io/legacy-unknown";

/// What a PKCS #10 request says of its subject.
struct csr_info {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  bool other_names = false; ///< e-mail addresses, URIs and other kinds of names
};

/// Errors: bad_request when the text is no PEM of a request, or its signature is wrong.
result<csr_info> read_csr(std::string_view pem);

/// Whether this is one of the signers above.
bool is_known_signer(std::string_view signer);

/// Why the signer does not sign this; empty when it does. `usages` as in the API ("client auth").
std::string signer_refusal(std::string_view signer, const csr_info& csr,
                           const std::vector<std::string>& usages);

} // namespace thespis::api::auth
