// The errors of patches in the apiserver's words.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <string>
#include <string_view>

namespace thespis::api::patch {

/// 422 for a patch that does not apply. Kubernetes says only that the request was rejected; the
/// detail rides along as a cause, which kubectl prints.
error rejected(std::string_view detail);

/// 400 for a strategic merge patch of which one list element names no merge key.
error no_merge_key(const json::value& element, std::string_view merge_key);

/// A value as Go prints it with %v (`map[a:1 b:[x y]]`), cut off after 1 KiB.
std::string print_go(const json::value& v);

} // namespace thespis::api::patch
