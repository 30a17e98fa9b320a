// Measures how fast services reach the kernel.
#pragma once

#include "api/result.hpp"

#include <cstddef>
#include <string>

namespace thespis::proxy {

/// Milliseconds.
struct programming_figures {
  size_t services = 0;
  double plan = 0;         ///< what the kernel should hold, from the services
  double from_nothing = 0; ///< the plan, and the kernel holding it
  double change = 0;       ///< one endpoint of one service replaced by another: the median
  double scale = 0;        ///< one service from two endpoints to three or back: the median
};

/// Programs `n` services of two endpoints each into a network namespace of its own, and then
/// changes single ones. Needs root.
api::result<programming_figures> program_from_nothing(size_t n);

/// The figures in one line.
std::string to_string(const programming_figures& f);

} // namespace thespis::proxy
