#include "actors/node/host_usage.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <string>

namespace thespis::actors {

namespace {

class proc_usage final : public host_usage_port {
public:
  explicit proc_usage(std::string proc) : proc_(std::move(proc)) {}

  api::result<host_usage> read() const override {
    host_usage res;
    if (!read_cpu(res.cpu_nanoseconds) || !read_memory(res.memory_bytes))
      return api::fail(api::internal_error("cannot read the machine's usage below " + proc_));
    return res;
  }

private:
  /// "cpu  user nice system idle iowait irq softirq steal …", in ticks.
  bool read_cpu(uint64_t& into) const {
    std::ifstream in{proc_ + "/stat"};
    std::string word;
    uint64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0;
    in >> word >> user >> nice >> system >> idle >> waiting >> irq >> softirq;
    const auto ticks = ::sysconf(_SC_CLK_TCK);
    if (!in || word != "cpu" || ticks <= 0)
      return false;
    into = (user + nice + system + irq + softirq) * (1'000'000'000 / static_cast<uint64_t>(ticks));
    return true;
  }

  bool read_memory(uint64_t& into) const {
    std::ifstream in{proc_ + "/meminfo"};
    std::map<std::string, uint64_t> kib;
    std::string key;
    uint64_t value = 0;
    while (in >> key >> value) {
      kib[key] = value;
      in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    const auto total = kib.find("MemTotal:");
    if (total == kib.end())
      return false;
    const auto spare = kib["MemFree:"] + kib["Inactive(file):"];
    into = (total->second - std::min(spare, total->second)) * 1024;
    return true;
  }

  std::string proc_;
};

} // namespace

std::shared_ptr<const host_usage_port> machine_usage(std::string proc) {
  return std::make_shared<const proc_usage>(std::move(proc));
}

} // namespace thespis::actors
