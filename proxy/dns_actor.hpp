// The DNS actor: see dns_interface.hpp.
#pragma once

#include "proxy/dns/server.hpp"
#include "proxy/dns_interface.hpp"
#include "proxy/dns_state.hpp"
#include "runtime/environment.hpp"

#include <memory>
#include <string>

namespace thespis::proxy {

struct dns_deps {
  runtime::environment env;
  std::string node;
  std::shared_ptr<dns::server> server;
};

/// The server goes on with what it knows when this actor dies; its successor tells it the rest.
class dns_actor : public runtime::actor_base<dns_handle> {
public:
  dns_actor(caf::actor_config& cfg, dns_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void subscribe_all();
  void handle(const runtime::watch_batch& batch);
  void tell_server();

  dns_deps deps_;
  dns_state state_;
  bool services_synced_ = false;
  bool slices_synced_ = false;
  bool replaced_ = false; ///< the server holds a complete view
};

} // namespace thespis::proxy
