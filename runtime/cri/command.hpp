// Runs helper programs of the machine (ctr, nft, iptables) to their end.
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace thespis::runtime {

struct command_output {
  int exit_code = 0;
  std::string text; ///< standard output and error, as they came
};

/// Runs `argv` (found in PATH and the sbin directories), feeds `input`, and gives what it printed.
/// The program inherits no descriptor of ours. Blocks; the program is killed at the timeout.
/// Errors: not_found (no such program), timeout, internal_error.
api::result<command_output> run_command(const std::vector<std::string>& argv,
                                        std::chrono::milliseconds timeout,
                                        const std::string& input = {});

/// The same, where an exit code other than 0 is an internal_error with the program's words.
api::result<std::string> check_command(const std::vector<std::string>& argv,
                                       std::chrono::milliseconds timeout,
                                       const std::string& input = {});

} // namespace thespis::runtime
