#include "runtime/link/link_server.hpp"

#include <spdlog/spdlog.h>

namespace thespis::runtime::link {

link_server::link_server(link_server_deps deps)
    : deps_(std::move(deps)), members_(std::make_shared<membership>(deps_.env.clock)) {}

void link_server::accept(const api::user_info& user, const std::string& address,
                         link_socket socket) {
  const std::lock_guard lock{mutex_};
  if (stopped_ || members_->list().size() >= deps_.max_links) {
    spdlog::warn("a link of {} from {} is refused: {}", user.name, address,
                 stopped_ ? "the server stops" : "there are too many");
    return;
  }
  const auto id = members_->begin(user, address);
  const auto gateway = deps_.sys.spawn<gateway_actor>(
      gateway_deps{deps_.env, deps_.access, deps_.submit, members_, id, user, deps_.welcome,
                   deps_.state, socket.peer_expires(), deps_.role_user, deps_.audit});
  if (deps_.audit)
    deps_.audit->arrived(user.name, address);
  auto on_end = [id, members = members_, to = gateway.address()](const std::string& why) {
    members->end(id);
    if (const auto self = caf::actor_cast<gateway_actor_handle>(to))
      caf::anon_send(self, link_ended{why});
  };
  auto state = std::make_shared<link_state>(
      side::server, deps_.limits,
      [id, members = members_](const caf::node_id& node) { return members->claim(id, node); },
      std::move(on_end));
  members_->attach(id, state);
  std::erase_if(gateways_, [](const caf::actor_addr& a) {
    return !caf::actor_cast<caf::strong_actor_ptr>(a);
  });
  gateways_.push_back(gateway.address());
  accept_link(deps_.sys, std::move(socket), std::move(state),
              caf::actor_cast<caf::strong_actor_ptr>(gateway));
}

void link_server::stop() {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  for (const auto& m : members_->list())
    members_->close(m.id, "the server stops");
  for (const auto& address : gateways_)
    if (const auto gateway = caf::actor_cast<caf::actor>(address))
      caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
  gateways_.clear();
}

} // namespace thespis::runtime::link
