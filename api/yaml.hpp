// YAML that people write, as JSON: YAML 1.1 scalars typed as sigs.k8s.io/yaml types them, within
// budgets that hostile files cannot escape.
#pragma once

#include "api/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::yaml {

struct limits {
  size_t max_bytes = 3 * 1024 * 1024;
  unsigned max_depth = 64;
  size_t max_nodes = 100'000; ///< of all documents together
};

/// Parses one document; an empty text is null.
/// Errors: bad_request with the line ("error converting YAML to JSON: yaml: line 3: ..."), also for
/// aliases, anchors, merge keys, duplicate keys, keys that are no scalars, invalid UTF-8 and a
/// second document; request_entity_too_large beyond max_bytes.
/// With `duplicates` the last of a repeated key wins instead, and what Go says of each repetition
/// is appended there: `line 5: key "name" already set in map`, no more than 100 of them.
result<json::document> parse(std::string_view text, const limits& l = {},
                             std::vector<std::string>* duplicates = nullptr);

/// Parses all documents of a stream; empty ones are left out.
result<std::vector<json::document>> parse_all(std::string_view text, const limits& l = {});

/// Block style, keys in their order, strings quoted where they would read as something else; ends
/// with a newline. `parse` gives back an equal value.
std::string to_yaml(const json::value& v);

} // namespace thespis::api::yaml
