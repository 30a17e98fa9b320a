// Our own containerd: started as a child from generated configuration, watched over, adopted.
#pragma once

#include "api/result.hpp"
#include "runtime/cri/container_runtime.hpp"
#include "runtime/cri/node_layout.hpp"
#include "runtime/cri/pod_network.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime {

struct containerd_options {
  std::filesystem::path data_dir;
  pod_network_options network;        ///< with an empty pod CIDR the network stays as it is
  std::string program = "containerd"; ///< found in PATH
  std::string cni_bin_dir = "/usr/lib/cni";
  std::filesystem::path image_dir; ///< *.tar in it are imported at start; empty: layout's images()
  std::chrono::seconds start_timeout{60};
};

enum class containerd_event : uint8_t {
  serving, ///< again, after it had died
  died,    ///< and will be started again, with a growing delay
};

/// A containerd child of this process.
///
/// Containers belong to shims, which outlive it: when containerd dies it is started again and
/// finds them; when this object goes, or this process is killed, containerd ends and the
/// containers run on; a later start on the same data directory adopts them. After a reboot of the
/// machine the stale run-time state is dropped first. Needs root. One a data directory, which is
/// locked.
class containerd_process {
public:
  using listener = std::function<void(containerd_event, std::string detail)>;

  /// Sets up the pod network, starts containerd, waits until its CRI serves, and imports the
  /// pause image and the archives in the image folder. `on_event` is called on an internal
  /// thread. Blocks, up to start_timeout. Errors: conflict (the data directory is in use),
  /// timeout, internal_error with the end of containerd's log.
  static api::result<std::unique_ptr<containerd_process>> start(containerd_options options,
                                                                listener on_event = {});

  /// Ends containerd, not the containers. Blocks a few seconds at most.
  ~containerd_process();
  containerd_process(const containerd_process&) = delete;
  containerd_process& operator=(const containerd_process&) = delete;

  const node_layout& layout() const;
  /// The CRI socket, for make_cri_runtime.
  std::string socket() const;
  /// The process id of the running containerd; 0 while there is none.
  int pid() const;

private:
  struct impl;
  explicit containerd_process(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

/// Imports an image archive (OCI layout or docker-archive tar) into the running containerd of
/// that data directory, for this machine's platform, and waits until CRI knows its images. Gives
/// their references. Works from any process of root. Blocks. Errors: not_found (no such file),
/// service_unavailable, bad_request (no image in it), internal_error.
api::result<std::vector<std::string>> import_image(const node_layout& layout,
                                                   const std::filesystem::path& archive);

} // namespace thespis::runtime
