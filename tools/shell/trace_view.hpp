// Traces on a terminal: a line a message, as they come.
#pragma once

#include "tools/shell/view.hpp"

#include <cstdint>
#include <string>

namespace thespis::tools::shell {

class trace_view {
public:
  explicit trace_view(const screen& s) : screen_(s) {}
  /// The lines of a batch; headings before the first.
  std::string show(const api::json::value& batch);
  /// What to say at the end.
  std::string summary(std::string_view why) const;

private:
  const screen screen_;
  uint64_t shown_ = 0;
  uint64_t dropped_ = 0;
};

/// One JSON object a line, for other programs.
std::string trace_lines(const api::json::value& batch);

} // namespace thespis::tools::shell
