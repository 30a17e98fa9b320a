// What the actor of a machine's volume folders says. One a machine: it removes the folders of
// volumes that were made there, when the controller that deletes the volumes asks for it.
#pragma once

#include "runtime/actor_base.hpp"

#include <string>
#include <string_view>

namespace thespis::actors {

struct remove_folder {
  std::string path; ///< a folder of the one that the node says its volumes are in
};
struct folder_removed {
  bool ok = false; ///< it is gone, or never was
  std::string why;
};

/// The annotation of Nodes in which they say where the folders of their volumes are.
inline constexpr const char* storage_annotation = "node.thespis.dev/storage";

// clang-format off
using folders_handle = caf::typed_actor<
  /// Removes a volume's folder; answers when it is gone.
  caf::replies_to<remove_folder>::with<folder_removed>>;
// clang-format on

/// The role of the actor of a node's folders in the directory: "storage/worker-1".
inline std::string folders_role(std::string_view node) {
  return "storage/" + std::string{node};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, remove_folder& x) {
  return f(x.path);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, folder_removed& x) {
  return f(x.ok, x.why);
}

} // namespace thespis::actors
