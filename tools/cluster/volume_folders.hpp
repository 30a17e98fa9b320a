// Has the folders of volumes removed on the nodes that they are on.
#pragma once

#include "actors/controllers/volume_binder.hpp"
#include "runtime/environment.hpp"

#include <caf/actor_system.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace thespis::tools {

/// Thread-safe. Remembers what was asked for until somebody has looked at the answer.
class volume_folders : public std::enable_shared_from_this<volume_folders> {
public:
  volume_folders(caf::actor_system& sys, std::shared_ptr<runtime::directory> roles)
      : sys_(sys), roles_(std::move(roles)) {}

  /// See volume_binder_deps.
  actors::folder_removal remove(const std::string& node, const std::string& path);

private:
  void answer(const std::string& path, actors::folder_removal how);

  caf::actor_system& sys_;
  const std::shared_ptr<runtime::directory> roles_;
  std::mutex mutex_;
  std::map<std::string, actors::folder_removal> asked_; ///< by path
};

} // namespace thespis::tools
