// The start and the end of `thespis up`: detaching, telling how far it is, signals.
#pragma once

#include <chrono>
#include <string>

#include <sys/types.h>

namespace thespis::tools {

/// One start of a cluster. Tells the user how far it is: on standard output, or, detached, through
/// a pipe to the process that waits in the terminal. One a process; made before any thread.
class startup {
public:
  /// Installs handlers for SIGTERM, SIGINT and SIGHUP, which `wait_for_stop` reports. Child
  /// processes get the default handlers back at exec.
  startup();
  ~startup();
  startup(const startup&) = delete;
  startup& operator=(const startup&) = delete;

  /// Splits off a process that has its own session, no terminal, and its output in `output_file`.
  /// The calling process waits until that one is ready, has failed or has ended, repeats what it
  /// says, and ends with status 0 or 1 without returning; only the new process returns. Errors: a
  /// text for the user.
  std::string detach(const std::string& output_file);

  /// A step that is done: "API serves at https://127.0.0.1:6443". Shown with the seconds since the
  /// start. Thread-safe.
  void say(const std::string& step);

  /// The start is complete: a detached process's waiting parent ends well.
  void ready();

  /// The start has failed: shown, and the waiting parent ends with status 1.
  void fail(const std::string& why);

  /// Blocks until a signal asks the process to end; returns its number. A second signal while the
  /// process winds down ends it at once.
  int wait_for_stop();

  /// Whether the process has been asked to end.
  static bool stop_requested();

private:
  void send(char kind, const std::string& text);

  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  int report_ = -1; ///< writing end of the pipe to the waiting parent; -1 in the foreground
};

} // namespace thespis::tools
