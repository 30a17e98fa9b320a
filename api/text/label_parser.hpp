// The grammar of label selectors in query strings.
#pragma once

#include "api/text/labels.hpp"

namespace thespis::api {

/// Checks a requirement. Messages name `path` + "key" and `path` + "values[0]"; `path` is empty or
/// ends with a dot.
std::vector<cause> check_requirement(const label_requirement& r, std::string_view path);

/// The requirements of a query string, in their order. Errors: bad_request.
result<std::vector<label_requirement>> parse_label_requirements(std::string_view text);

} // namespace thespis::api
