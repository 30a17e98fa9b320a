// What a fallible function of ours returns: a value, or an error that maps to a Kubernetes Status.
#pragma once

#include "api/error.hpp"

#include <tl/expected.hpp>

namespace thespis::api {

/// A value of type `T`, or the reason why there is none. `T` may be void.
template <class T>
using result = tl::expected<T, error>;

/// Turns an error into the failed state of any `result`.
inline tl::unexpected<error> fail(error e) {
  return tl::unexpected<error>{std::move(e)};
}
inline tl::unexpected<error> fail(reason why, std::string message) {
  return fail(make_error(why, std::move(message)));
}

} // namespace thespis::api
