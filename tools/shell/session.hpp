// One conversation of the shell with a cluster: a command in, text out.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"
#include "tools/shell/view.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools::shell {

/// Asks the cluster; gives the JSON of the answer.
using asker = std::function<api::result<std::string>(const std::string& command)>;

/// Lets so many milliseconds pass; false when the user interrupted.
using waiter = std::function<bool(int milliseconds)>;

enum class form : uint8_t { table, json, yaml };

/// Commands of the shell, in the order `help` lists them.
struct command_help {
  std::string_view name;
  std::string_view arguments;
  std::string_view what;
};
const std::vector<command_help>& all_commands();

/// What became of a command.
struct answer {
  std::string text;  ///< to print; ends with a newline unless empty
  bool ends = false; ///< the user wants to leave
};

class session {
public:
  session(asker ask, waiter wait, form output)
      : ask_(std::move(ask)), wait_(std::move(wait)), output_(output) {}

  /// Runs one line. An empty one answers nothing. Errors: bad_request for what cannot be
  /// understood, the cluster's own otherwise.
  api::result<answer> run(std::string_view line, const screen& where);

  /// What the last word of `line` may become: commands, kinds, options.
  std::vector<std::string> completions(std::string_view line);

private:
  using words = std::vector<std::string>;
  using show = std::function<std::string(const api::json::value&, const screen&)>;

  api::result<answer> ask_and_show(const std::string& command, const screen& where,
                                   const show& how);
  api::result<answer> present(const api::json::document& doc, const screen& where,
                              const show& how) const;
  api::result<answer> tree(const words& w, const screen& where);
  api::result<answer> top(const words& w, const screen& where);
  std::string help() const;

  asker ask_;
  waiter wait_;
  form output_;
};

/// The command that a mistyped word most likely means; empty when none is near.
std::string nearest_command(std::string_view word);

/// Milliseconds of "5s", "500ms", "2m" or "3" (seconds). Errors: bad_request.
api::result<int> parse_window(std::string_view text);

} // namespace thespis::tools::shell
