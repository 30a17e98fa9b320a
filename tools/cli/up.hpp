// What surrounds a cluster's run: its directory, lock, log and process.
#pragma once

#include "config/settings.hpp"
#include "tools/cli/commands.hpp"

namespace thespis::tools {

/// Makes and locks the data directory, detaches where asked, sets up logging, records the state and
/// calls `run`. Returns the program's exit status.
int launch(const config::settings& settings,
           const std::function<int(const config::settings&, startup&)>& run);

} // namespace thespis::tools
