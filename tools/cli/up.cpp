#include "tools/cli/up.hpp"

#include "config/files.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/log_health.hpp"
#include "tools/cli/subcommands.hpp"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include <unistd.h>

namespace thespis::tools {

namespace {

constexpr size_t log_bytes = 50 << 20;
constexpr size_t old_logs = 3;

/// To the log file when detached, to standard error otherwise.
void set_up_logging(const config::settings& s) {
  std::shared_ptr<spdlog::logger> logger;
  if (s.detach)
    logger = spdlog::rotating_logger_mt("thespis", s.log_file(), log_bytes, old_logs);
  else
    logger = spdlog::stderr_logger_mt("thespis");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->set_level(spdlog::level::from_str(s.log_level));
  logger->flush_on(spdlog::level::info);
  logger->set_error_handler(note_log_failure);
  spdlog::set_default_logger(logger);
}

} // namespace

int launch(const config::settings& s,
           const std::function<int(const config::settings&, startup&)>& run) {
  if (s.node.local && ::geteuid() != 0)
    return complain(
        "Running containers needs root. Run this as root, or with --no-local-node for a "
        "control plane and simulated nodes only.");
  for (const auto& dir : {s.data_dir, s.data_dir + "/log"})
    if (auto made = config::make_directory(dir, 0700); !made)
      return complain(made.error().message);
  auto lock = instance_lock::take(s.data_dir);
  if (!lock)
    return complain(lock.error().message);
  startup start;
  if (s.detach) {
    auto trouble = start.detach(s.data_dir + "/log/output");
    if (!trouble.empty())
      return complain(trouble);
    lock->sign();
  }
  set_up_logging(s);
  if (auto written = write_state(s.data_dir, state_of(s)); !written) {
    start.fail(written.error().message);
    return 1;
  }
  int status = run(s, start);
  spdlog::shutdown();
  return status;
}

} // namespace thespis::tools
