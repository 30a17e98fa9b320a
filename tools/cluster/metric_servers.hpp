// Measures of extension servers (custom.metrics.k8s.io, external.metrics.k8s.io) for autoscalers.
#pragma once

#include "actors/controllers/autoscaler_metrics.hpp"
#include "api/outbound/client.hpp"
#include "api/outbound/extensions.hpp"
#include "api/outbound/worker_pool.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"

#include <memory>
#include <string>

namespace thespis::tools {

struct metric_servers_deps {
  std::shared_ptr<const api::outbound::extension_table> table;
  std::shared_ptr<const api::reader> state; ///< to find Services in
  std::shared_ptr<api::outbound::client> http;
  std::shared_ptr<api::outbound::worker_pool> pool; ///< whose threads wait for answers
  std::shared_ptr<const runtime::clock_port> clock;
  api::outbound::front_proxy identity;
};

/// Questions wait on threads of the pool; an answer is told for some seconds, then asked for anew.
class metric_servers final : public actors::metric_source {
public:
  explicit metric_servers(metric_servers_deps deps);
  std::optional<api::result<std::string>> ask(const std::string& group,
                                              const std::string& path) override;

private:
  struct state;
  std::shared_ptr<state> state_; ///< shared with the threads that ask
};

} // namespace thespis::tools
