#include "proxy/balancer_set.hpp"

namespace thespis::proxy {

void balancer_set::replace(const service_table& services, flow_gate* gate) {
  std::vector<service_port_name> gone;
  for (const auto& [name, balancer] : all_)
    if (!services.contains(name))
      gone.push_back(name);
  for (const auto& name : gone)
    erase(name, gate);
  for (const auto& [name, port] : services)
    set(name, port, gate);
}

void balancer_set::change(const service_changes& changes, flow_gate* gate) {
  for (const auto& [name, port] : changes) {
    if (port)
      set(name, *port, gate);
    else
      erase(name, gate);
  }
}

void balancer_set::set(const service_port_name& name, const service_port& port, flow_gate* gate) {
  auto& balancer = all_[name];
  if (!balancer) {
    balancer = spawn_(name);
    name_first(name);
  }
  caf::anon_send(balancer, balance_over{std::make_shared<const service_port>(port)});
  if (gate)
    gate->set(name, port, balancer);
}

void balancer_set::erase(const service_port_name& name, flow_gate* gate) {
  const auto i = all_.find(name);
  if (i == all_.end())
    return;
  if (gate)
    gate->erase(name);
  caf::anon_send_exit(i->second, caf::exit_reason::user_shutdown);
  all_.erase(i);
  name_first(name);
}

// A service's role is that of its first port, and a port's that of its first family.
void balancer_set::name_first(const service_port_name& name) {
  const auto put_first = [this](const std::string& role, const service_port_name& from,
                                auto belongs) {
    const auto first = all_.lower_bound(from);
    if (first == all_.end() || first->first.ns != from.ns || first->first.service != from.service ||
        !belongs(first->first))
      roles_->erase(role);
    else
      roles_->put(role, caf::actor_cast<caf::strong_actor_ptr>(first->second));
  };
  put_first(service_role(name.ns, name.service), {name.ns, name.service, ""},
            [](const auto&) { return true; });
  if (!name.port.empty())
    put_first(service_role(name.ns, name.service, name.port), {name.ns, name.service, name.port},
              [&](const auto& n) { return n.port == name.port; });
}

void balancer_set::end_all() {
  while (!all_.empty()) {
    const auto name = all_.begin()->first;
    erase(name, nullptr);
  }
}

} // namespace thespis::proxy
