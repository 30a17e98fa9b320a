// What the shell prints of the server's answers.
#pragma once

#include "api/json.hpp"
#include "tools/shell/text_table.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace thespis::tools::shell {

/// Where it is printed.
struct screen {
  palette colours;
  size_t width = 0; ///< columns; 0: no limit
};

/// The answer to `ps` as a table; says when rows were cut.
std::string show_ps(const api::json::value& answer, const screen& s);

/// The answer to `kinds`.
std::string show_kinds(const api::json::value& answer, const screen& s);

/// Who started whom, with box characters. Of many brothers of one kind only some are shown,
/// unless `all`. `root` 0 shows everything, another id that actor and what is below it.
std::string show_tree(const api::json::value& answer, uint64_t root, bool all, const screen& s);

/// Two answers to `top` as what happened between them: {"seconds":1.0,"actors":[{"id":...,
/// "busyPercent":12.5,"messagesPerSecond":340,...}]}, the busiest first, idle ones left out.
api::json::document between(const api::json::value& before, const api::json::value& after,
                            size_t limit);

/// What `between` gave, as a table.
std::string show_top(const api::json::value& window, const screen& s);

/// The answer to `info`.
std::string show_info(const api::json::value& answer, const screen& s);

} // namespace thespis::tools::shell
