#include "runtime/supervisor.hpp"

#include <spdlog/spdlog.h>

namespace thespis::runtime {

supervisor_actor::supervisor_actor(caf::actor_config& cfg, std::shared_ptr<directory> roles,
                                   restart_limits limits)
    : actor_base(cfg, "supervisor"), roles_(std::move(roles)), limits_(limits) {}

supervisor_actor::behavior_type supervisor_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  return {
      [this](const supervise& s) {
        auto& c = children_[s.spec->role];
        c.spec = s.spec;
        start(c);
        return supervised{};
      },
      [this](const dismiss& d) {
        const auto i = children_.find(d.role);
        if (i == children_.end())
          return;
        const auto target = caf::actor_cast<caf::actor>(i->second.address);
        roles_->erase(d.role);
        children_.erase(i);
        if (target)
          this->send_exit(target, caf::exit_reason::user_shutdown);
      },
      [this](const restart_child& r) {
        if (const auto i = children_.find(r.role); i != children_.end())
          start(i->second);
      },
  };
}

void supervisor_actor::on_exit() {
  for (auto& [role, c] : children_)
    if (const auto target = caf::actor_cast<caf::actor>(c.address))
      this->send_exit(target, caf::exit_reason::user_shutdown);
  children_.clear();
  actor_base::on_exit();
}

void supervisor_actor::start(child& c) {
  const auto handle = c.spec->start(*this);
  c.address = caf::actor_cast<caf::actor_addr>(handle);
  c.started = this->clock().now().time_since_epoch();
  roles_->put(c.spec->role, handle);
  this->monitor(c.address);
}

void supervisor_actor::on_down(const caf::down_msg& down) {
  for (auto& [role, c] : children_) {
    if (c.address != down.source)
      continue;
    roles_->erase(role);
    const auto lived = this->clock().now().time_since_epoch() - c.started;
    c.deaths = lived > limits_.forgiven ? 0 : c.deaths;
    const auto wait =
        std::min(limits_.first * (int64_t{1} << std::min(c.deaths, 20)), limits_.longest);
    ++c.deaths;
    ++c.restarts;
    spdlog::error("{} died ({}); starting it again in {} ms", role,
                  this->system().render(down.reason), wait.count());
    this->delayed_send(this, wait, restart_child{role});
    return;
  }
}

std::string supervisor_actor::describe() const {
  std::string res = "{\"children\":{";
  for (const auto& [role, c] : children_) {
    if (res.back() != '{')
      res += ',';
    res += "\"" + role + "\":{\"restarts\":" + std::to_string(c.restarts) + "}";
  }
  return res + "}}";
}

} // namespace thespis::runtime
