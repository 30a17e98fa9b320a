#include "proxy/ingress/haproxy_process.hpp"

#include "proxy/ingress/haproxy_plan.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

namespace thespis::proxy {

namespace {

namespace fs = std::filesystem;

std::string with_folder(std::string text, const std::string& folder) {
  const std::string mark = folder_mark;
  for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + folder.size()))
    text.replace(at, mark.size(), folder);
  return text;
}

/// Starts a program with its output at `out`; -1 when that fails. Between fork and exec only what
/// is safe in a process of many threads.
pid_t spawn(const std::vector<std::string>& command, int out) {
  std::vector<char*> argv;
  for (const auto& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0)
    return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent)
    ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

} // namespace

haproxy_process::haproxy_process(std::string folder, std::string program)
    : folder_(std::move(folder)), program_(std::move(program)) {}

haproxy_process::~haproxy_process() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

api::result<void> haproxy_process::write(const std::string& folder,
                                         const std::map<std::string, std::string>& files) const {
  std::error_code error;
  fs::create_directories(folder, error);
  ::chmod(folder_.c_str(), 0700);
  for (const auto& [name, text] : files) {
    std::ofstream out{folder + "/" + name};
    out << with_folder(text, folder) << std::flush;
    if (!out)
      return api::fail(api::internal_error("cannot write " + folder + "/" + name));
  }
  return {};
}

api::result<void> haproxy_process::check(const std::string& config) const {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return api::fail(api::internal_error("cannot make a pipe"));
  const auto child = spawn({program_, "-c", "-q", "-f", config}, ends[1]);
  ::close(ends[1]);
  std::string words;
  std::array<char, 1024> buffer{};
  for (ssize_t n = 0; child > 0 && (n = ::read(ends[0], buffer.data(), buffer.size())) != 0;) {
    if (n > 0)
      words.append(buffer.data(), static_cast<size_t>(n));
    else if (errno != EINTR)
      break;
  }
  ::close(ends[0]);
  int status = -1;
  if (child > 0)
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  if (status == 0)
    return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return api::fail(api::internal_error(program_ + " cannot be run; is it installed?"));
  return api::fail(
      api::internal_error(program_ + " refuses its configuration: " + words.substr(0, 500)));
}

api::result<void> haproxy_process::start() {
  const auto log = folder_ + "/haproxy.log";
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  child_ = spawn({program_, "-W", "-db", "-f", folder_ + "/haproxy.cfg"}, out);
  ::close(out);
  if (child_ > 0)
    return {};
  child_ = -1;
  return api::fail(api::internal_error("cannot start " + program_));
}

api::result<void> haproxy_process::apply(const std::map<std::string, std::string>& files) {
  const auto next = folder_ + "/" + std::to_string(++generation_);
  std::error_code error;
  if (auto done = write(next, files); !done)
    return done;
  if (auto good = check(next + "/haproxy.cfg"); !good) {
    fs::remove_all(next, error);
    return good;
  }
  fs::copy_file(next + "/haproxy.cfg", folder_ + "/haproxy.cfg",
                fs::copy_options::overwrite_existing, error);
  if (error)
    return api::fail(api::internal_error("cannot write " + folder_ + "/haproxy.cfg"));
  // The folder before the last one may go: haproxy has read the last one by now.
  if (generation_ > 2)
    fs::remove_all(folder_ + "/" + std::to_string(generation_ - 2), error);
  if (!running())
    return start();
  ::kill(child_, SIGUSR2);
  return {};
}

bool haproxy_process::running() {
  if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) != 0)
    child_ = -1;
  return child_ > 0;
}

void haproxy_process::stop() {
  if (!running())
    return;
  ::kill(child_, SIGTERM);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
}

} // namespace thespis::proxy
