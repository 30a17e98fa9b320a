#include "actors/usage/usage_actor.hpp"

#include "actors/node/node_interface.hpp"

namespace thespis::actors {

namespace {

constexpr std::string_view nodes_prefix = "node/";

} // namespace

usage_actor::behavior_type usage_actor::make_behavior() {
  show_state("asking");
  this->delayed_send(this, std::chrono::seconds{1}, ask_usage{});
  return {[this](const ask_usage&) {
    this->delayed_send(this, deps_.interval, ask_usage{});
    ask();
  }};
}

void usage_actor::ask() {
  ++rounds_;
  std::vector<std::string> names;
  for (const auto& [role, player] : deps_.env.roles->players(nodes_prefix)) {
    auto name = role.substr(nodes_prefix.size());
    names.push_back(name);
    this->request(caf::actor_cast<node_handle>(player), deps_.interval, usage_query{})
        .then(
            [this, name](const usage_report& r) {
              failures_ += r.ok ? 0 : 1;
              deps_.book->take(name, r);
            },
            [this, name](const caf::error&) {
              ++failures_;
              deps_.book->take(name, usage_report{});
            });
  }
  deps_.book->keep(names);
}

std::string usage_actor::describe() const {
  return "{\"rounds\":" + std::to_string(rounds_) + ",\"failures\":" + std::to_string(failures_) +
         ",\"nodes\":" + std::to_string(deps_.book->nodes().size()) + "}";
}

} // namespace thespis::actors
