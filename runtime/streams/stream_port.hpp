// The local side of a stream's end: a log file, a socket, a client's connection.
#pragma once

#include "api/result.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace thespis::runtime {

/// At most one read and one write are outstanding. Callbacks come once, on any thread, also before
/// the call returns, and perhaps not at all after close.
class stream_port {
public:
  /// Nothing: there will be no more bytes.
  using read_handler = std::function<void(api::result<std::optional<std::string>>)>;
  using write_handler = std::function<void(api::result<void>)>;

  virtual ~stream_port() = default;
  /// Gives some bytes, one at least and `max` at most.
  virtual void read(size_t max, read_handler f) = 0;
  /// Calls back when it would take more.
  virtual void write(std::string bytes, write_handler f) = 0;
  /// Nothing more will be written. Never with a write outstanding.
  virtual void end_write() = 0;
  /// The stream is over; with an error it did not end well. Comes once, and last.
  virtual void close(const std::optional<api::error>& why) = 0;
  /// Whether somebody is there still; asked now and then.
  virtual bool alive() { return true; }
};

} // namespace thespis::runtime
