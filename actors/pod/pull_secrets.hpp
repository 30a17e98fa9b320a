// What a pod's imagePullSecrets say to registries, and whether an image's name can be one.
#pragma once

#include "api/generated/core_v1_pod.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

struct pull_secrets {
  /// For that image, the best match first; none: it is pulled by nobody in particular.
  std::vector<runtime::registry_auth> credentials;
  /// Secrets that are not there.
  std::vector<std::string> missing;
};

/// Reads the Secrets (kubernetes.io/dockerconfigjson and dockercfg) that the pod names. What is no
/// such file counts as empty.
pull_secrets find_pull_secrets(const api::v1::pod& pod, const std::string& image,
                               const api::reader& state);

/// What is wrong with an image's name, as the reason InvalidImageName tells it.
std::optional<std::string> image_name_error(const std::string& image);

} // namespace thespis::actors
