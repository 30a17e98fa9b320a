// What volumes filled from the API hold: config maps, secrets, facts about the pod
// and tokens of its account, as files.
#pragma once

#include "actors/pod/pod_config.hpp"
#include "actors/pod/pod_tokens.hpp"

#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

namespace thespis::actors {

struct volume_file {
  std::string content;
  mode_t mode = 0644;
  std::optional<uid_t> owner = {}; ///< whom the file belongs to; root when unset
  bool operator==(const volume_file&) const = default;
};

/// By path below the volume.
using volume_files = std::map<std::string, volume_file>;

/// Whether the volume's content comes from the API, and so is kept up to date.
bool is_filled(const api::v1::volume& v);

/// The files of a configMap, secret, downwardAPI or projected volume.
/// Errors: bad_request in kubelet's words (configmap "x" not found).
api::result<volume_files> collect_files(const api::v1::pod& pod, const api::v1::volume& v,
                                        const node_facts& node, const api::reader& state,
                                        pod_tokens& tokens);

/// Makes the folder show exactly these files. Readers see all old or all new ones: the files lie
/// in a folder of their own, to which the link `..data` is turned at once, and names in the folder
/// are links through it. Nothing is written when nothing changed. With `group`, it owns the files
/// and may read them. Errors: bad_request for paths that leave the folder, internal_error.
api::result<void> show_files(const std::string& folder, const volume_files& files,
                             std::optional<gid_t> group);

} // namespace thespis::actors
