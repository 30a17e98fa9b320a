#include "runtime/introspection/introspector_actor.hpp"

#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace thespis::runtime {

process_facts facts_of_this_process() {
  process_facts res;
  res.pid = static_cast<uint64_t>(::getpid());
  std::ifstream status{"/proc/self/status"};
  for (std::string key; status >> key;) {
    if (key == "VmRSS:" && status >> res.memory)
      res.memory *= 1024;
    else if (key == "Threads:")
      status >> res.threads;
    status.ignore(1 << 12, '\n');
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto nanoseconds = [](const timeval& t) {
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(t.tv_usec) * 1'000;
  };
  res.cpu_ns = nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime);
  return res;
}

} // namespace thespis::runtime
