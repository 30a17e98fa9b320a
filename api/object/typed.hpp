// An object's generated struct, parsed once however many actors look at it.
#pragma once

#include "api/object/object.hpp"
#include "api/schema/structs.hpp"

namespace thespis::api {

/// The object as its generated struct `T` (of its own resource, always the same). All callers
/// share one copy while any of them holds it. Thread-safe.
template <class T>
std::shared_ptr<const T> typed(const object& o) {
  const std::lock_guard lock{o.typed_mutex_};
  if (auto known = o.typed_.lock())
    return std::static_pointer_cast<const T>(known);
  // Not make_shared: the weak pointer of an old revision must not hold the struct's memory.
  std::shared_ptr<const T> res{new T(v1::from_json<T>(o.parse()))};
  o.typed_ = res;
  return res;
}

} // namespace thespis::api
