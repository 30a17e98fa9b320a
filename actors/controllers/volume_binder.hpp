// Binds PersistentVolumeClaims to PersistentVolumes, makes volumes of the class `local-path`, and
// frees or deletes volumes whose claim is gone.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <functional>
#include <memory>
#include <string>

namespace thespis::actors {

/// The name of the built-in provisioner of folders on the nodes.
constexpr const char* local_path_provisioner = "thespis.io/local-path";

/// How far the removal of a volume's folder is.
struct folder_removal {
  enum class step : uint8_t {
    gone,
    under_way, ///< or its node cannot be asked now
    refused    ///< for good
  };
  step now = step::gone;
  std::string why = {}; ///< of `refused`
};

struct volume_binder_deps {
  /// Where the folders of provisioned volumes are made on nodes that do not say where; absolute.
  std::string folder = "/var/lib/thespis/storage";
  /// Has such a folder removed on its node, and tells how far that is; asked again until it is
  /// over. Must not block. Null: it is left there.
  std::function<folder_removal(const std::string& node, const std::string& path)> remove = nullptr;
};

std::unique_ptr<reconciler> make_volume_binder(volume_binder_deps deps = {});
/// Makes the claims of pods' generic ephemeral volumes.
std::unique_ptr<reconciler> make_ephemeral_volume_controller();

} // namespace thespis::actors
