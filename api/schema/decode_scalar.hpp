// Scalars as Go's decoder and Kubernetes' own unmarshallers take them. Internal to api/schema.
#pragma once

#include "api/json.hpp"
#include "api/schema/schema.hpp"

#include <string>

namespace thespis::api::schema {

struct scalar_outcome {
  bool fits = true;
  /// Why it does not, when the type has words of its own (quantities, times, base64).
  std::string message;
};

/// Checks one scalar and makes it canonical: quantities ("0.5" becomes "500m") and times (UTC).
scalar_outcome decode_scalar(shape form, json::value& v, json::allocator& a);

/// What Go calls the JSON it found: "string", "number", "number 1.5", "object", "array", "bool".
std::string describe_json(shape wanted, const json::value& v);

/// Go's name of a type: "int32", "[]v1.Container", "map[string]string".
std::string go_type_of(const value_type& t);

} // namespace thespis::api::schema
