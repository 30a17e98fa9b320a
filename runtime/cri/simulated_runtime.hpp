// The container runtime port in memory: sandboxes with addresses, containers that run until they
// are stopped or as long as their annotations say. No process, no thread, no file.
#pragma once

#include "runtime/cri/container_runtime.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::runtime {

/// Where a simulation gets its time from. schedule_after must not call `fn` before it returns.
struct simulation_ports {
  std::function<unix_nanos()> now;
  std::function<void(std::chrono::nanoseconds delay, std::function<void()> fn)> schedule_after;
};

/// Evenly distributed between its bounds.
struct latency_range {
  std::chrono::microseconds min{0};
  std::chrono::microseconds max{0};
};

struct simulated_options {
  uint64_t seed = 1; ///< of latencies, failures and ids
  std::string pod_cidr = "10.42.0.0/24";
  latency_range query{};
  latency_range run_sandbox{std::chrono::milliseconds{2}, std::chrono::milliseconds{10}};
  latency_range create_container{std::chrono::milliseconds{1}, std::chrono::milliseconds{3}};
  latency_range start_container{std::chrono::milliseconds{1}, std::chrono::milliseconds{5}};
  latency_range stop{std::chrono::milliseconds{1}, std::chrono::milliseconds{5}};
  latency_range pull{std::chrono::milliseconds{20}, std::chrono::milliseconds{200}};
  latency_range init{std::chrono::milliseconds{1}, std::chrono::milliseconds{5}};
  /// The share of sandbox runs, container creations and starts, and pulls that fail (0 to 1).
  double failure_rate = 0;
  /// References whose pull fails with not_found.
  std::vector<std::string> missing_images{};
};

/// What a container does, by annotations of its pod or, before these, of itself. A key may end in
/// `.<container name>` to mean that container of the pod only. Durations are as Go writes them.
namespace simulation {
inline constexpr const char* exit_after = "simulation.thespis.io/exit-after";    ///< "5s": it ends
inline constexpr const char* exit_code = "simulation.thespis.io/exit-code";      ///< 0 else
inline constexpr const char* start_error = "simulation.thespis.io/start-error";  ///< a message
inline constexpr const char* exec_code = "simulation.thespis.io/exec-exit-code"; ///< of exec_sync
/// How long it takes after its stop signal; beyond the grace it is killed (137).
inline constexpr const char* stop_after = "simulation.thespis.io/stop-after";
} // namespace simulation

/// Deterministic: the same calls at the same times with the same seed give the same outcomes.
/// Callbacks run out of schedule_after. Every image is present once it was pulled, and any can be
/// pulled unless listed as missing. Streams (exec, attach, port-forward) are refused.
class simulated_runtime final : public container_runtime {
public:
  simulated_runtime(simulation_ports ports, simulated_options options);
  ~simulated_runtime() override;

  // For tests and chaos.
  /// Ends a running container as its process would; false when there is none.
  bool end_container(const std::string& id, int32_t exit_code, const std::string& reason = {});
  /// Ends a sandbox's own process: it is no longer ready. Its containers run on.
  bool end_sandbox(const std::string& id);
  /// While not reachable, every call fails with service_unavailable.
  void set_reachable(bool reachable);

  void run_sandbox(sandbox_config config, callback<std::string> cb) override;
  void stop_sandbox(std::string id, done cb) override;
  void remove_sandbox(std::string id, done cb) override;
  void get_sandbox(std::string id, callback<sandbox_status> cb) override;
  void list_sandboxes(sandbox_filter filter, callback<std::vector<sandbox_summary>> cb) override;
  void create_container(std::string sandbox_id, container_config config, sandbox_config sandbox,
                        callback<std::string> cb) override;
  void start_container(std::string id, done cb) override;
  void stop_container(std::string id, seconds grace, done cb) override;
  void remove_container(std::string id, done cb) override;
  void get_container(std::string id, callback<container_status> cb) override;
  void list_containers(container_filter filter,
                       callback<std::vector<container_summary>> cb) override;
  void update_resources(std::string id, linux_resources resources, done cb) override;
  void reopen_log(std::string id, done cb) override;
  void exec_sync(std::string id, std::vector<std::string> command, seconds timeout,
                 callback<exec_result> cb) override;
  void exec(std::string id, std::vector<std::string> command, stream_options options,
            callback<std::string> cb) override;
  void attach(std::string id, stream_options options, callback<std::string> cb) override;
  void port_forward(std::string sandbox_id, std::vector<int32_t> ports,
                    callback<std::string> cb) override;
  void get_image(std::string image, callback<std::optional<image_info>> cb) override;
  void list_images(callback<std::vector<image_info>> cb) override;
  void pull_image(std::string image, registry_auth auth, callback<std::string> cb) override;
  void remove_image(std::string image, done cb) override;
  void image_filesystem(callback<std::vector<filesystem_usage>> cb) override;
  void get_container_stats(std::string id, callback<container_stats> cb) override;
  void list_container_stats(container_filter filter,
                            callback<std::vector<container_stats>> cb) override;
  void get_version(callback<runtime_version> cb) override;
  void get_status(callback<runtime_status> cb) override;
  void set_pod_cidr(std::string cidr, done cb) override;
  bool on_exit(std::function<void(std::string id)> listener) override;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thespis::runtime
