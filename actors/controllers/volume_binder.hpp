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

struct volume_binder_deps {
  /// Where the folders of provisioned volumes are made on their nodes; absolute.
  std::string folder = "/var/lib/thespis/storage";
  /// Removes such a folder, some time soon, if it is on this machine; must not block. Null: it is
  /// left there.
  std::function<void(const std::string& path)> remove = nullptr;
};

std::unique_ptr<reconciler> make_volume_binder(volume_binder_deps deps = {});
/// Makes the claims of pods' generic ephemeral volumes.
std::unique_ptr<reconciler> make_ephemeral_volume_controller();

} // namespace thespis::actors
