#include "tools/cli/startup.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

// Signals reach wait_for_stop through this pipe: a handler may do little more than write.
int signal_pipe[2] = {-1, -1};
std::atomic<bool> stopping{false};

void on_stop(int number) {
  // Someone who asks twice does not want to wait for an orderly end.
  if (stopping.exchange(true))
    _exit(128 + number);
  auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] auto n = ::write(signal_pipe[1], &byte, 1);
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

std::string failure(const char* what) {
  return std::string{what} + ": " + std::strerror(errno);
}

/// Repeats what the detached process says until it is ready or gone; the exit status.
int follow(int pipe, pid_t child) {
  auto* in = ::fdopen(pipe, "r");
  char* line = nullptr;
  size_t room = 0;
  int status = -1;
  for (ssize_t n; status < 0 && (n = ::getline(&line, &room, in)) > 0;) {
    if (line[0] == 'r') {
      status = 0;
    } else {
      std::fputs(line + 1, line[0] == 'f' ? stderr : stdout);
      std::fflush(stdout);
      if (line[0] == 'f')
        status = 1;
    }
  }
  std::free(line);
  if (status < 0) {
    int how = 0;
    ::waitpid(child, &how, 0);
    std::fprintf(stderr, "The cluster's process ended before it was ready (%s %d).\n",
                 WIFSIGNALED(how) ? "signal" : "status",
                 WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    status = 1;
  }
  return status;
}

} // namespace

startup::startup() {
  if (signal_pipe[0] < 0) [[maybe_unused]]
    auto made = ::pipe2(signal_pipe, O_CLOEXEC);
  for (int number : {SIGTERM, SIGINT, SIGHUP})
    handle(number, on_stop);
  // A handler rather than SIG_IGN, which containers would inherit through exec.
  handle(SIGPIPE, [](int) {});
}

startup::~startup() {
  if (report_ >= 0)
    ::close(report_);
}

std::string startup::detach(const std::string& output_file) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return failure("cannot make a pipe");
  int output = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (output < 0)
    return failure(("cannot write " + output_file).c_str());
  std::fflush(nullptr);
  auto child = ::fork();
  if (child < 0)
    return failure("cannot start a process");
  if (child > 0) {
    ::close(ends[1]);
    // The terminal's user may stop waiting; the cluster then goes on by itself.
    for (int number : {SIGTERM, SIGINT, SIGHUP})
      handle(number, SIG_DFL);
    int status = follow(ends[0], child);
    std::fflush(nullptr);
    _exit(status);
  }
  ::close(ends[0]);
  ::setsid();
  int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close(nothing);
  ::close(output);
  report_ = ends[1];
  return {};
}

void startup::send(char kind, const std::string& text) {
  std::string line = kind + text + "\n";
  // Shorter than PIPE_BUF, so lines of several threads never mix. Nobody may be reading any more.
  if (report_ >= 0) [[maybe_unused]]
    auto n = ::write(report_, line.data(), std::min<size_t>(line.size(), 4096));
}

void startup::say(const std::string& step) {
  std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, " (%.1f s)", passed.count());
  auto line = " ✓ " + step + seconds;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  send('s', line);
}

void startup::ready() {
  send('r', "");
  if (report_ >= 0)
    ::close(report_);
  report_ = -1;
}

void startup::fail(const std::string& why) {
  auto line = " ✗ " + why;
  std::fprintf(stderr, "%s\n", line.c_str());
  for (auto& c : line)
    if (c == '\n')
      c = ' ';
  send('f', line);
}

bool startup::stop_requested() {
  return stopping;
}

int startup::wait_for_stop() {
  unsigned char number = 0;
  while (true) {
    auto n = ::read(signal_pipe[0], &number, 1);
    if (n == 1)
      return number;
    if (n < 0 && errno == EINTR)
      continue;
    return SIGTERM;
  }
}

} // namespace thespis::tools
