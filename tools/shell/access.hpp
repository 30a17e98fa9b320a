// Where the cluster is, and who asks: from the data directory of this machine, or a kubeconfig.
#pragma once

#include "api/result.hpp"
#include "tools/cli/https_client.hpp"

#include <string>

namespace thespis::tools::shell {

/// The administrator of a data directory. Errors: not_found when no cluster has run there.
api::result<https_target> access_of_data_dir(const std::string& data_dir);

/// The current context of a kubeconfig; keys and authorities in it or in files that it names.
/// Errors: bad_request, saying what is missing.
api::result<https_target> access_of_kubeconfig(const std::string& path);

} // namespace thespis::tools::shell
