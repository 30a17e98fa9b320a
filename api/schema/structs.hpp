// Reading and writing the generated structs (api/generated/*.hpp, namespace v1). They have every
// field of the API, so an object survives a round trip; members that are no part of its schema
// are dropped.
//
//   auto pod = v1::from_json<v1::pod>(doc);
//   json::value out = v1::to_json(pod, doc.GetAllocator());
#pragma once

#include "api/schema/codec.hpp"

namespace thespis::api::v1 {

/// Takes from `v` what fits; members of another type than expected stay at their default.
template <class T>
T from_json(const json::value& v) {
  T x;
  decode(v, x);
  return x;
}

/// `x` as JSON: kind and apiVersion where it has them, required members always, others unless
/// they are empty. Strings are copied into `a`.
template <class T>
json::value to_json(const T& x, json::allocator& a) {
  return encode(x, a);
}

} // namespace thespis::api::v1
