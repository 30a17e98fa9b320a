// The node actor: what kubelet is. See node_interface.hpp.
#pragma once

#include "actors/framework/event_recorder.hpp"
#include "actors/node/admission.hpp"
#include "actors/node/eviction.hpp"
#include "actors/node/host_usage.hpp"
#include "actors/node/image_garbage.hpp"
#include "actors/node/node_interface.hpp"
#include "actors/node/node_picture.hpp"
#include "actors/node/static_pods.hpp"
#include "actors/pod/pod_actor.hpp"
#include "api/generated/core_v1_node.hpp"
#include "runtime/cri/log_rotation.hpp"
#include "runtime/requests/requests_interface.hpp"
#include "runtime/streams/stream_sources.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace thespis::actors {

/// How often it is looked whether images have to go.
inline constexpr std::chrono::minutes collection_interval{5};

struct node_deps {
  std::shared_ptr<const pod_ports> ports;
  /// What the node tells of itself at registration: labels, capacity, addresses, pod CIDR, info.
  api::v1::node description;
  std::chrono::seconds lease_interval{10};
  std::chrono::seconds status_interval{300};
  /// Between comparisons with the runtime; 0 relies on its events alone (simulated nodes).
  std::chrono::seconds relist_interval{10};
  runtime::log_limits logs;
  /// Tells what the node has left; null: it never runs short of anything (simulated nodes).
  std::shared_ptr<statistics_port> statistics = nullptr;
  eviction_limits eviction = {};
  image_limits images = {};
  /// The folder (or file) of the static pods' manifests; empty: there are none.
  std::string static_pod_path = {};
  /// How long the node is not ready while the API gives it no range for its pods; then it does
  /// without. 0: it does not ask.
  std::chrono::milliseconds pod_cidr_patience{0};
  /// Where logs and connections come from.
  std::shared_ptr<runtime::stream_sources> streams = runtime::make_machine_streams();
  /// What the machine uses; null: what its containers do.
  std::shared_ptr<const host_usage_port> host = nullptr;
};

/// Invariants: one pod actor a pod bound here, by uid; at most one batch of statuses under way,
/// so that a pod's statuses are written in their order.
class node_actor : public runtime::actor_base<node_handle> {
public:
  node_actor(caf::actor_config& cfg, node_deps deps);
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  struct pod_entry {
    std::string ns;
    std::string name;
    pod_handle actor;
    api::object_ptr object;
    pod_holding holding; ///< until its last process has ended
    resize_verdict resize = resize_verdict::fits;
    std::string resize_message;
    bool limits_storage = false; ///< how much of the disk it uses matters
    bool evicted = false;
  };

  struct static_entry {
    static_pod what;
    std::string mirror_uid;  ///< of the mirror; empty: there is none
    std::string last_status; ///< for a mirror that comes later
    bool creating = false;
  };

  template <class T, class F>
  std::function<void(api::result<T>)> here(F f) {
    return on_actor<api::result<T>>(continuable{this}, std::move(f));
  }

  runtime::container_runtime& containers() { return *deps_.ports->containers; }
  const std::string& node_name() const { return deps_.description.metadata.name; }

  void find_leftovers();
  void start_watching();
  void handle(const runtime::watch_batch& batch);
  void take(const api::watch_event& e);
  void start_pod(const api::object_ptr& pod);
  /// Notes what the pod holds of the node, and whether it is taken.
  std::optional<pod_rejection> admit(const api::object_ptr& pod, bool known);
  /// Whether there is room for what the pod's newest version asks for; true when that changed.
  bool judge_resize(pod_entry& entry);
  /// What all pods but one hold.
  node_holdings holdings_without(const std::string& uid) const;
  std::shared_ptr<const api::v1::node> present_node() const;
  /// Reads what the node has left, and of `all` pods (or those with limits) what they use of it.
  void check_pressure(bool all = false);
  void judge_pressure(const node_statistics& now, bool all);
  void evict_for(const shortage& why, const node_statistics& now);
  bool evict(const std::string& uid, const std::string& message, bool disruption,
             std::chrono::seconds grace);
  std::chrono::seconds grace_of(const api::v1::pod& pod, bool soft) const;
  /// What is to be measured of all pods, or of those with limits.
  std::vector<measured_pod> measured_pods(bool all) const;
  void tell_pressure(pressure_kind k);
  void read_static_pods(std::function<void()> then);
  void take_manifests(const std::map<std::string, static_pod>& found);
  /// Starts a static pod, unless one of its name runs; nobody has to know of it.
  void run_static(const static_pod& pod);
  /// Creates what shows a static pod in the API, when it is not there.
  void ensure_mirror(const std::string& hash);
  /// False when the event is about a pod that mirrors none.
  bool take_mirror(const api::watch_event& e);
  /// The uid that the API knows a pod of ours by; empty when it does not know it.
  std::string api_uid(const std::string& uid) const;
  /// The mirror of a static pod, or the pod itself.
  api::object_ptr in_api(const api::object_ptr& pod) const;
  /// Asks which images there are; then `then` runs.
  void look_at_images(const std::vector<runtime::container_summary>& containers,
                      std::function<void()> then);
  /// Removes unused ones where the disk is too full for images.
  void collect_images(const node_statistics& now);
  /// Removes unused images of so many bytes at least; `then` is told how many there were.
  void remove_images(uint64_t bytes, std::function<void(uint64_t)> then);
  void sweep(const std::map<std::string, pod_observation>& found);
  void compare();
  /// Rotates the logs that have outgrown their limit, away from the actor.
  void rotate_logs(const std::vector<runtime::container_summary>& all);
  void schedule_flush();
  void flush();
  void flushed(const std::vector<pod_status_changed>& sent,
               const std::vector<runtime::call_outcome>& outcomes);
  void remove_ended();
  void remove_from_api(const pod_released& r);
  void record(const pod_event& e);
  void record_on_node(const std::string& type, const std::string& reason,
                      const std::string& message);
  caf::result<container_location> find(const find_container& f);
  caf::result<stream_opened> open(const open_log& o);
  caf::result<stream_opened> open(const open_connection& o);
  caf::result<usage_report> measure();
  caf::result<node_page> show(const node_page_query& q);
  /// Measures everything; `then` is told once.
  void look(std::function<void(api::result<std::shared_ptr<node_picture>>)> then);
  std::shared_ptr<node_picture> picture_of(const std::vector<runtime::container_stats>& all);
  std::string pod_list() const;
  /// What is set of this node, as kubelet's configuration.
  std::string configuration() const;
  /// What containers of pods here use, and the node if it uses nothing else.
  usage_report usage_of(const std::vector<runtime::container_stats>& all) const;
  /// Asks the pod's actor; the answer comes later, and once.
  void locate(const std::string& ns, const std::string& pod, const container_query& what,
              std::function<void(container_location)> found);
  stream_opened start_stream(const std::string& name, std::shared_ptr<runtime::stream_port> local,
                             std::string url);
  void register_node();
  void await_pod_cidr();
  void renew_lease();
  void write_status();
  api::v1::node_status present_status() const;
  void submit(std::vector<api::call> calls,
              std::function<void(const std::vector<runtime::call_outcome>&)> done);

  node_deps deps_;
  event_recorder recorder_;
  eviction_state eviction_;
  cpu_rates rates_;
  bool measuring_ = false;
  image_garbage images_;
  caf::actor_clock::time_point images_due_{};     ///< when they are looked at again
  caf::actor_clock::time_point collection_due_{}; ///< ... and how full their disk is
  caf::actor_clock::time_point reclaim_due_{};    ///< ... and all unused ones removed, in need
  std::string leaving_; ///< uid of the pod evicted last, until it has no process left
  caf::actor_clock::time_point leaving_until_{};
  std::map<std::string, pod_observation> leftovers_;   ///< by pod uid, until adopted
  std::map<std::string, pod_entry> pods_;              ///< by uid
  std::map<std::string, static_entry> statics_;        ///< by hash
  std::map<std::string, pod_status_changed> statuses_; ///< by uid, not yet written
  std::vector<caf::actor_addr> streams_;               ///< those that may be open
  std::vector<api::call> events_;                      ///< not yet recorded
  std::set<std::string> released_;                     ///< uids whose object is to be removed
  std::vector<pod_released> ended_; ///< to be removed from the API after their last status
  bool flush_scheduled_ = false;
  bool flushing_ = false;
  bool registered_ = false;
  bool network_ready_ = true;
  caf::actor_clock::time_point pod_cidr_deadline_{};
  bool synced_ = false;
  bool runtime_ready_ = true;
  std::string runtime_message_;
  std::chrono::steady_clock::duration last_status_{};
};

} // namespace thespis::actors
