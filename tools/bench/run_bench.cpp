#include "tools/bench/run_bench.hpp"

#include "tools/bench/report.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace thespis::tools {

namespace bench {

namespace {

/// A directory that goes with the object.
class scratch_directory {
public:
  explicit scratch_directory(const std::string& parent) : path_{parent + "/thespis-bench-XXXXXX"} {
    if (::mkdtemp(path_.data()) == nullptr)
      path_.clear();
  }
  ~scratch_directory() {
    std::error_code ignored;
    if (!path_.empty())
      std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n <= 0)
      return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

std::string read_all(int fd) {
  std::string res;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR);)
    if (n > 0)
      res.append(buffer, static_cast<size_t>(n));
  return res;
}

/// The measuring process. Ends without tidying up: threads of a cluster that is of no more use
/// need not be joined, and its directory is the parent's.
[[noreturn]] void measure_here(const measurement& m, const options& opts, const std::string& dir,
                               pid_t parent, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(1);
  auto logger = spdlog::stderr_logger_mt("bench");
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(logger);
  const progress log{std::string{m.name}};
  auto res = m.run({opts, log, dir});
  write_all(out, res ? "+" + to_json(*res) : "-" + res.error().message);
  ::_exit(0);
}

std::string death_of(int status) {
  if (WIFSIGNALED(status))
    return std::string{"its process was ended by "} + ::strsignal(WTERMSIG(status));
  return "its process ended with status " + std::to_string(WEXITSTATUS(status));
}

volatile sig_atomic_t measuring = 0; ///< the process that measures
volatile sig_atomic_t asked_to_end = 0;

extern "C" void end_measuring(int number) {
  asked_to_end = number;
  if (measuring > 0)
    ::kill(measuring, SIGKILL);
}

/// A signal that asks to end ends the measuring process; this one removes its directory first.
class caught_signals {
public:
  caught_signals() {
    struct sigaction action {};
    action.sa_handler = end_measuring;
    for (size_t i = 0; i < numbers.size(); ++i)
      ::sigaction(numbers[i], &action, &before_[i]);
  }
  ~caught_signals() {
    measuring = 0;
    restore();
  }
  caught_signals(const caught_signals&) = delete;
  caught_signals& operator=(const caught_signals&) = delete;
  void restore() const {
    for (size_t i = 0; i < numbers.size(); ++i)
      ::sigaction(numbers[i], &before_[i], nullptr);
  }

private:
  static constexpr std::array<int, 3> numbers{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

} // namespace

void progress::say(const std::string& text) const {
  std::fprintf(stderr, "[%6.1f s] %s: %s\n", seconds(), name_.c_str(), text.c_str());
}

double progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

api::result<figures> run_apart(const measurement& m, const options& opts) {
  const scratch_directory dir{opts.directory};
  int ends[2];
  if (dir.path().empty() || ::pipe(ends) != 0)
    return api::fail(api::internal_error(opts.directory + ": " + std::strerror(errno)));
  const caught_signals guard;
  std::fflush(nullptr);
  const auto parent = ::getpid();
  const auto child = ::fork();
  if (child < 0)
    return api::fail(api::internal_error(std::string{"fork: "} + std::strerror(errno)));
  if (child == 0) {
    guard.restore();
    ::close(ends[0]);
    measure_here(m, opts, dir.path(), parent, ends[1]);
  }
  measuring = child;
  // A signal that came before the line above found nothing to end.
  if (asked_to_end != 0)
    ::kill(child, SIGKILL);
  ::close(ends[1]);
  const auto text = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (asked_to_end != 0) {
    return api::fail(api::reason::timeout, "interrupted");
  }
  if (text.empty())
    return api::fail(api::internal_error(death_of(status)));
  if (text.front() == '-')
    return api::fail(api::bad_request(text.substr(1)));
  return from_json(std::string_view{text}.substr(1));
}

const std::vector<measurement>& measurements() {
  static const std::vector<measurement> all{
      {"pods", "Deployments to bound and running pods on simulated nodes, every write durable",
       measure_pods},
      {"get", "GET of one namespace over TLS with keep-alive, a second", measure_get},
      {"list", "LIST of 500 pods over TLS, a second", measure_list},
      {"list-all", "LIST of 100,000 pods over TLS, as JSON and as protobuf", measure_list_all},
      {"memory", "resident memory idle, and after 6,000 pods", measure_memory},
      {"real-pods",
       "30 more real pods ready, and a deleted one replaced and ready (needs root and --image)",
       measure_real_pods},
      {"services",
       "10,000 services into the kernel, and traffic through one, in network namespaces (needs "
       "root)",
       measure_services},
      {"dns", "answers a second that one core gives as the cluster's DNS", measure_dns},
      {"actors",
       "messages a second of actors with our base (counters for `thespis shell`) and of\n"
       "bare CAF side by side, and a round trip",
       measure_actors},
      {"store", "synced writes a second through the store actor, 1, 16 and 256 a request",
       measure_store},
      {"writes",
       "server-side applies a second, and patches of custom objects beside those of built-in ones",
       measure_writes},
      {"watch",
       "events delivered a second to 1,000 watchers of one resource, and how soon another's\n"
       "events come meanwhile",
       measure_watch},
      {"watchers", "memory of 2,000 idle connections over TLS, and of an idle watch on each",
       measure_watchers},
      {"slow-clients",
       "p99 of healthy clients alone and beside 10,000 that never finish what they begin, and\n"
       "the memory of a connection before it is known whose it is",
       measure_slow_clients},
      {"rights", "a decision of RBAC among 10,000 bindings", measure_rights},
      {"links",
       "a round trip to another process and messages a second through an encrypted link, beside\n"
       "bare CAF; how soon an actor elsewhere knows of a write",
       measure_links},
      {"joining", "100 agents, each a process, from their start to Ready nodes", measure_joining},
      {"spread",
       "30,000 pods on 1,000 simulated nodes in three linked processes; only when it is named",
       measure_spread, true},
  };
  return all;
}

bool is_wanted(const measurement& m, const std::vector<std::string>& named) {
  return named.empty() ? !m.only_named
                       : std::find(named.begin(), named.end(), m.name) != named.end();
}

} // namespace bench

int run_bench(const bench_request& request) {
  auto opts = bench::parse_options(request.arguments);
  if (!opts)
    return opts.error();
#ifndef __OPTIMIZE__
  std::fputs("This program was built without optimization: its figures mean little.\n", stderr);
#endif
  bench::figures all;
  bool failed = false;
  for (const auto& m : bench::measurements()) {
    if (!bench::is_wanted(m, opts->what))
      continue;
    auto res = bench::run_apart(m, *opts);
    if (bench::asked_to_end != 0)
      return 128 + bench::asked_to_end;
    if (!res) {
      std::fprintf(stderr, "%s: %s\n", std::string{m.name}.c_str(), res.error().message.c_str());
      failed = true;
      continue;
    }
    all.insert(all.end(), std::make_move_iterator(res->begin()),
               std::make_move_iterator(res->end()));
  }
  if (opts->output == "json")
    std::printf("%s\n", bench::to_json(all).c_str());
  else if (!all.empty())
    std::fputs(bench::to_table(all, palette{::isatty(STDOUT_FILENO) == 1}).c_str(), stdout);
  return failed ? 1 : 0;
}

} // namespace thespis::tools
