// create, update, patch, delete and deletecollection: decoded here, decided by the backend.
#pragma once

#include "api/rest/core.hpp"

#include <functional>
#include <string>

namespace thespis::api::rest {

/// Whether the request is a read that may have to ask another server to convert what it reads, or
/// others what is to be computed: it goes the way of writes.
bool waits_for_conversion(const exchange& x);

/// Takes a request's body and answers later, from any thread, exactly once.
using responder = std::function<void(transport::response)>;

/// Runs what `x` asks for and could not be answered in place: a write, or a read that waits.
void run_write(const exchange_ptr& x, std::string_view body, responder respond);

/// Whether the verb changes something.
bool is_write(std::string_view verb);

} // namespace thespis::api::rest
