// The subcommands that work on a cluster from outside. Each prints for people (or JSON, where said)
// and returns the program's exit status.
#pragma once

#include <string>
#include <vector>

namespace thespis::tools {

struct status_request {
  std::string data_dir;
  std::string output = "text"; ///< text or json
  bool quiet = false;          ///< the exit status only
};

/// 0: the API serves; 1: the process runs, its API does not (yet); 3: no cluster runs there;
/// 4: its state cannot be read.
int run_status(const status_request& request);

struct down_request {
  std::string data_dir;
  bool purge = false; ///< remove the data directory too
};

/// Ends the process if it runs, then stops pods and removes network, mounts and rules.
int run_down(const down_request& request);

/// Imports image archives into the cluster's containerd.
int run_image_import(const std::string& data_dir, const std::vector<std::string>& files);

/// Lists the images the node has; `output` is table or json.
int run_image_list(const std::string& data_dir, const std::string& output);

struct kubeconfig_request {
  std::string data_dir;
  std::string user;                ///< empty: an administrator
  std::vector<std::string> groups; ///< of `user`
  std::string file;                ///< empty: the caller's own
  std::string context;             ///< empty: the cluster's, with -USER behind it for a user
  int days = 365;                  ///< how long the certificate holds
};

/// Issues a client certificate and writes it into a kubeconfig, beside what stands there.
int run_kubeconfig(kubeconfig_request request);

/// Prints an error message as the program does, and gives exit status 1.
int complain(const std::string& message);

} // namespace thespis::tools
