#include "runtime/cri/container_runtime.hpp"

namespace thespis::runtime {

const std::vector<std::string>& default_masked_paths() {
  static const std::vector<std::string> paths{
      "/proc/asound",        "/proc/acpi",       "/proc/kcore",       "/proc/keys",
      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/proc/scsi",          "/sys/firmware"};
  return paths;
}

const std::vector<std::string>& default_readonly_paths() {
  static const std::vector<std::string> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                              "/proc/sysrq-trigger"};
  return paths;
}

} // namespace thespis::runtime
