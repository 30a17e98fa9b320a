// What the two ends of a byte stream say to each other: a log, an exec session, a forwarded port,
// between any two machines. Each end is an actor before something local (stream_port.hpp).
//
// The stream begins when the first end sends its credit; the second answers to whoever that was.
// Bytes are sent against credit alone, so that a slow reader holds up the writer and nobody's
// memory. Each direction ends by itself (stream_end); stream_abort ends both.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/object_messages.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace thespis::runtime {

/// The next bytes; no more than there is credit for.
struct stream_data {
  std::string bytes;
};

/// So many more bytes may be sent.
struct stream_credit {
  uint64_t bytes = 0;
};

/// No more bytes will come from this end.
struct stream_end {};

/// The stream is over, in both directions.
struct stream_abort {
  api::error why;
};

/// This end is still there.
struct stream_alive {};

/// INTERNAL: a port's answer came.
struct stream_event {
  std::function<void()> run;
};
/// INTERNAL: time to see who is still there.
struct stream_tick {};

// clang-format off
using stream_handle = caf::typed_actor<
  /// Passes the bytes on to what is local.
  caf::reacts_to<stream_data>,
  /// Lets this end send more.
  caf::reacts_to<stream_credit>,
  /// Ends what is written to the local side.
  caf::reacts_to<stream_end>,
  /// Closes the local side.
  caf::reacts_to<stream_abort>,
  /// Is noted.
  caf::reacts_to<stream_alive>>;

using stream_actor_handle = stream_handle::extend<
  /// INTERNAL
  caf::reacts_to<stream_event>,
  /// INTERNAL
  caf::reacts_to<stream_tick>>;
// clang-format on

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_data& x) {
  return f(x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_credit& x) {
  return f(x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_end&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_abort& x) {
  return f(x.why);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_alive&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stream_tick&) {
  return f();
}

} // namespace thespis::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(thespis::runtime::stream_event)
