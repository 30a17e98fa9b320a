// The server's side of links: takes connections that have left HTTP, and knows who is linked.
#pragma once

#include "runtime/link/gateway_actor.hpp"

namespace thespis::runtime::link {

struct link_server_deps {
  caf::actor_system& sys;
  environment env;
  std::shared_ptr<const api::auth::policy> access;
  std::function<void(api::call, std::function<void(api::reply)>)> submit;
  link_welcome welcome;
  std::shared_ptr<const api::reader> state; ///< what rights are judged by
  guard_limits limits = {};
  size_t max_links = 5000;
  role_users role_user = nullptr;                            ///< as gateway_deps'
  std::shared_ptr<api::audit::call_auditor> audit = nullptr; ///< null: nothing is written down
};

/// Thread-safe. Outlived by the actor system, which must have CAF's middleman loaded.
class link_server {
public:
  explicit link_server(link_server_deps deps);
  ~link_server() { stop(); }

  /// Makes a link of the connection of that user. It ends with the certificate that the peer has
  /// shown, and with the user's right to links.
  void accept(const api::user_info& user, const std::string& address, link_socket socket);
  /// Ends all links, and takes no more.
  void stop();

  const std::shared_ptr<membership>& members() const { return members_; }

private:
  const link_server_deps deps_;
  const std::shared_ptr<membership> members_;
  std::mutex mutex_; // guards what follows
  std::vector<caf::actor_addr> gateways_;
  bool stopped_ = false;
};

} // namespace thespis::runtime::link
