// Comma-separated values (RFC 4180), as strictly as Go's encoding/csv reads them.
#pragma once

#include "api/result.hpp"

namespace thespis::config {

struct csv_record {
  int line = 0; ///< where it starts, from 1
  std::vector<std::string> fields;
};

/// The records of `text`; empty lines are skipped, records may differ in length. A field in quotes
/// may hold commas, line ends and, doubled, quotes. Errors: bad_request with `name:line: ...` for a
/// quote inside a bare field, text after a closing quote, or a quote that is never closed.
api::result<std::vector<csv_record>> parse_csv(std::string_view text, const std::string& name);

} // namespace thespis::config
