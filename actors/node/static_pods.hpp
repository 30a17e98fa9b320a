// Pods that a machine runs because a file there says so (static pods). No CAF: the files' content
// goes in and out here; reading blocks.
#pragma once

#include "api/object/object.hpp"
#include "api/result.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace thespis::actors {

/// The annotation of a pod in the API that stands for a static one; its value is that one's hash.
inline constexpr const char* mirror_annotation = "kubernetes.io/config.mirror";

/// The hash of the static pod that an object mirrors; empty when it mirrors none.
std::string mirrored_hash(const api::object& pod);

struct static_pod {
  std::string ns;
  std::string name; ///< ends in the node's name
  std::string hash; ///< of node, file and content: the uid that its containers run under
  std::string body; ///< JSON of the mirror pod, without the owner
};

/// One manifest (YAML or JSON of a Pod) as kubelet takes it: named after the node, bound to it,
/// not to be evicted by taints. Errors: bad_request.
api::result<static_pod> read_manifest(std::string_view text, const std::string& file,
                                      const std::string& node,
                                      std::chrono::sys_time<std::chrono::nanoseconds> now);

/// All manifests of a folder (or of one file), by file; hidden files are left out. What is no
/// manifest is told of in the log, and is not among them.
std::map<std::string, static_pod>
read_manifests(const std::string& path, const std::string& node,
               std::chrono::sys_time<std::chrono::nanoseconds> now);

/// The object that the node runs while the API shows none, with the API's defaults.
api::object_ptr run_alone(const static_pod& pod);

/// The object that the node runs: the mirror under the static pod's own uid, not being deleted.
api::object_ptr run_by_hash(const api::object& mirror, const std::string& hash);

} // namespace thespis::actors
