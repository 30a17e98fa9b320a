// Whether the log can be written.
#pragma once

#include <string>

namespace thespis::tools {

/// For the logger's error handler: says it on standard error, and log_trouble knows of it.
void note_log_failure(const std::string& why);

/// What keeps the log from being written now; empty: nothing. Thread-safe.
std::string log_trouble();

} // namespace thespis::tools
