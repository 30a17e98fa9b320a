#include "proxy/proxy_actor.hpp"

#include <spdlog/spdlog.h>

namespace thespis::proxy {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;
/// Changes of one burst (a rolling update) share a transaction.
constexpr auto gather_delay = 5ms;

constexpr uint64_t services_watch = 0;
constexpr uint64_t slices_watch = 1;

const char* resource_of(uint64_t watch) {
  return watch == services_watch ? "services" : "endpointslices.discovery.k8s.io";
}

} // namespace

proxy_actor::proxy_actor(caf::actor_config& cfg, proxy_deps deps)
    : actor_base(cfg, "proxy", deps.node), deps_(std::move(deps)), state_(deps_.node) {}

proxy_actor::behavior_type proxy_actor::make_behavior() {
  this->set_down_handler(
      [this](const caf::down_msg&) { this->delayed_send(this, retry_delay, proxy_watch_again{}); });
  show_state("syncing");
  subscribe_all();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { subscribe_all(); },
      [this](const program_now&) { program(); },
      [this](const proxy_watch_again&) { subscribe_all(); },
  };
}

void proxy_actor::subscribe_all() {
  const auto services = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(services_watch)));
  const auto slices = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(slices_watch)));
  if (!services || !slices) {
    this->delayed_send(this, retry_delay, proxy_watch_again{});
    return;
  }
  // Until both are complete again the kernel keeps what it has.
  state_.clear();
  services_synced_ = slices_synced_ = replaced_ = false;
  this->monitor(services);
  this->monitor(slices);
  this->send(services, runtime::subscribe{this, services_watch, {}, 0});
  this->send(slices, runtime::subscribe{this, slices_watch, {}, 0});
}

void proxy_actor::handle(const runtime::watch_batch& batch) {
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
    schedule(gather_delay);
}

void proxy_actor::schedule(std::chrono::milliseconds delay) {
  if (std::exchange(scheduled_, true))
    return;
  this->delayed_send(this, delay, program_now{});
}

void proxy_actor::program() {
  scheduled_ = false;
  if (!services_synced_ || !slices_synced_)
    return;
  if (!kernel_) {
    auto opened = data_path::open(deps_.options);
    if (!opened) {
      spdlog::error("proxy: {}", opened.error().message);
      schedule(retry_delay);
      return;
    }
    kernel_.emplace(std::move(*opened));
  }
  api::result<void> done;
  if (replaced_) {
    const auto changes = state_.take_changes();
    if (changes.empty())
      return;
    done = kernel_->guard(state_.guards());
    if (done)
      done = kernel_->change(changes);
  } else {
    const auto table = state_.table();
    done = kernel_->guard(state_.guards());
    if (done)
      done = kernel_->replace(table);
  }
  if (!done) {
    spdlog::error("proxy: cannot program the kernel: {}", done.error().message);
    replaced_ = false;
    show_state("failing");
    schedule(retry_delay);
    return;
  }
  replaced_ = true;
  ++programmed_;
  show_state("running");
  tell_balancers();
}

void proxy_actor::tell_balancers() {
  auto answers = state_.health();
  if (!health_ && !answers.empty())
    health_ = std::make_unique<health_checks>();
  if (health_)
    health_->serve(std::move(answers));
}

std::string proxy_actor::describe() const {
  return "{\"services\":" + std::to_string(state_.services()) +
         ",\"programmed\":" + std::to_string(programmed_) + "}";
}

} // namespace thespis::proxy
