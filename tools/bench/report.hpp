// Results of the bench: between processes, for people, for programs.
#pragma once

#include "tools/bench/bench.hpp"
#include "tools/shell/text_table.hpp"

namespace thespis::tools::bench {

/// {"figures":[{"what":...,"value":...,"unit":...,"reference":...,"ratio":...,"target":...}]}
std::string to_json(const figures& all);

/// What to_json gave. Errors: bad_request.
api::result<figures> from_json(std::string_view text);

/// A table of at most 100 columns, with the notes below it.
std::string to_table(const figures& all, const palette& colours);

/// A figure as a person reads it: "1,234", "12.3", "0.81".
std::string readable(double value);

} // namespace thespis::tools::bench
