#include "tools/cli/log_health.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>

namespace thespis::tools {

namespace {

std::atomic<bool> log_failed{false};

} // namespace

void note_log_failure(const std::string& why) {
  log_failed = true;
  std::fprintf(stderr, "log: %s\n", why.c_str());
}

std::string log_trouble() {
  log_failed = false;
  spdlog::default_logger()->flush();
  return log_failed ? "the log cannot be written" : "";
}

} // namespace thespis::tools
