// Compiles and runs expressions in one line.
#pragma once

#include "api/cel/cel.hpp"

#include <string>

namespace thespis::api::cel::test {

/// The environment of most tests: x is dyn.
environment plain();

/// The value of an expression as text: JSON where it has some, else the type's name; "error: ..."
/// when evaluation fails, "compile: ..." with the complaint when it does not compile.
std::string eval(std::string_view text, std::string_view x = "null");

/// The first complaint of the compiler, without its place; empty when it compiles.
std::string complaint(std::string_view text);

/// All that the compiler says.
std::string complaints_of(std::string_view text);

struct row {
  const char* text;
  const char* expected;
};

/// Checks rows of eval().
void check_rows(std::initializer_list<row> rows);

} // namespace thespis::api::cel::test
