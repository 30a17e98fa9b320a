// The log files of a machine, as pages.
#pragma once

#include "actors/node/page_messages.hpp"

#include <string>

namespace thespis::actors {

/// No file is shown that is longer: it travels as one message.
inline constexpr size_t max_log_page = 8 << 20;

/// A file or folder below `root`; `path` is "/" or "/pods/". /pods are the logs of the pods, which
/// lie below `data_dir`. Links that lead out of either are not followed. Blocks.
node_page log_page(const std::string& path, const std::string& data_dir,
                   const std::string& root = "/var/log");

} // namespace thespis::actors
