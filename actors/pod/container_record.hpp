// What a pod actor knows of one of its containers.
#pragma once

#include "api/generated/core_v1_container.hpp"
#include "api/generated/core_v1_pod_status.hpp"
#include "runtime/cri/container_runtime.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace thespis::actors {

enum class probe_kind : uint8_t { startup, liveness, readiness };

/// Counts one probe's results; says when the next is due.
struct probe_record {
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  std::optional<time> due; ///< none: not armed
  bool under_way = false;
  int successes = 0;
  int failures = 0;
  /// The verdict past the thresholds: unknown until one is reached.
  std::optional<bool> verdict;
  std::string last_message;
  bool passed = false; ///< the verdict was good once

  /// Until it passed for the first time, a readiness probe is not only made once a period
  /// (Kubernetes allows that, to make pods ready faster): how long to wait after so many failures.
  std::chrono::nanoseconds eager_wait() const;
  /// Whether its failures are no news yet.
  bool eager(const api::v1::probe& spec) const;

  /// Starts counting for a container that started at `started`.
  void arm(const api::v1::probe& spec, time started);
  void disarm() { *this = probe_record{}; }
  /// Takes a result and sets when the next probe is due.
  void take(const api::v1::probe& spec, bool success, std::string message, time now);
};

/// A container's life. Exited containers start again as the restart policy says, after back-off.
///
///      ┌───────────────────restart──────────────────┐
///      v                                            │
///   starting ──ok──> running ──────exit─────────> exited
///    ^    │            │ ^                        ^ ^ │
///    │    │       stop │ │ failed                 │ │ │ new sandbox (init containers)
///    │    │            v │                        │ │ │
///    │    │          stopping ────────exit────────┘ │ │
///    │    ├───process failed at once, or is over────┘ │
///    │    v                                           │
///   waiting <─────────────────────────────────────────┘
enum class container_phase : uint8_t { waiting, starting, running, stopping, exited };

/// Whether the diagram has that arrow.
bool may_become(container_phase from, container_phase to);

/// What the node says of a change of what a pod's containers ask for.
enum class resize_verdict : uint8_t {
  fits,       ///< it may be made
  deferred,   ///< there is no room for it now
  infeasible, ///< there never is
  failed,     ///< the runtime refused
};

enum class container_role : uint8_t { init, sidecar, regular, ephemeral };

struct container_record {
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  api::v1::container spec;
  container_role role = container_role::regular;

  container_phase phase = container_phase::waiting;
  std::string id;         ///< of the newest instance; empty before the first
  uint32_t attempt = 0;   ///< of the newest instance; also the restart count
  bool instances = false; ///< there was an instance, so the next start is a restart
  /// While starting: the runtime was asked to create it, so an answer is worth waiting for.
  bool creating = false;
  /// Why it waits; of an exited one, why it is not running again yet (empty: shown as terminated).
  std::string waiting_reason = "ContainerCreating";
  std::string waiting_message;
  /// When a waiting or exited container may be started; the back-off doubles.
  time due{};
  int failures = 0;       ///< ends of its process in a row
  int image_failures = 0; ///< pulls in a row
  /// When a failure is no longer told as such but as the back-off that follows it.
  std::optional<time> soften_at;
  time started_at{};
  time finished_at{};
  int32_t exit_code = 0;
  std::string exit_reason;
  std::string exit_message;
  std::string image; ///< as the runtime resolved it
  std::string image_id;
  /// The instance before the newest.
  api::box<api::v1::container_state> last_state;
  std::string previous_id;
  std::string previous_log;
  std::string log_path;
  std::string stop_why; ///< not empty: it is to be stopped, for this reason
  std::optional<std::chrono::seconds> stop_grace; ///< of a failed probe, in place of the pod's
  std::chrono::seconds stopping_grace{0};         ///< what it was given when it was stopped
  bool hook_done = false;                         ///< its preStop hook is not to run again
  bool resizing = false;                          ///< the runtime was asked for other limits
  /// Its image changed: it starts again whatever the restart policy says.
  bool restart_anyway = false;

  probe_record startup;
  probe_record liveness;
  probe_record readiness;

  /// Has a process, or may have one soon. A pull that is under way does not count.
  bool alive() const {
    return phase == container_phase::running || phase == container_phase::stopping ||
           (phase == container_phase::starting && creating);
  }
  /// Passed its startup probe, or has none.
  bool started() const;
  /// Ready to serve: running, started and its readiness probe (if any) succeeds.
  bool ready() const;
  probe_record& probe(probe_kind kind);
  const api::v1::probe* probe_spec(probe_kind kind) const;
};

/// 10 s after a container's first failure, doubled with each up to 5 min (kubelet's back-off).
std::chrono::nanoseconds crash_back_off(int failures);

/// A container that ran this long starts at the first back-off again.
inline constexpr std::chrono::minutes back_off_reset{10};

} // namespace thespis::actors
