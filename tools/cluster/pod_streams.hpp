// A pod's streams on the API's side: the client's connection before a stream of actor messages.
#pragma once

#include "actors/node/node_interface.hpp"
#include "api/rest/backend.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>

namespace thespis::tools {

/// Starts streams and ends those that are open when it goes. Thread-safe.
class pod_streams {
public:
  explicit pod_streams(caf::actor_system& sys);
  ~pod_streams();
  pod_streams(const pod_streams&) = delete;
  pod_streams& operator=(const pod_streams&) = delete;

  /// Asks the node for the log and passes it on.
  void log(const actors::node_handle& node, const api::rest::log_options& options,
           api::rest::log_callbacks callbacks);
  /// Asks the node for a connection to its streaming server. Errors: the node's.
  void connect(const actors::node_handle& node, const api::rest::stream_options& options,
               std::function<void(api::result<api::rest::stream_target>)> done);
  /// Asks the node for a page of kubelet's. Errors: service_unavailable, internal_error.
  void page(const actors::node_handle& node, const std::string& path,
            std::function<void(api::result<api::rest::node_page>)> done);

private:
  struct impl;
  std::shared_ptr<impl> impl_; ///< shared with callbacks that may outlive us
};

} // namespace thespis::tools
