#include "proxy/ingress_actor.hpp"

#include <spdlog/spdlog.h>

#include <pwd.h>

namespace thespis::proxy {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;
/// Changes of one burst share a configuration: each costs a set of haproxy's processes.
constexpr auto gather_delay = 100ms;
constexpr auto check_interval = 2s;
/// A port may be taken, and then all that helps is to try again.
constexpr auto failure_delay = 5s;

const char* resource_of(uint64_t watch) {
  constexpr std::array names{"ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io",
                             "services", "endpointslices.discovery.k8s.io", "secrets"};
  return names.at(watch);
}

} // namespace

ingress_actor::ingress_actor(caf::actor_config& cfg, ingress_deps deps)
    : actor_base(cfg, "ingress", deps.node), deps_(std::move(deps)) {
  if (const auto* user = ::getpwnam("haproxy"); !user)
    deps_.options.drop_privileges = false;
}

ingress_actor::behavior_type ingress_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg&) {
    this->delayed_send(this, retry_delay, ingress_watch_again{});
  });
  show_state("idle");
  start_over();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { start_over(); },
      [this](const configure_now&) { configure(); },
      [this](const entry_check&) { check(); },
      [this](const ingress_watch_again&) { start_over(); },
  };
}

/// Until all is seen anew the entry goes on as it is.
void ingress_actor::start_over() {
  state_.clear();
  subscribed_ = synced_ = {};
  if (subscribe(ingresses))
    subscribe(classes);
}

bool ingress_actor::subscribe(watch w) {
  if (std::exchange(subscribed_.at(w), true))
    return true;
  const auto registry =
      deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(resource_of(w)));
  if (!registry) {
    this->delayed_send(this, retry_delay, ingress_watch_again{});
    return false;
  }
  api::selection what;
  if (w == secrets)
    what.field_selector = "type=kubernetes.io/tls";
  this->monitor(registry);
  this->send(registry, runtime::subscribe{this, w, what, 0});
  return true;
}

bool ingress_actor::synced() const {
  for (size_t w = 0; w < synced_.size(); ++w)
    if (subscribed_.at(w) && !synced_.at(w))
      return false;
  return synced_[ingresses];
}

void ingress_actor::handle(const runtime::watch_batch& batch) {
  const auto w = static_cast<watch>(batch.watch);
  if (!subscribed_.at(w))
    return; // of a watch that was given up
  for (const auto& e : batch.what.events) {
    switch (w) {
    case ingresses:
      state_.apply_ingress(e);
      break;
    case classes:
      state_.apply_class(e);
      break;
    case services:
      state_.apply_service(e);
      break;
    case slices:
      state_.apply_slice(e);
      break;
    case secrets:
      state_.apply_secret(e);
      break;
    }
  }
  if (batch.what.initial_end)
    synced_.at(w) = true;
  const auto registry =
      deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(resource_of(w)));
  if (registry)
    this->send(registry, runtime::watch_ack{this, batch.watch});
  // Who has no Ingresses need not know Services and Secrets.
  if (synced() && state_.wanted() &&
      (!subscribe(services) || !subscribe(slices) || !subscribe(secrets)))
    return;
  if (synced())
    schedule(gather_delay);
}

void ingress_actor::schedule(std::chrono::milliseconds delay) {
  if (!std::exchange(scheduled_, true))
    this->delayed_send(this, delay, configure_now{});
}

void ingress_actor::configure() {
  scheduled_ = false;
  if (!synced() || (!entry_ && !state_.wanted()))
    return;
  if (!state_.wanted()) {
    entry_.reset();
    applied_.reset();
    show_state("idle");
    return;
  }
  auto table = state_.table();
  if (entry_ && entry_->running() && applied_ == table)
    return;
  if (!entry_)
    entry_ = std::make_unique<haproxy_process>(deps_.folder);
  if (auto done = entry_->apply(haproxy_files(deps_.options, table)); !done) {
    spdlog::error("ingress: {}", done.error().message);
    show_state("failing");
    schedule(failure_delay);
    return;
  }
  applied_ = std::move(table);
  ++configured_;
  show_state("running");
  if (!std::exchange(checking_, true))
    this->delayed_send(this, check_interval, entry_check{});
}

void ingress_actor::check() {
  checking_ = entry_ != nullptr;
  if (!checking_)
    return;
  this->delayed_send(this, check_interval, entry_check{});
  if (entry_->running())
    return;
  if (applied_)
    spdlog::error("ingress: haproxy has ended (see {}/haproxy.log) and is started again",
                  deps_.folder);
  applied_.reset();
  show_state("failing");
  schedule(failure_delay);
}

std::string ingress_actor::describe() const {
  return "{\"ingresses\":" + std::to_string(state_.ingresses()) +
         ",\"routes\":" + std::to_string(applied_ ? applied_->routes.size() : 0) +
         ",\"configured\":" + std::to_string(configured_) + "}";
}

} // namespace thespis::proxy
