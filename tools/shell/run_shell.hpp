// The subcommand `thespis shell`.
#pragma once

#include "tools/cli/commands.hpp"

namespace thespis::tools {

/// Looks into the cluster of the data directory, as its administrator. Exit status: 0; 1 when the
/// cluster does not answer or knows no such actor; 2 when a command is wrong; 3 when no cluster
/// runs there; 4 when its files cannot be read.
int run_shell(const shell_request& request);

} // namespace thespis::tools
