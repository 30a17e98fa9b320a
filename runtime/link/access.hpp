// Where a cluster is and what a program proves itself with there: as a kubeconfig says it, or as a
// pod is told it.
#pragma once

#include "api/result.hpp"
#include "runtime/link/dial.hpp"

#include <string>

namespace thespis::runtime::link {

/// Where a server is.
struct server_address {
  std::string host;
  uint16_t port = 6443;
};
/// "HOST", "HOST:PORT" or "[V6]:PORT", with or without https://. Errors: bad_request.
api::result<server_address> parse_server(const std::string& text);

/// One user of one cluster.
struct cluster_access {
  std::string server; ///< as parse_server() takes it
  std::string ca;     ///< PEM
  std::string certificate;
  std::string key;
  std::string token;
  /// Read anew for every connection, since tokens are exchanged now and then; empty: `token` it is.
  std::string token_file = {};
};

/// The current context of a kubeconfig; keys, tokens and authorities in it or in files that it
/// names. Errors: bad_request, saying what is missing; not_found when a file is not there.
api::result<cluster_access> access_of_kubeconfig(const std::string& path);

/// What a pod is told of its cluster: KUBERNETES_SERVICE_HOST and _PORT, and the files of its
/// service account in `folder`. Errors: not_found outside of a pod.
api::result<cluster_access>
access_of_pod(const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

/// How to connect with it, now. Errors: bad_request, not_found (the token's file).
api::result<dial_options> dialing(const cluster_access& access);

} // namespace thespis::runtime::link
