// The kubeconfig that leads kubectl to the cluster.
#pragma once

#include "api/result.hpp"

namespace thespis::config {

/// One cluster as an administrator reaches it.
struct kubeconfig_entry {
  std::string name;   ///< of the cluster, the user and the context
  std::string server; ///< https://127.0.0.1:6443
  std::string ca_pem;
  std::string client_certificate_pem;
  std::string client_key_pem;
};

/// Adds the entry to the kubeconfig at `path`, or replaces those of its name, and makes it the
/// current context. All else in the file is kept (comments are not). The file is replaced as a
/// whole with mode 0600; folders that are missing are made. Errors: bad_request when the file that
/// is there is no kubeconfig; it is left as it was.
api::result<void> write_kubeconfig(const std::string& path, const kubeconfig_entry& entry);

/// Takes the entries of that name out again, if their cluster has the given authority: a context of
/// the same name that was made since by someone else stays. A file left without any cluster, user
/// and context is removed. A missing file is no error.
api::result<void> remove_from_kubeconfig(const std::string& path, const std::string& name,
                                         const std::string& ca_pem);

/// Standard base64 with padding, as a kubeconfig embeds data.
std::string base64(std::string_view data);

} // namespace thespis::config
