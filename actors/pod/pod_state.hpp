// The life of a pod on its node: what is due next, given its specification and what the runtime
// did so far. No CAF and no I/O: time comes in, actions go out.
#pragma once

#include "actors/pod/container_record.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/object.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace thespis::actors {

/// The sandbox's life. A sandbox that died is replaced by the next attempt, and all containers
/// start anew in it (unless the pod is over).
///
///   none ──run──> starting ──ok──> ready ──died──> dead ──stop──> stopping ──ok──> none
///    ^               │ failed        │               ^               ^ │
///    └──(back-off)───┘               │               └────failed─────┼─┘
///                                    └───────the pod ends────────────┘
enum class sandbox_phase : uint8_t { none, starting, ready, dead, stopping };

/// Whether the diagram has that arrow.
bool may_become(sandbox_phase from, sandbox_phase to);

/// The pod's life as `ps` shows it.
///
///   preparing ──volumes──> running ──deleted, failed or completed──> stopping ──> finished
enum class pod_stage : uint8_t { preparing, running, stopping, finished };

std::string_view to_string(pod_stage s);

// Actions: what the actor is to do. Each is answered by the matching on_... call.
struct prepare_volumes {};
struct run_sandbox {
  uint32_t attempt = 0;
};
struct stop_sandbox {
  std::string id;
};
/// Pulls the image if it must, creates and starts the container.
struct start_container {
  size_t index = 0;
};
/// Runs the preStop hook, stops the container. `grace` includes the hook's time.
struct stop_container {
  size_t index = 0;
  std::chrono::seconds grace{0};
  std::string reason; ///< for the Killing event; empty: it was told before
  bool hook = true;   ///< false: the preStop hook had its turn
};
/// Removes an old instance and its log.
struct remove_container {
  std::string id;
  std::string log_path;
};
/// Gives a running container other limits.
struct resize_container {
  size_t index = 0;
  api::v1::resource_requirements resources;
};
struct run_probe {
  size_t index = 0;
  probe_kind kind = probe_kind::liveness;
};
struct emit_event {
  std::string type;
  std::string reason;
  std::string message;
  std::string container; ///< empty: about the whole pod
};
/// The pod has no process left: volumes may be cleaned and, if it is deleted, the object removed.
struct release_pod {};

using pod_action =
    std::variant<prepare_volumes, run_sandbox, stop_sandbox, start_container, stop_container,
                 remove_container, resize_container, run_probe, emit_event, release_pod>;

/// Not thread-safe; owned by the pod actor. Invariant: at most one action is under way per
/// container, one for the sandbox, one for the volumes.
class pod_state {
public:
  using time = std::chrono::sys_time<std::chrono::nanoseconds>;

  /// `second_host_ip`: the node's of the other family, empty when it has none.
  pod_state(api::object_ptr object, std::string host_ip, time now, std::string second_host_ip = {});

  /// The API's newest version of the pod.
  void update(api::object_ptr object, time now);
  const api::object& object() const { return *object_; }
  const api::object_ptr& object_ptr() const { return object_; }
  const api::v1::pod& pod() const { return *pod_ptr(); }
  const std::shared_ptr<const api::v1::pod>& pod_ptr() const;
  /// Forgets what can be read from the object again, if nothing is on its way. References to the
  /// pod end with this.
  void rest();

  /// What the node says of the resources that the newest version asks for.
  void decide_resize(resize_verdict verdict, std::string message);

  /// The node ends the pod, whatever it is about to do: its phase is Failed from now on, and its
  /// processes get at most `grace`. A disruption is told by a condition. Without effect on a pod
  /// that ends already.
  void end(std::string reason, std::string message,
           std::optional<std::chrono::seconds> grace = std::nullopt, bool disruption = false);

  /// Takes over what an earlier process left: the newest sandbox and its containers.
  void adopt_sandbox(const runtime::sandbox_status& s);
  void adopt_container(const runtime::container_status& c);

  /// What is to be done now. Call after every on_... and at `next_due`.
  std::vector<pod_action> step(time now);
  /// When `step` has something to do without any event: back-offs, probes, deadlines.
  std::optional<time> next_due(time now) const;

  // Answers to the actions.
  void on_volumes(bool ok, time now);
  void on_sandbox_started(std::string id, std::vector<std::string> ips);
  void on_sandbox_failed(std::string message, time now);
  void on_sandbox_stopped(bool ok, time now);
  /// Asked right before the runtime is: false when the pod ends or lost its sandbox meanwhile,
  /// and the container then waits again.
  bool begin_create(size_t index);
  void on_container_created(size_t index, std::string id);
  void on_container_started(size_t index, const runtime::container_status& s, time now);
  /// `reason` is a waiting reason: ErrImagePull, CreateContainerConfigError, RunContainerError...
  void on_container_failed(size_t index, std::string reason, std::string message, time now);
  /// The runtime could not stop it (its end is told by on_exited): it is stopped again.
  void on_stop_failed(size_t index);
  /// For the instance `id`, `now` is in force, or (not ok) what was before.
  void on_resized(size_t index, const std::string& id, const api::v1::resource_requirements& now,
                  bool ok, std::string message);
  void on_probe(size_t index, probe_kind kind, bool success, std::string message, time now);

  // News from the runtime.
  /// The container's process ended (or the container is gone: exit code 137,
  /// ContainerStatusUnknown).
  void on_exited(const std::string& id, const runtime::container_status* s, time now);
  void on_sandbox_died(const std::string& id);

  /// The status to publish; the conditions of others (PodScheduled, readiness gates) are kept.
  api::v1::pod_status status(time now) const;

  /// Whether the API shows other conditions than it was told last.
  bool told_otherwise() const;

  pod_stage stage() const { return stage_; }
  bool deleting() const { return object_->meta().deleting; }
  sandbox_phase sandbox() const { return sandbox_; }
  const std::string& sandbox_id() const { return sandbox_id_; }
  uint32_t sandbox_attempt() const { return sandbox_attempt_; }
  const std::vector<std::string>& ips() const { return ips_; }
  const std::vector<container_record>& containers() const { return containers_; }
  std::vector<container_record>& containers() { return containers_; }
  /// Looks a container up by its runtime id.
  container_record* by_id(const std::string& id);

private:
  using actions = std::vector<pod_action>;

  void step_running(actions& out, time now);
  void step_stopping(actions& out, time now);
  void step_containers(actions& out, time now);
  void step_resize(actions& out);
  const api::v1::container* wanted_of(const container_record& c) const;
  std::optional<api::v1::pod_condition> resize_condition() const;
  bool step_init(actions& out, time now);
  void start_if_due(size_t index, actions& out, time now);
  void step_probes(size_t index, actions& out, time now);
  void step_probe(size_t index, probe_kind kind, actions& out, time now);
  /// When the container is to be probed next.
  std::optional<time> probe_due(const container_record& c) const;
  void begin_stop(size_t index, actions& out, std::string why);
  void begin_stopping(std::string reason, std::string message);
  void end_back_off(container_record& c, actions& out, time now);
  void keep_last_state(container_record& c, actions& out);
  /// By its role and the restart policy, whatever the pod as a whole is about to do.
  bool policy_restarts(const container_record& c) const;
  bool should_restart(const container_record& c) const;
  bool over(const container_record& c) const;
  bool all_over() const;
  bool any_alive() const;
  std::chrono::seconds grace() const;
  std::string phase() const;
  api::v1::container_status container_status_of(const container_record& c) const;
  void add_conditions(api::v1::pod_status& s, time now) const;
  void sync_containers();
  void adopt_probes(container_record& c);
  /// What the API knew of the containers before this process.
  void recall(const std::vector<api::v1::container_status>& known);

  api::object_ptr object_;
  mutable std::shared_ptr<const api::v1::pod> pod_; ///< parsed when asked for; null at rest
  const std::string host_ip_;
  const std::string second_host_ip_;
  std::string start_time_;

  pod_stage stage_ = pod_stage::preparing;
  bool volumes_ready_ = false;
  bool volumes_under_way_ = false;
  time volumes_due_{};
  int volume_failures_ = 0;

  sandbox_phase sandbox_ = sandbox_phase::none;
  std::string sandbox_id_;
  uint32_t sandbox_attempt_ = 0;
  int sandbox_failures_ = 0;
  time sandbox_due_{};
  std::vector<std::string> ips_;

  std::vector<container_record> containers_; ///< init containers first, in their order
  size_t init_count_ = 0;
  /// The init containers of this sandbox are through; a sidecar that ends holds up nobody then.
  bool initialized_ = false;
  resize_verdict resize_ = resize_verdict::fits;
  std::string resize_message_;
  /// Why the pod as a whole failed (DeadlineExceeded, Evicted); empty otherwise.
  std::string failed_reason_;
  std::string failed_message_;
  std::optional<std::chrono::seconds> end_grace_;          ///< of a pod that the node ends
  bool disrupted_ = false;                                 ///< ... for the sake of others
  mutable std::vector<api::v1::pod_condition> conditions_; ///< as last published;
                                                           ///< none: as the object shows them
};

} // namespace thespis::actors
