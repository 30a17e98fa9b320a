// Bootstrap tokens (Secrets of type bootstrap.kubernetes.io/token in kube-system): what proves the
// cluster to new machines that know one, and the end of those that have expired.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace thespis::actors {

/// A detached JSON Web Signature (RFC 7515, HS256) of `content`: "header..signature".
std::string sign_detached(std::string_view content, const std::string& token_id,
                          std::string_view token_secret);

/// Signs the kubeconfig of the ConfigMap kube-public/cluster-info with every token that is meant
/// for that. The key is that ConfigMap.
std::unique_ptr<reconciler> make_bootstrap_signer();

/// Deletes tokens that have expired. Keys are their Secrets.
std::unique_ptr<reconciler> make_token_cleaner();

} // namespace thespis::actors
