// What stands behind the REST server: the actors of the running cluster.
#pragma once

#include "actors/node/node_interface.hpp"
#include "api/pipeline/pipeline.hpp"
#include "api/rest/backend.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_actor.hpp"
#include "runtime/store/snapshot.hpp"
#include "tools/cluster/health.hpp"
#include "tools/cluster/introspect/actor_objects.hpp"
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/pod_streams.hpp"
#include "tools/cluster/usage_objects.hpp"

#include <memory>
#include <string>

namespace thespis::tools {

struct backend_deps {
  caf::actor_system& sys;
  runtime::environment env;
  std::shared_ptr<runtime::snapshots> state;
  std::shared_ptr<const api::pipeline> pipeline;
  /// Where calls are prepared that may wait for another process; null: on the caller's thread.
  std::shared_ptr<api::outbound::worker_pool> blocking = nullptr;
  /// What a person may send to actors by name.
  std::shared_ptr<const runtime::sendable_messages> sendables = nullptr;
  /// What nodes and pods use.
  std::shared_ptr<const actors::usage_book> usage = std::make_shared<actors::usage_book>();
};

/// Thread-safe. Outlived by the actor system.
class cluster_backend final : public api::rest::backend {
public:
  explicit cluster_backend(backend_deps deps);

  /// Where the shell learns of linked machines; see introspection_service.
  void tell_links(std::function<std::string()> members) { inside_.tell_links(std::move(members)); }

  const api::reader& state() const override { return state_; }
  void refresh(std::string_view resource) override;
  void submit(api::call c, std::function<void(api::reply)> done) override;
  std::unique_ptr<api::rest::watch_handle> watch(const std::string& resource, api::selection what,
                                                 uint64_t from_revision,
                                                 api::rest::watch_callbacks cb) override;
  void logs(api::rest::log_options options, api::rest::log_callbacks cb) override;
  void show_page(const std::string& node, const std::string& path,
                 std::function<void(api::result<api::rest::node_page>)> done) override;
  void open_stream(api::rest::stream_options options,
                   std::function<void(api::result<api::rest::stream_target>)> done) override;
  std::vector<std::pair<std::string, std::string>> health() const override;
  void introspect(api::rest::introspection what,
                  std::function<void(api::result<std::string>)> done) override;

private:
  void submit_now(const api::call& c, std::function<void(api::reply)> done);
  /// The actor of the pod's node. Errors in the words of Kubernetes.
  api::result<actors::node_handle> node_of(const std::string& ns, const std::string& pod) const;

  backend_deps deps_;
  health_monitor health_;
  pod_streams streams_;
  introspection_service inside_;
  std::shared_ptr<actor_objects> actors_ = std::make_shared<actor_objects>();
  reader_with_actors state_;
};

} // namespace thespis::tools
