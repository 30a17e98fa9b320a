// Which of several classes objects get that name none.
#pragma once

#include "api/pipeline/reader.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api::admission {

/// The class with one of these annotations set to "true": of several the newest, then the first by
/// name.
std::optional<std::string> default_class(const reader& state, std::string_view resource,
                                         std::initializer_list<std::string_view> annotations);

} // namespace thespis::api::admission
