#include "runtime/link/uplink_actor.hpp"

#include <spdlog/spdlog.h>

namespace thespis::runtime::link {

using namespace std::chrono_literals;

namespace {

constexpr auto hello_deadline = 10s;

} // namespace

uplink_actor::uplink_actor(caf::actor_config& cfg, uplink_deps deps)
    : actor_base(cfg, "uplink"), deps_(std::move(deps)), wait_(deps_.first_wait) {}

uplink_actor::behavior_type uplink_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    if (gateway_ && gateway_.address() == down.source)
      lose(epoch_, "the server's gateway ended");
    for (auto i = roles_.begin(); i != roles_.end();) {
      if (i->second->address() == down.source) {
        if (gateway_)
          this->send(gateway_, withdraw_role{i->first});
        i = roles_.erase(i);
      } else {
        ++i;
      }
    }
  });
  dial();
  maintain();
  return {
      [this](const offer_role& o) {
        this->monitor(o.actor);
        roles_[o.role] = o.actor;
        if (gateway_)
          announce(o.role, o.actor);
      },
      [this](const dial_now&) { dial(); },
      [this](const maintain_now&) { maintain(); },
      [this](dialed& d) { open(d); },
      [this](const link_opened& o) { greet(o); },
      [this](const link_lost& l) { lose(l.epoch, l.why); },
  };
}

void uplink_actor::on_exit() {
  deps_.env.roles->erase(std::string{gateway_role});
  if (state_)
    state_->close("the agent stops");
  state_.reset();
  gateway_ = gateway_handle{};
  roles_.clear();
  actor_base::on_exit();
}

void uplink_actor::maintain() {
  if (!deps_.maintain)
    return;
  (void)deps_.blocking->post(deps_.maintain);
  this->delayed_send(this, deps_.maintain_interval, maintain_now{});
}

void uplink_actor::dial() {
  show_state("connecting");
  auto job = [dial = deps_.dial, address = this->address()] {
    auto made = dial();
    dialed d;
    if (made)
      d.socket = std::make_shared<link_socket>(std::move(*made));
    else
      d.why = made.error().message;
    if (const auto self = caf::actor_cast<uplink_handle>(address))
      caf::anon_send(self, std::move(d));
  };
  if (!deps_.blocking->post(std::move(job)))
    retry("this machine is too busy to connect");
}

void uplink_actor::open(dialed& d) {
  if (!d.socket)
    return retry(d.why);
  show_state("greeting");
  const auto epoch = ++epoch_;
  const auto tell = [address = this->address()](auto message) {
    if (const auto self = caf::actor_cast<uplink_handle>(address))
      caf::anon_send(self, std::move(message));
  };
  state_ = std::make_shared<link_state>(side::agent, deps_.limits, nullptr,
                                        [epoch, tell](const std::string& why) {
                                          tell(link_lost{epoch, why});
                                        });
  auto& socket = *std::static_pointer_cast<link_socket>(d.socket);
  open_link(this->system(), std::move(socket), state_,
            [epoch, tell](const caf::strong_actor_ptr& gateway, const std::string& why) {
              tell(link_opened{epoch, gateway, why});
            });
}

void uplink_actor::greet(const link_opened& o) {
  if (o.epoch != epoch_)
    return;
  const auto gateway = caf::actor_cast<gateway_handle>(o.gateway);
  if (!gateway)
    return lose(o.epoch, o.why);
  auto hello = deps_.hello;
  hello.epoch = o.epoch;
  this->request(gateway, hello_deadline, std::move(hello))
      .then([this, epoch = o.epoch, gateway](const link_welcome& w) { welcome(epoch, gateway, w); },
            [this, epoch = o.epoch](const caf::error& e) {
              lose(epoch, "no welcome from the server: " + this->system().render(e));
            });
}

void uplink_actor::welcome(uint64_t epoch, const gateway_handle& gateway, const link_welcome& w) {
  if (epoch != epoch_ || !state_)
    return;
  if (!w.refused.empty())
    return lose(epoch, "the server refuses: " + w.refused);
  gateway_ = gateway;
  wait_ = deps_.first_wait;
  trouble_.clear();
  show_state("linked");
  spdlog::info("linked to {} (Thespis {})", w.server, w.version);
  this->monitor(gateway_);
  deps_.env.roles->put(std::string{gateway_role}, caf::actor_cast<caf::strong_actor_ptr>(gateway_));
  if (deps_.on_change)
    deps_.on_change(true, {});
  if (deps_.on_welcome)
    deps_.on_welcome(w);
  for (const auto& [role, actor] : roles_)
    announce(role, actor);
}

void uplink_actor::announce(const std::string& role, const caf::strong_actor_ptr& actor) {
  this->send(gateway_, announce_role{role, actor});
}

void uplink_actor::lose(uint64_t epoch, const std::string& why) {
  if (epoch != epoch_ || !state_)
    return;
  state_->close(why);
  state_.reset();
  gateway_ = gateway_handle{};
  deps_.env.roles->erase(std::string{gateway_role});
  retry(why);
}

void uplink_actor::retry(const std::string& why) {
  show_state("waiting");
  if (why != trouble_ && deps_.on_change)
    deps_.on_change(false, why);
  if (why != trouble_)
    spdlog::warn("no link to the server: {}; trying again until there is one", why);
  trouble_ = why;
  // A quarter more or less, so that machines do not come all at once.
  const auto quarter = static_cast<uint64_t>(wait_.count() / 4 + 1);
  const auto jitter = static_cast<int64_t>(deps_.env.random->next() % (2 * quarter));
  this->delayed_send(this,
                     wait_ - std::chrono::milliseconds{quarter} + std::chrono::milliseconds{jitter},
                     dial_now{});
  wait_ = std::min(wait_ * 2, deps_.longest_wait);
}

std::string uplink_actor::describe() const {
  std::string roles;
  for (const auto& [role, actor] : roles_)
    roles += (roles.empty() ? "\"" : ",\"") + role + "\"";
  return "{\"linked\":" + std::string{gateway_ ? "true" : "false"} +
         ",\"epoch\":" + std::to_string(epoch_) + ",\"roles\":[" + roles + "]}";
}

} // namespace thespis::runtime::link
