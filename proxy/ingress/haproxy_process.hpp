// haproxy as our child: started with the first configuration, and told to take further ones over
// without dropping connections.
#pragma once

#include "api/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>

namespace thespis::proxy {

/// Not thread-safe. The child ends with the thread that started it. Calls block for as long as
/// haproxy reads its configuration: tenths of a second.
class haproxy_process {
public:
  /// `folder` is made when it is needed, for this process alone, and holds private keys.
  explicit haproxy_process(std::string folder, std::string program = "haproxy");
  /// Ends the child and removes the folder.
  ~haproxy_process();
  haproxy_process(const haproxy_process&) = delete;

  /// Has haproxy check these files (haproxy_files()), and only when they are good, start or take
  /// them over. Errors: `internal_error` with haproxy's words; what ran before goes on.
  api::result<void> apply(const std::map<std::string, std::string>& files);

  /// Whether the child lives; notices its end.
  bool running();
  void stop();

private:
  api::result<void> write(const std::string& folder,
                          const std::map<std::string, std::string>& files) const;
  api::result<void> check(const std::string& config) const;
  api::result<void> start();

  std::string folder_;
  std::string program_;
  pid_t child_ = -1;
  uint64_t generation_ = 0;
};

} // namespace thespis::proxy
