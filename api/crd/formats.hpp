// The string formats of OpenAPI schemas that Kubernetes checks.
#pragma once

#include <string_view>

namespace thespis::api::crd {

/// Whether `text` is one of `format`. Formats that Kubernetes does not know accept everything.
bool fits_format(std::string_view format, std::string_view text);

/// Whether Kubernetes knows the format of strings.
bool is_known_format(std::string_view format);

} // namespace thespis::api::crd
