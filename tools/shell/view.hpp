// What the shell prints of the server's answers.
#pragma once

#include "api/json.hpp"
#include "tools/shell/text_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thespis::tools::shell {

/// Where it is printed.
struct screen {
  palette colours;
  size_t width = 0; ///< columns; 0: no limit
};

// Each shows the answer to the command of its name; lists say when rows were cut.
std::string show_nodes(const api::json::value& answer, const screen& s);
std::string show_ps(const api::json::value& answer, const screen& s);
std::string show_top(const api::json::value& answer, const screen& s);
std::string show_kinds(const api::json::value& answer, const screen& s);
std::string show_routes(const api::json::value& answer, const screen& s);
std::string show_links(const api::json::value& answer, const screen& s);
std::string show_roles(const api::json::value& answer, const screen& s);
std::string show_messages(const api::json::value& answer, const screen& s);
std::string show_log_levels(const api::json::value& answer, const screen& s);
std::string show_info(const api::json::value& answer, const screen& s);
std::string show_diagnosis(const api::json::value& answer, const screen& s);
std::string show_why(const api::json::value& answer, const screen& s);
/// Of `info` only the actor's own words.
std::string show_inspection(const api::json::value& answer, const screen& s);
/// What a change did.
std::string show_change(const api::json::value& answer, const screen& s);
/// Which machines did not answer; empty when all did.
std::string show_silent(const api::json::value& answer, const screen& s);

/// Who started whom, with box characters. Of many brothers of one kind only some are shown,
/// unless `all`. An empty `root` shows everything, another one that actor ("machine-1/12", "12" or
/// "pod/default/web-1") and what is below it.
std::string show_tree(const api::json::value& answer, const std::string& root, bool all,
                      const screen& s);

// For reading answers; what is missing is zero or empty.
uint64_t number_of(const api::json::value& v, std::string_view key);
double real_of(const api::json::value& v, std::string_view key);
std::string text_of(const api::json::value& v, std::string_view key);
std::vector<const api::json::value*> elements_of(const api::json::value& v, std::string_view key);

} // namespace thespis::tools::shell
