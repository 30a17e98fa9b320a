// The certificates of ClusterTrustBundles: PEM that people wrote, as a set of authorities.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::auth {

/// The largest bundle, in bytes, as in Kubernetes.
inline constexpr size_t max_trust_bundle = 1024 * 1024;

struct trust_anchors {
  std::vector<std::string> der;        ///< in the order of the text
  std::vector<std::string> complaints; ///< in Kubernetes' words; empty when all is good
};

/// Reads the blocks of a bundle: certificates without headers, at least one, each once.
trust_anchors read_trust_anchors(std::string_view pem);

/// As PEM, with nothing of what stood around it. The set makes the text depend on nothing else.
std::string trust_anchors_pem(const std::set<std::string>& der);

/// "example.com:web:", what names of a signer's bundles begin with.
std::string trust_bundle_prefix(std::string_view signer);

/// What is wrong with the name of a signer's bundle, or, without a signer, of nobody's.
std::vector<std::string> check_trust_bundle_name(std::string_view name, std::string_view signer);

} // namespace thespis::api::auth
