// The messages of actors/ that a person may send by name.
#pragma once

#include "runtime/introspection/sendable.hpp"

#include <memory>

namespace thespis::actors {

/// Those of runtime/ and of this folder.
std::shared_ptr<const runtime::sendable_messages> all_sendables();

} // namespace thespis::actors
