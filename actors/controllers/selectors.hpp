// Label selectors of generated structs, ready to match.
#pragma once

#include "api/generated/meta_v1.hpp"
#include "api/text/labels.hpp"

#include <map>
#include <string>

namespace thespis::actors {

/// A selector that cannot be read (validation refuses it) selects nothing.
api::label_selector selector_of(const api::v1::label_selector& s);
/// The map of a Service or ReplicationController; an empty one selects nothing.
api::label_selector selector_of(const std::map<std::string, std::string>& s);

/// A map as the ordered set that selectors match.
api::label_set labels_of(const std::map<std::string, std::string>& labels);

} // namespace thespis::actors
