// Small files that must be private and never half written: keys, certificates, kubeconfigs.
#pragma once

#include "api/result.hpp"

#include <sys/types.h>

namespace thespis::config {

/// Replaces the file at `path` as a whole: written beside it, synced, renamed. A file that exists
/// keeps its owner; a symbolic link keeps pointing and its target is replaced. The mode is set
/// whatever the umask. Errors: internal_error with path and cause.
api::result<void> write_file(const std::string& path, std::string_view content, mode_t mode);

/// The content of a regular file. Errors: not_found; internal_error when it cannot be read;
/// request_entity_too_large beyond `max_bytes`.
api::result<std::string> read_file(const std::string& path, size_t max_bytes = 1 << 20);

/// Makes the directory and its parents; the last gets `mode`, also when it was there before.
api::result<void> make_directory(const std::string& path, mode_t mode);

} // namespace thespis::config
