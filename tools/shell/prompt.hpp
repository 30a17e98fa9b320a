// The interactive side of the shell: a line editor with history and completion, and a pager.
#pragma once

#include "tools/shell/text_table.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools::shell {

/// Reads lines from the terminal. The history is kept in `history_file` with mode 0600.
class prompt {
public:
  using completer = std::function<std::vector<std::string>(std::string_view line)>;

  prompt(std::string text, std::string history_file, completer complete, const palette& colours);
  ~prompt();
  prompt(const prompt&) = delete;
  prompt& operator=(const prompt&) = delete;

  /// The next line without its end; empty after Ctrl-C; nothing at the end of input.
  std::optional<std::string> read();

private:
  struct editor;
  std::unique_ptr<editor> editor_;
};

/// Columns and lines of the terminal on standard output; 80 and 24 when it does not say.
struct terminal_size {
  size_t columns = 80;
  size_t lines = 24;
};
terminal_size size_of_terminal();

/// Prints the text, stopping after each full screen: space for the next one, Enter for a line,
/// q to stop.
void print_in_pages(const std::string& text);

} // namespace thespis::tools::shell
