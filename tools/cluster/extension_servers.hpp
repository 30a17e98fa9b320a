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

/// A GET of `path` of an extension server, as our front proxy; who asks is still to be told in its
/// headers, how long to wait and how much to take as well. Errors: those of find_service.
api::result<api::outbound::request> get_of_extension(const api::reader& state,
                                                     const api::outbound::extension& e,
                                                     const api::outbound::front_proxy& identity,
                                                     const std::string& path);

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
