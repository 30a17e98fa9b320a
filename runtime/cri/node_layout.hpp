// Where a node keeps its container runtime and network, and the names it uses on the machine.
#pragma once

#include <filesystem>
#include <string>

namespace thespis::runtime {

/// Paths under one data directory, and machine-wide names made from it, so that clusters with
/// different data directories never meet.
class node_layout {
public:
  using path = std::filesystem::path;

  /// `data_dir` need not exist yet; relative paths and links are resolved.
  explicit node_layout(const path& data_dir);

  const path& data_dir() const { return data_dir_; }
  /// Eight hexadecimal digits of the data directory's hash.
  const std::string& instance() const { return instance_; }

  path containerd_dir() const { return data_dir_ / "containerd"; }
  path containerd_root() const { return containerd_dir() / "root"; }
  path containerd_state() const { return containerd_dir() / "state"; }
  path containerd_config() const { return containerd_dir() / "config.toml"; }
  path containerd_log() const { return containerd_dir() / "containerd.log"; }
  path registry_config() const { return containerd_dir() / "certs.d"; }
  /// Under /run when the data directory is too deep for a unix socket's address.
  path containerd_socket() const;
  /// Image archives imported at start.
  path images() const { return data_dir_ / "images"; }
  path cni_config() const { return data_dir_ / "cni" / "net.d"; }
  path cni_ipam() const { return data_dir_ / "cni" / "ipam"; }

  /// The CNI network's name.
  std::string network_name() const { return "thespis-" + instance_; }
  /// The nftables table of the pod network, in families ip and ip6.
  std::string nft_table() const { return "thespis_pods_" + instance_; }
  /// The cgroup (cgroupfs syntax) below which all pods of this node belong.
  std::string cgroup_root() const { return "/thespis-" + instance_; }

private:
  path data_dir_;
  std::string instance_;
};

} // namespace thespis::runtime
