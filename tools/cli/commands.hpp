// The command line of `thespis`: what main() hands in, and what each subcommand is given.
#pragma once

#include "config/settings.hpp"
#include "tools/cli/startup.hpp"

#include <functional>
#include <string>
#include <vector>

namespace thespis::tools {

/// `thespis shell`.
struct shell_request {
  std::string data_dir;
  std::string execute;          ///< -e: one command in place of the prompt; may be empty
  std::string output = "table"; ///< -o: table, json or yaml
  std::string kubeconfig;       ///< in place of the data directory; may be empty
  std::string snapshot;         ///< a file in place of a cluster; may be empty
  bool allow_changes = false;
};

/// `thespis bench`.
struct bench_request {
  std::string data_dir;
  std::vector<std::string> arguments; ///< as given, after `bench`
};

/// `thespis token`.
struct token_request {
  std::string data_dir;
  std::string action;      ///< create, list or delete
  std::string id;          ///< of delete: an id, or a whole token
  std::string ttl = "24h"; ///< of create; 0 never expires
  std::string description;
  std::string output = "table"; ///< of list: table or json
};

/// The subcommands that need a whole cluster. One that is not set is not offered. Each returns the
/// program's exit status.
struct commands {
  /// Called with the data directory made and locked, logging set up, and, with --detach, in the
  /// process that stays. Runs until `wait_for_stop` of the startup returns.
  std::function<int(const config::settings&, startup&)> up;
  /// The same for `thespis agent`.
  std::function<int(const config::settings&, startup&)> agent;
  std::function<int(const token_request&)> token;
  std::function<int(const shell_request&)> shell;
  std::function<int(const bench_request&)> bench;
};

/// The program: parses the command line, runs the subcommand, returns the exit status.
int run_cli(int argc, const char* const* argv, const commands& with);

/// Runs the cluster of these settings in this process (tools/cli/run_up.cpp).
int run_up(const config::settings& settings, startup& start);

/// Runs a machine of a cluster whose server is elsewhere (tools/cli/run_agent.cpp).
int run_agent(const config::settings& settings, startup& start);

/// Makes, lists and deletes tokens by which machines join (tools/cli/run_token.cpp).
int run_token(const token_request& request);

} // namespace thespis::tools
