#include "proxy/ingress_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

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
  return names.at(std::min<size_t>(watch, names.size() - 1));
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
      [this](const runtime::watch_closed& c) { closed(c); },
      [this](const configure_now&) { configure(); },
      [this](const entry_check&) { check(); },
      [this](const ingress_watch_again&) { start_over(); },
  };
}

/// Until all is seen anew the entry goes on as it is.
void ingress_actor::start_over() {
  state_.clear();
  subscribed_ = synced_ = {};
  if (const auto registry = registry_of(secrets))
    for (const auto& [w, known] : secrets_)
      this->send(registry, runtime::unsubscribe{this, w});
  secrets_.clear();
  if (subscribe(ingresses))
    subscribe(classes);
}

runtime::registry_handle ingress_actor::registry_of(uint64_t w) const {
  return deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(resource_of(w)));
}

bool ingress_actor::subscribe(watch w) {
  if (std::exchange(subscribed_.at(w), true))
    return true;
  const auto registry = registry_of(w);
  if (!registry) {
    this->delayed_send(this, retry_delay, ingress_watch_again{});
    return false;
  }
  this->monitor(registry);
  this->send(registry, runtime::subscribe{this, w, {}, 0});
  return true;
}

/// Only what an Ingress names: a machine is not given other Secrets.
void ingress_actor::follow_secrets() {
  auto wanted = state_.certificates();
  const auto registry = registry_of(secrets);
  if (!registry) {
    if (!wanted.empty())
      this->delayed_send(this, retry_delay, ingress_watch_again{});
    return;
  }
  for (auto i = secrets_.begin(); i != secrets_.end();) {
    if (wanted.erase(i->second.name) != 0) {
      ++i;
      continue;
    }
    this->send(registry, runtime::unsubscribe{this, i->first});
    state_.forget_secret(i->second.name);
    i = secrets_.erase(i);
  }
  if (secrets_.empty() && !wanted.empty())
    this->monitor(registry);
  for (const auto& name : wanted) {
    api::selection what;
    what.ns = name.first;
    what.name = name.second;
    secrets_[next_secret_] = {name, false};
    this->send(registry, runtime::subscribe{this, next_secret_++, std::move(what), 0});
  }
}

bool ingress_actor::synced() const {
  for (size_t w = 0; w < synced_.size(); ++w)
    if (subscribed_.at(w) && !synced_.at(w))
      return false;
  return synced_[ingresses] && std::all_of(secrets_.begin(), secrets_.end(),
                                           [](const auto& s) { return s.second.synced; });
}

void ingress_actor::take(uint64_t w, const api::watch_event& e) {
  switch (w) {
  case ingresses:
    return state_.apply_ingress(e);
  case classes:
    return state_.apply_class(e);
  case services:
    return state_.apply_service(e);
  case slices:
    return state_.apply_slice(e);
  default:
    state_.apply_secret(e);
  }
}

void ingress_actor::handle(const runtime::watch_batch& batch) {
  const auto w = batch.watch;
  const auto secret = secrets_.find(w);
  if (w < secrets ? !subscribed_.at(w) : secret == secrets_.end())
    return; // of a watch that was given up
  if (w >= secrets && batch.what.initial_end && batch.what.events.empty())
    state_.forget_secret(secret->second.name);
  for (const auto& e : batch.what.events)
    take(w, e);
  if (batch.what.initial_end)
    (w < secrets ? synced_.at(w) : secret->second.synced) = true;
  if (const auto registry = registry_of(w))
    this->send(registry, runtime::watch_ack{this, w});
  // Who has no Ingresses need not know Services and Secrets.
  if (w < services && synced_[ingresses] && synced_[classes])
    follow_secrets();
  if (synced() && state_.wanted() && (!subscribe(services) || !subscribe(slices)))
    return;
  if (synced())
    schedule(gather_delay);
}

/// A Secret that may not be seen is as one that is not there, until that is asked again.
void ingress_actor::closed(const runtime::watch_closed& c) {
  if (c.watch < secrets)
    return start_over();
  const auto i = secrets_.find(c.watch);
  const auto registry = registry_of(secrets);
  if (i == secrets_.end() || !registry)
    return;
  const auto name = i->second.name;
  if (c.why.why != api::reason::expired)
    state_.forget_secret(name);
  secrets_.erase(i);
  secrets_[next_secret_] = {name, true};
  api::selection what;
  what.ns = name.first;
  what.name = name.second;
  this->send(registry, runtime::subscribe{this, next_secret_++, std::move(what), 0});
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
