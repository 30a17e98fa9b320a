// Asks extension servers whether they answer, and keeps the table that requests are passed on by.
#pragma once

#include "actors/controllers/api_services.hpp"
#include "api/outbound/client.hpp"
#include "api/outbound/extensions.hpp"
#include "api/outbound/worker_pool.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"

#include <map>

namespace thespis::tools {

struct extension_servers_deps {
  std::shared_ptr<api::outbound::extension_table> table;
  std::shared_ptr<const api::reader> state; ///< to find Services in
  std::shared_ptr<api::outbound::client> http;
  std::shared_ptr<api::outbound::worker_pool> pool; ///< whose threads wait for answers
  std::shared_ptr<const runtime::clock_port> clock;
  api::outbound::front_proxy identity;
};

/// The questions wait on threads of the pool; what they found is told at the next `ask`.
class extension_servers final : public actors::extension_host {
public:
  explicit extension_servers(extension_servers_deps deps);

  answer ask(const api::v1::api_service& service) override;
  void suspend(const api::v1::api_service& service) override;
  void withdraw(const std::string& group, const std::string& version) override;

private:
  struct state;
  std::shared_ptr<state> state_; ///< shared with the threads that ask
};

} // namespace thespis::tools
