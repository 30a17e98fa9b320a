// From Deployments to bound and running pods, every write durable; and what it costs in memory.
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/wait.hpp"

#include <algorithm>
#include <cmath>

#include <fstream>

namespace thespis::tools::bench {

namespace {

constexpr double kubernetes_bound = 176;        // pods a second
constexpr double kubernetes_idle_memory = 657;  // MB, all of its processes
constexpr double kubernetes_full_memory = 1600; // MB after 6,000 pods

api::error stuck(const pod_counter::counts& c) {
  return api::internal_error("no progress for two minutes: " + std::to_string(c.made) +
                             " pods made, " + std::to_string(c.bound) + " bound, " +
                             std::to_string(c.running) + " Running");
}

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// Resident memory of this process in MB (10^6 bytes).
double resident_memory() {
  std::ifstream in{"/proc/self/status"};
  for (std::string word; in >> word;) {
    if (word != "VmRSS:")
      continue;
    double kib = 0;
    in >> kib;
    return kib * 1024 / 1e6;
  }
  return 0;
}

figure compared_with_kubernetes(std::string what, double value, std::string unit, double reference,
                                double target, std::string note) {
  figure f;
  f.what = std::move(what);
  f.value = value;
  f.unit = std::move(unit);
  f.reference = reference;
  f.reference_name = "Kubernetes";
  f.target = target;
  f.note = std::move(note);
  return f;
}

} // namespace

api::result<figures> measure_pods(const context& c) {
  auto started = bench_cluster::start(c, c.opts.nodes);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& control = (*started)->control();
  pod_counter counter{control};
  const auto kind = workload_kind(control);
  const auto total = static_cast<size_t>(c.opts.deployments) * static_cast<size_t>(c.opts.replicas);
  c.log.say("creating " + std::to_string(c.opts.deployments) + " " + kind + " of " +
            std::to_string(c.opts.replicas));
  const auto begin = std::chrono::steady_clock::now();
  if (auto made = make_workloads(control, c.opts.deployments, c.opts.replicas); !made)
    return api::fail(std::move(made.error()));
  pod_counter::moments when;
  if (!counter.wait_for(total, c.log, when))
    return api::fail(stuck(counter.now()));
  if (c.opts.explain)
    c.log.say("where the time went\n" + where_time_went(control));
  const auto n = static_cast<double>(total);
  const auto note = std::to_string(c.opts.deployments) + " " + kind + " → " +
                    std::to_string(total) + " pods on " + std::to_string(c.opts.nodes) +
                    " simulated nodes, RocksDB synced";
  return figures{
      compared_with_kubernetes("pods bound", n / seconds_between(begin, when.bound), "/s",
                               kubernetes_bound, 2000, note),
      compared_with_kubernetes("pods Running", n / seconds_between(begin, when.running), "/s",
                               kubernetes_bound, 1500,
                               "same run; Kubernetes' figure is of pods bound"),
  };
}

api::result<figures> measure_memory(const context& c) {
  // 6,000 pods need 55 nodes of 110; one node more or less is no matter.
  auto started = bench_cluster::start(c, c.opts.nodes);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& control = (*started)->control();
  pause_for(1000);
  const auto idle = resident_memory();
  pod_counter::moments when;
  {
    pod_counter counter{control};
    const int replicas = std::max(1, c.opts.memory_pods / 30);
    if (auto made = make_workloads(control, 30, replicas); !made)
      return api::fail(std::move(made.error()));
    if (!counter.wait_for(static_cast<size_t>(30 * replicas), c.log, when))
      return api::fail(stuck(counter.now()));
  }
  pause_for(2000);
  const auto busy = resident_memory();
  // What watches may resume from is kept for a minute.
  c.log.say("pods run; memory at rest is looked at in 70 s");
  pause_for(70'000);
  const auto full = resident_memory();
  auto first = compared_with_kubernetes("memory idle", idle, "MB", kubernetes_idle_memory, 60,
                                        "this process with " + std::to_string(c.opts.nodes) +
                                            " simulated nodes, without containerd");
  auto second = compared_with_kubernetes(
      "memory after " + std::to_string(c.opts.memory_pods) + " pods", full, "MB",
      kubernetes_full_memory, 200,
      "pods running, their actors included, at rest; " + std::to_string(std::lround(busy)) +
          " MB when the last pod had just begun to run");
  first.less_is_better = second.less_is_better = true;
  return figures{first, second};
}

} // namespace thespis::tools::bench
