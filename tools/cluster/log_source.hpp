// Container logs for `kubectl logs`: files read and followed on one thread.
#pragma once

#include "api/rest/backend.hpp"

#include <functional>
#include <memory>
#include <string>

namespace thespis::tools {

/// Reads logs for any number of clients on one thread of its own. Thread-safe.
class log_source {
public:
  /// Whether the container that a log belongs to still runs; asked, asynchronously, while a
  /// followed log does not grow.
  using liveness = std::function<void(std::function<void(bool)>)>;

  log_source();
  ~log_source();
  log_source(const log_source&) = delete;
  log_source& operator=(const log_source&) = delete;

  /// Sends the file as the options say. `alive` may be null: the log ends at its end.
  void start(std::string path, const api::rest::log_options& options,
             api::rest::log_callbacks callbacks, liveness alive);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::tools
