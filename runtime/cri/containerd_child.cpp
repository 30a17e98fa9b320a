#include "runtime/cri/containerd_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>

namespace thespis::runtime {

namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds term_grace{8'000};
constexpr std::chrono::milliseconds kill_grace{5'000};
constexpr uintmax_t max_log_bytes = 16 << 20;

std::string read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// All processes whose arguments satisfy `wanted`, which gets them with a NUL after each.
template <class Predicate>
std::vector<pid_t> find_processes(Predicate wanted) {
  std::vector<pid_t> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator{"/proc", ec}) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size())
      continue;
    if (wanted(pid, entry.path()))
      out.push_back(pid);
  }
  return out;
}

std::string base_name_of_program(const std::string& arguments) {
  const std::string program = arguments.substr(0, arguments.find('\0'));
  return program.substr(program.rfind('/') + 1);
}

bool wait_gone(int pidfd, std::chrono::milliseconds limit) {
  pollfd p{pidfd, POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(limit.count())) > 0;
}

void send_signal(int pidfd, int signal) {
  ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

void end_one(pid_t pid, bool politely) {
  const int pidfd = open_pidfd(pid);
  if (pidfd < 0)
    return;
  if (politely)
    send_signal(pidfd, SIGTERM);
  if (!politely || !wait_gone(pidfd, term_grace)) {
    send_signal(pidfd, SIGKILL);
    wait_gone(pidfd, kill_grace);
  }
  ::close(pidfd);
}

/// In the child, after fork: only what is safe with other threads' locks held.
[[noreturn]] void become_containerd(char* const* argv, int log, int null, pid_t parent) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent)
    ::_exit(1);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int s = 1; s < NSIG; ++s)
    ::sigaction(s, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(null, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::close_range(3, ~0U, 0);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

} // namespace

int open_pidfd(pid_t pid) {
  // glibc 2.36 declares its wrapper without C linkage.
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

api::result<pid_t> spawn_containerd(const node_layout& layout, const std::string& program) {
  std::error_code ec;
  if (fs::file_size(layout.containerd_log(), ec) > max_log_bytes && !ec)
    fs::rename(layout.containerd_log(), layout.containerd_log().string() + ".1", ec);
  const int log =
      ::open(layout.containerd_log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const std::string config = layout.containerd_config().string();
  const std::string words[] = {program, "--config", config};
  char* argv[] = {const_cast<char*>(words[0].c_str()), const_cast<char*>(words[1].c_str()),
                  const_cast<char*>(words[2].c_str()), nullptr};
  const pid_t self = ::getpid();
  const pid_t child = log < 0 || null < 0 ? -1 : ::fork();
  if (child == 0)
    become_containerd(argv, log, null, self);
  const int failure = errno;
  ::close(log);
  ::close(null);
  if (child < 0)
    return api::fail(api::internal_error("cannot start " + program + ": " + ::strerror(failure)));
  return child;
}

std::vector<pid_t> find_containerd(const node_layout& layout) {
  const std::string arguments =
      std::string{"--config"} + '\0' + layout.containerd_config().string() + '\0';
  return find_processes([&](pid_t, const fs::path& dir) {
    const std::string line = read_file(dir / "cmdline");
    return base_name_of_program(line).starts_with("containerd") &&
           line.find(arguments) != std::string::npos;
  });
}

std::vector<pid_t> find_shims(const node_layout& layout) {
  const std::string arguments =
      std::string{"-address"} + '\0' + layout.containerd_socket().string() + '\0';
  return find_processes([&](pid_t, const fs::path& dir) {
    const std::string line = read_file(dir / "cmdline");
    return base_name_of_program(line).starts_with("containerd-shim") &&
           line.find(arguments) != std::string::npos;
  });
}

std::vector<pid_t> find_children(const std::vector<pid_t>& parents) {
  return find_processes([&](pid_t, const fs::path& dir) {
    const std::string stat = read_file(dir / "stat");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 4 > stat.size())
      return false;
    pid_t parent = 0;
    std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
    return std::find(parents.begin(), parents.end(), parent) != parents.end();
  });
}

void end_processes(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids)
    end_one(pid, true);
}

void kill_processes(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids)
    end_one(pid, false);
}

std::string log_tail(const node_layout& layout) {
  constexpr size_t wanted = 1500;
  const std::string text = read_file(layout.containerd_log());
  if (text.size() <= wanted)
    return text;
  const auto line = text.find('\n', text.size() - wanted);
  return line == std::string::npos ? text.substr(text.size() - wanted) : text.substr(line + 1);
}

} // namespace thespis::runtime
