#include "runtime/cri/command.hpp"

#include "api/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace thespis::runtime {

namespace {

/// A descriptor closed at the end of its scope.
class owned_fd {
public:
  explicit owned_fd(int fd = -1) : fd_{fd} {}
  ~owned_fd() { close(); }
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }

private:
  int fd_;
};

std::vector<std::string> environment_with_sbin() {
  std::vector<std::string> out;
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view var{*entry};
    if (var.starts_with("PATH="))
      path = std::string{var.substr(5)} + ":" + path;
    else
      out.emplace_back(var);
  }
  out.push_back("PATH=" + path);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const auto& s : strings)
    out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Feeds and drains the program until it closes its output; false at the deadline.
bool converse(owned_fd& in, const owned_fd& out, std::string_view input, std::string& text,
              std::chrono::steady_clock::time_point deadline) {
  if (input.empty())
    in.close();
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return false;
    pollfd fds[2] = {{out.get(), POLLIN, 0}, {in.get(), POLLOUT, 0}};
    if (::poll(fds, in.get() < 0 ? 1 : 2, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return false;
    if (in.get() >= 0 && fds[1].revents != 0) {
      const ssize_t n = ::write(in.get(), input.data(), input.size());
      if (n > 0)
        input.remove_prefix(static_cast<size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR))
        in.close();
    }
    if (fds[0].revents == 0)
      continue;
    char buffer[4096];
    const ssize_t n = ::read(out.get(), buffer, sizeof(buffer));
    if (n == 0 || (n < 0 && errno != EINTR))
      return true;
    if (n > 0)
      text.append(buffer, static_cast<size_t>(n));
  }
}

} // namespace

api::result<command_output> run_command(const std::vector<std::string>& argv,
                                        std::chrono::milliseconds timeout,
                                        const std::string& input) {
  int in_pipe[2];
  int out_pipe[2];
  if (::pipe2(in_pipe, O_CLOEXEC) != 0)
    return api::fail(api::internal_error("pipe failed"));
  owned_fd in_read{in_pipe[0]};
  owned_fd in_write{in_pipe[1]};
  if (::pipe2(out_pipe, O_CLOEXEC) != 0)
    return api::fail(api::internal_error("pipe failed"));
  owned_fd out_read{out_pipe[0]};
  owned_fd out_write{out_pipe[1]};
  ::fcntl(in_write.get(), F_SETFL, O_NONBLOCK);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in_read.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, out_write.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, out_write.get(), 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const auto environment = environment_with_sbin();
  pid_t pid = 0;
  const int failure = ::posix_spawnp(&pid, argv.front().c_str(), &actions, &attributes,
                                     pointers(argv).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  in_read.close();
  out_write.close();
  if (failure != 0)
    return api::fail(failure == ENOENT ? api::reason::not_found : api::reason::internal_error,
                     "cannot run " + argv.front() + ": " + ::strerror(failure));

  command_output out;
  const bool in_time =
      converse(in_write, out_read, input, out.text, std::chrono::steady_clock::now() + timeout);
  if (!in_time)
    ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time)
    return api::fail(api::reason::timeout, argv.front() + " did not end in time");
  out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

api::result<std::string> check_command(const std::vector<std::string>& argv,
                                       std::chrono::milliseconds timeout,
                                       const std::string& input) {
  auto output = run_command(argv, timeout, input);
  if (!output)
    return api::fail(std::move(output.error()));
  if (output->exit_code != 0)
    return api::fail(api::reason::internal_error, argv.front() + " failed: " + output->text);
  return std::move(output->text);
}

} // namespace thespis::runtime
