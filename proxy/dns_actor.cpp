#include "proxy/dns_actor.hpp"

namespace thespis::proxy {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;

constexpr uint64_t services_watch = 0;
constexpr uint64_t slices_watch = 1;

const char* resource_of(uint64_t watch) {
  return watch == services_watch ? "services" : "endpointslices.discovery.k8s.io";
}

} // namespace

dns_actor::dns_actor(caf::actor_config& cfg, dns_deps deps)
    : actor_base(cfg, "dns", deps.node), deps_(std::move(deps)) {}

dns_actor::behavior_type dns_actor::make_behavior() {
  this->set_down_handler(
      [this](const caf::down_msg&) { this->delayed_send(this, retry_delay, dns_watch_again{}); });
  show_state("syncing");
  subscribe_all();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { subscribe_all(); },
      [this](const dns_watch_again&) { subscribe_all(); },
  };
}

void dns_actor::subscribe_all() {
  const auto find = [this](uint64_t watch) {
    return deps_.env.roles->find<runtime::registry_handle>(
        runtime::registry_role(resource_of(watch)));
  };
  const auto services = find(services_watch), slices = find(slices_watch);
  if (!services || !slices) {
    this->delayed_send(this, retry_delay, dns_watch_again{});
    return;
  }
  // Until both are complete again the server keeps what it has.
  state_.clear();
  services_synced_ = slices_synced_ = replaced_ = false;
  this->monitor(services);
  this->monitor(slices);
  this->send(services, runtime::subscribe{this, services_watch, {}, 0});
  this->send(slices, runtime::subscribe{this, slices_watch, {}, 0});
}

void dns_actor::handle(const runtime::watch_batch& batch) {
  for (const auto& e : batch.what.events) {
    if (batch.watch == services_watch)
      state_.apply_service(e);
    else
      state_.apply_slice(e);
  }
  if (batch.what.initial_end)
    (batch.watch == services_watch ? services_synced_ : slices_synced_) = true;
  const auto registry = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(batch.watch)));
  if (registry)
    this->send(registry, runtime::watch_ack{this, batch.watch});
  if (services_synced_ && slices_synced_ && (state_.changed() || !replaced_))
    tell_server();
}

void dns_actor::tell_server() {
  deps_.server->change([changes = state_.take_changes(), fresh = !replaced_](dns::zone& z) {
    if (fresh)
      z.clear();
    for (const auto& [key, entry] : changes) {
      if (entry)
        z.set(key, *entry);
      else
        z.erase(key);
    }
  });
  replaced_ = true;
  show_state("running");
}

std::string dns_actor::describe() const {
  const auto c = deps_.server->counters();
  return "{\"services\":" + std::to_string(state_.services()) +
         ",\"queries\":" + std::to_string(c.queries) + ",\"kept\":" + std::to_string(c.kept) +
         ",\"own\":" + std::to_string(c.own) + ",\"forwarded\":" + std::to_string(c.forwarded) +
         ",\"bad\":" + std::to_string(c.bad) + "}";
}

} // namespace thespis::proxy
