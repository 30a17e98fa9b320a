// What is left on a node, and who uses how much of it: a port, because it is read off the disk.
#pragma once

#include "actors/pod/pod_config.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace thespis::actors {

/// What a node has of something, in bytes, inodes or processes.
struct node_supply {
  int64_t available = 0;
  int64_t capacity = 0;
};

struct disk_footprint {
  int64_t bytes = 0;
  int64_t inodes = 0; ///< of writable layers: not known
};

/// What one pod uses.
struct pod_footprint {
  int64_t memory = 0; ///< working set, bytes
  int64_t processes = 0;
  std::map<std::string, int64_t> container_memory;       ///< by container
  std::map<std::string, disk_footprint> container_disks; ///< writable layer and log, by container
  std::map<std::string, disk_footprint> volumes;         ///< those on the node's disk, by volume

  /// All of it that counts as ephemeral storage.
  disk_footprint disk() const;
};

struct node_statistics {
  /// By signal: memory.available, nodefs.available, nodefs.inodesFree, pid.available; and
  /// imagefs.available, imagefs.inodesFree where images lie on a file system of their own.
  std::map<std::string, node_supply> supplies;
  std::map<std::string, pod_footprint> pods; ///< by uid
};

/// A pod to be measured.
struct measured_pod {
  std::string uid;
  std::string log_directory;
  std::vector<std::string> containers;
  std::vector<std::string> empty_dirs; ///< names of those on disk
};

class statistics_port {
public:
  virtual ~statistics_port() = default;
  /// Returns at once; calls back once, from a thread of its own. What cannot be read is left out.
  virtual void read(std::vector<measured_pod> pods, std::function<void(node_statistics)> done) = 0;
};

/// This machine's. Folders that take long to measure are measured less often.
std::shared_ptr<statistics_port>
make_machine_statistics(node_facts node, std::shared_ptr<runtime::container_runtime> containers);

} // namespace thespis::actors
