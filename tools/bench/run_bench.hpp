// The subcommand `thespis bench`.
#pragma once

#include "tools/bench/bench.hpp"
#include "tools/cli/commands.hpp"

namespace thespis::tools {

/// Measures what the arguments name and prints it. Exit status: 0; 1 when a measurement failed;
/// 2 for a wrong command line; 128 and the signal's number when a signal ended it.
int run_bench(const bench_request& request);

namespace bench {

/// Reads the arguments after `bench`. When they are wrong or only ask for help, that is printed
/// and the exit status returned in place of options.
tl::expected<options, int> parse_options(const std::vector<std::string>& arguments);

/// Runs a measurement in a process of its own, with an own directory that is removed afterwards.
/// Errors: the measurement's; internal_error when its process died; timeout when a signal came.
api::result<figures> run_apart(const measurement& m, const options& opts);

} // namespace bench

} // namespace thespis::tools
