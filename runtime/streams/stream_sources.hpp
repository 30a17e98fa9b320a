// Where the bytes of a machine's streams come from: log files, and containerd's streaming server.
#pragma once

#include "runtime/cri/log_file.hpp"
#include "runtime/streams/stream_port.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace thespis::runtime {

class stream_sources {
public:
  using opened = std::function<void(api::result<std::shared_ptr<stream_port>>)>;
  /// Whether the container that a log belongs to still runs; asked, asynchronously, while a
  /// followed log does not grow.
  using liveness = std::function<void(std::function<void(bool)>)>;

  virtual ~stream_sources() = default;
  /// A container's log as a port that only gives. Without `alive` it ends at the file's end.
  /// Errors: those of log_reader::open.
  virtual void open_log(std::string path, log_options options, liveness alive, opened done) = 0;
  /// A TCP connection to a numeric IPv4 or IPv6 address. Errors: service_unavailable.
  virtual void connect(std::string address, uint16_t port, opened done) = 0;
};

/// This machine's, on two threads that start with the first stream. Its streams must be over, or
/// closed, when it goes.
std::shared_ptr<stream_sources> make_machine_streams();

} // namespace thespis::runtime
