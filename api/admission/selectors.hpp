// What the selectors of webhooks and policies look at.
#pragma once

#include "api/admission/plugin.hpp"

#include <optional>

namespace thespis::api::admission {

/// The labels of an object; none for null.
label_set labels_of(const json::value* o);

/// The labels that a namespace selector looks at; nothing for what is in no namespace.
std::optional<label_set> namespace_labels(const request& r);

} // namespace thespis::api::admission
