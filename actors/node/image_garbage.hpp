// Which images a node holds, and which it can do without. No CAF and no I/O: lists and time come
// in. Order and thresholds are kubelet's.
#pragma once

#include "api/generated/core_v1_node.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace thespis::actors {

struct image_limits {
  int64_t high_percent = 85; ///< of the disk in use, beyond which images go; 100: never
  int64_t low_percent = 80;  ///< down to which they go
  std::chrono::milliseconds minimum_age{std::chrono::minutes{2}};
};

/// How many bytes are to be freed on a disk; 0 when there is enough.
int64_t bytes_to_free(const image_limits& limits, int64_t available, int64_t capacity);

/// Remembers since when each image is there, and when it was used last.
class image_garbage {
public:
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  struct candidate {
    std::string id;
    uint64_t size = 0;
  };

  /// Takes what the runtime holds; `used` are ids and references of the containers' images. True
  /// when the images are others than before.
  bool observe(const std::vector<runtime::image_info>& images, const std::set<std::string>& used,
               time now);

  /// Those to be removed, the longest unused first, until together they have so many bytes. Left
  /// out: images in use, pinned or younger than the limit, and those that came out of a file
  /// (without a digest of a registry): nobody could bring them back.
  std::vector<candidate> choose(uint64_t bytes, const image_limits& limits, time now) const;

  /// node.status.images: the 50 largest, each with at most five names, digests first.
  std::vector<api::v1::container_image> described() const;

private:
  struct record {
    runtime::image_info info;
    time first_seen;
    time last_used{};
  };
  std::map<std::string, record> images_; ///< by id
};

} // namespace thespis::actors
