// Request bodies in Kubernetes' protobuf encoding, which typed Go clients (kubectl create among
// them) send, as JSON. The messages are read by the field numbers of the schema; no generated
// code is involved.
#pragma once

#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <string>
#include <string_view>

namespace thespis::api::rest {

/// The JSON of a body that starts with the magic bytes of runtime.Unknown. What protobuf cannot
/// leave out (zeros and empty strings of plain Go fields) is left out, as Go's JSON does it.
/// Errors: bad_request for malformed bytes, unknown kinds and nesting beyond 128.
result<std::string> protobuf_to_json(const schema::registry& schemas, std::string_view body);

} // namespace thespis::api::rest
