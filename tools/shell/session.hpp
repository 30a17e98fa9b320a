// One conversation of the shell with a cluster: a command in, text out.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"
#include "tools/shell/view.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools::shell {

/// What a conversation needs of the world.
struct ports {
  /// Asks the cluster, or, with `changes`, has it change something; gives the JSON of the answer.
  std::function<api::result<std::string>(const std::string& command, bool changes)> ask;
  /// Prints at once, for what goes on for a while.
  std::function<void(const std::string& text)> print;
  /// Whether the user wants it to end; asking forgets it.
  std::function<bool()> interrupted;
  /// Writes a file of the user's, mode 0600.
  std::function<api::result<void>(const std::string& path, const std::string& text)> write;
};

enum class form : uint8_t { table, json, yaml };
/// Nothing for another name.
std::optional<form> form_of(std::string_view name);

struct session_options {
  form output = form::table;
  bool allow_changes = false;
};

/// Commands of the shell, in the order `help` lists them.
struct command_help {
  std::string_view name;
  std::string_view arguments;
  std::string_view what;
  bool changes = false;
};
const std::vector<command_help>& all_commands();

/// What became of a command.
struct answer {
  std::string text;  ///< to print; ends with a newline unless empty
  bool ends = false; ///< the user wants to leave
};

class session {
public:
  session(ports p, session_options o) : ports_(std::move(p)), options_(o) {}

  /// Runs one line; `-o FORM` at its end says how the answer is shown. An empty one answers
  /// nothing. Errors: bad_request for what cannot be understood, the cluster's own otherwise.
  api::result<answer> run(std::string_view line, const screen& where);

  /// What the last word of `line` may become: commands, kinds, actors, options; asks the cluster.
  std::vector<std::string> completions(std::string_view line);

private:
  using words = std::vector<std::string>;
  using show = std::function<std::string(const api::json::value&, const screen&)>;

  api::result<answer> run_command(const words& w, std::string_view line, const screen& where);
  api::result<answer> ask_and_show(const std::string& command, const screen& where, const show& how,
                                   bool changes = false);
  api::result<api::json::document> ask(const std::string& command, bool changes = false);
  api::result<answer> present(const api::json::document& doc, const screen& where,
                              const show& how) const;
  api::result<answer> tree(const words& w, const screen& where);
  api::result<answer> change(const words& w, std::string_view line, const screen& where);
  api::result<answer> trace(const words& w, const screen& where);
  api::result<answer> snapshot(const words& w);
  std::string help(const screen& where) const;
  std::vector<std::string> actors_like(const std::string& start);
  std::vector<std::string> texts(const std::string& command, const char* list, const char* key);

  ports ports_;
  session_options options_;
};

/// The command that a mistyped word most likely means; empty when none is near.
std::string nearest_command(std::string_view word);

/// Answers from the text of a snapshot, as a cluster would. Errors: bad_request when it is none.
api::result<decltype(ports::ask)> open_snapshot(const std::string& text);

} // namespace thespis::tools::shell
