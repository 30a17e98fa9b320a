// What stands behind the REST server: the actors of the running cluster.
#pragma once

#include "actors/node/node_interface.hpp"
#include "api/pipeline/pipeline.hpp"
#include "api/rest/backend.hpp"
#include "runtime/environment.hpp"
#include "runtime/requests/requests_actor.hpp"
#include "runtime/store/snapshot.hpp"
#include "tools/cluster/log_source.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace thespis::tools {

struct backend_deps {
  caf::actor_system& sys;
  runtime::environment env;
  std::shared_ptr<runtime::snapshots> state;
  std::shared_ptr<const api::pipeline> pipeline;
  /// Where calls are prepared that may wait for another process; null: on the caller's thread.
  std::shared_ptr<api::outbound::worker_pool> blocking = nullptr;
};

/// Thread-safe. Outlived by the actor system.
class cluster_backend final : public api::rest::backend {
public:
  explicit cluster_backend(backend_deps deps) : deps_(std::move(deps)) {}

  /// The runtime of a node of this process, for exec and its kin.
  void add_runtime(const std::string& node, std::shared_ptr<runtime::container_runtime> r);

  const api::reader& state() const override { return *deps_.state; }
  void submit(api::call c, std::function<void(api::reply)> done) override;
  std::unique_ptr<api::rest::watch_handle> watch(const std::string& resource, api::selection what,
                                                 uint64_t from_revision,
                                                 api::rest::watch_callbacks cb) override;
  void logs(api::rest::log_options options, api::rest::log_callbacks cb) override;
  void stream_url(api::rest::stream_options options,
                  std::function<void(api::result<std::string>)> done) override;
  std::vector<std::pair<std::string, std::string>> health() const override;
  void introspect(std::string command, std::function<void(api::result<std::string>)> done) override;

private:
  /// Leads to the container; the connection has been admitted.
  void open_stream(api::rest::stream_options options,
                   std::function<void(api::result<std::string>)> done);
  void submit_now(const api::call& c, std::function<void(api::reply)> done);
  using found = std::function<void(api::result<actors::container_location>)>;
  /// Asks the pod's node where the container is.
  void locate(const std::string& ns, const std::string& pod, actors::container_query q, found done);
  std::shared_ptr<runtime::container_runtime> runtime_of(const std::string& ns,
                                                         const std::string& pod) const;

  backend_deps deps_;
  log_source logs_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<runtime::container_runtime>> runtimes_;
};

} // namespace thespis::tools
