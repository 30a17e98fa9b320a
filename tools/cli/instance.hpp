// What one running cluster leaves in its data directory for the other subcommands: a lock that
// tells whether it runs, and a file that tells what it is.
#pragma once

#include "api/result.hpp"
#include "config/settings.hpp"

#include <sys/types.h>

namespace thespis::tools {

/// Holds <data-dir>/lock for the life of the object; the kernel lets go when the process dies,
/// however it does. Survives fork, not exec.
class instance_lock {
public:
  /// Errors: conflict, naming the holder's process, when another process has it; internal_error.
  static api::result<instance_lock> take(const std::string& data_dir);

  /// The process that holds the lock; 0 when nobody does, or there is no such directory.
  static pid_t holder(const std::string& data_dir);

  /// Writes the calling process's id into the lock: again after a fork.
  void sign() const;

  instance_lock(instance_lock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  instance_lock& operator=(instance_lock&&) = delete;
  ~instance_lock();

private:
  explicit instance_lock(int fd) : fd_{fd} {}
  int fd_;
};

/// <data-dir>/state.json: how the cluster there was last started.
struct instance_state {
  std::string version;
  std::string server; ///< https://127.0.0.1:6443
  std::string kubeconfig;
  std::string context;
  std::string container_runtime_endpoint; ///< empty: our own containerd
  std::string cni_bin_dir;
  std::string proxy_table; ///< of nftables
  std::string agent_of;    ///< the server, when this is a machine of a cluster that runs elsewhere
};

/// The state of a cluster with these settings, in this version of the program.
instance_state state_of(const config::settings& settings);

api::result<void> write_state(const std::string& data_dir, const instance_state& state);

/// Errors: not_found when no cluster was ever started there; bad_request when the file is damaged.
api::result<instance_state> read_state(const std::string& data_dir);

/// Where the running cluster writes down, in a line, who chooses the endpoints of services.
std::string service_choice_file(const std::string& data_dir);

/// The nftables table that the kube-proxy of the cluster in that data directory uses.
std::string proxy_table_name(const std::string& data_dir);

/// "0.1.0".
std::string_view version();

} // namespace thespis::tools
