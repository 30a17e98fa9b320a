// Waiting for something that another thread does.
#pragma once

#include <chrono>

#include <poll.h>

namespace thespis::tools::bench {

/// Lets `milliseconds` pass.
inline void pause_for(int milliseconds) {
  ::poll(nullptr, 0, milliseconds);
}

/// Looks every 10 ms whether `done` is true; false when it is not after `limit`.
template <class Done>
bool wait_until(std::chrono::seconds limit, Done done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    pause_for(10);
  }
  return true;
}

} // namespace thespis::tools::bench
