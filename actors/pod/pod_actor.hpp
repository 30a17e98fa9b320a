// The pod actor: wires a pod's state machine to the container runtime, volumes and probes.
#pragma once

#include "actors/node/node_interface.hpp"
#include "actors/pod/pod_config.hpp"
#include "actors/pod/pod_interface.hpp"
#include "actors/pod/pod_state.hpp"
#include "actors/pod/probe_port.hpp"
#include "actors/pod/volume_port.hpp"
#include "runtime/environment.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace thespis::actors {

/// What all pods of a node share.
struct pod_ports {
  runtime::environment env;
  std::shared_ptr<const node_facts> facts;
  std::shared_ptr<runtime::container_runtime> containers;
  std::shared_ptr<volume_port> volumes;
  std::shared_ptr<probe_port> probes;
  std::shared_ptr<const api::reader> state;
};

struct pod_deps {
  std::shared_ptr<const pod_ports> ports;
  node_handle node; ///< told of statuses, events and the end
  api::object_ptr pod;
  pod_observation found;                          ///< what an earlier process left of this pod
  std::optional<end_pod> rejected = std::nullopt; ///< the node does not take the pod
};

/// Owned by its node actor; ends after its last process, or when the node actor ends (its
/// containers then go on).
class pod_actor : public runtime::actor_base<pod_handle> {
public:
  pod_actor(caf::actor_config& cfg, pod_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  /// Brings the answer of a runtime call back onto this actor.
  template <class T, class F>
  std::function<void(api::result<T>)> here(F f) {
    return on_actor<api::result<T>>(continuable{this}, std::move(f));
  }

  pod_state::time now() const { return deps_.ports->env.clock->now(); }
  runtime::container_runtime& containers() { return *deps_.ports->containers; }

  void adopt();
  void adopt_sandbox(const std::string& id, std::function<void()> done);
  void adopt_container(const std::string& id, std::function<void()> done);
  void discard(const std::string& sandbox);
  void observe(const pod_observation& o);
  void advance();
  /// Cleans up after the pod's last process; called again when an ended pod is deleted.
  void release();
  void arm_timer();
  void publish();
  /// Publishes what was published before, if somebody has written something else meanwhile.
  void tell_again();
  void tell(const emit_event& e);

  void perform(const prepare_volumes&);
  void perform(const run_sandbox& a);
  void perform(const stop_sandbox& a);
  void perform(const start_container& a);
  void perform(const stop_container& a);
  void perform(const remove_container& a);
  void perform(const resize_container& a);
  void perform(const run_probe& a);
  void perform(const emit_event& e) { tell(e); }
  void perform(const release_pod&);

  /// Of the pod's RuntimeClass; empty without one. Errors: not_found.
  api::result<std::string> runtime_handler() const;
  /// What the sandbox is made of. Errors: what this node cannot do, in kubelet's words.
  api::result<runtime::sandbox_config> sandbox_config(uint32_t attempt) const;
  void start_image(size_t index);
  void pull_image(size_t index);
  /// Tries the credentials one after the other; `failure` is what the last one led to.
  void pull_with(size_t index, std::vector<runtime::registry_auth> left, pod_state::time begin,
                 const std::string& failure);
  void create(size_t index, std::string image_id, const runtime::image_info& image);
  void start(size_t index, std::string id);
  void run_post_start(size_t index, const std::string& id);
  void stop_now(size_t index, std::string id, std::chrono::seconds grace);
  void take_exits(const std::string& sandbox);
  void fail_start(size_t index, std::string reason, std::string message);
  void run_handler(const api::v1::lifecycle_handler& h, const container_record& c,
                   std::chrono::seconds limit, std::function<void(probe_result)> done);
  void check_container(const std::string& id);
  void check_sandbox();
  void refresh();
  std::vector<std::string> own_ips() const;
  std::string own_ip() const;
  api::result<int> port_number(const api::int_or_string& port, const api::v1::container& c) const;
  /// Asks the container over the network as one of the two says; false when neither does.
  bool ask(const api::v1::http_get_action* http, const api::v1::tcp_socket_action* tcp,
           const api::v1::container& c, std::chrono::seconds limit,
           const std::function<void(probe_result)>& done);
  std::string message_of(const runtime::container_status& s) const;
  std::string log_path(const container_record& c, uint32_t attempt) const;
  container_location locate(const container_query& q) const;

  pod_deps deps_;
  pod_state state_;
  volume_paths volumes_;
  size_t published_ = 0; ///< hash of the status last told
  bool telling_again_ = false;
  uint64_t tick_ = 0;
  /// Answers of the runtime that adoption still waits for.
  std::shared_ptr<size_t> adopting_;
  std::optional<pod_state::time> armed_; ///< when the tick of generation tick_ comes
  bool released_ = false;                ///< the volumes are gone, or going
  bool forgotten_ = false;               ///< ... and the logs, because the pod was deleted
};

} // namespace thespis::actors
