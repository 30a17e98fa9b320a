// Finds the word a user may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thespis::config {

/// The known word nearest to `word` in edits (insert, drop, replace, swap of neighbours), if within
/// a third of its length and at least one; else empty.
std::string closest_spelling(std::string_view word, const std::vector<std::string>& known);

} // namespace thespis::config
