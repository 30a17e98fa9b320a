#include "proxy/proxy_actor.hpp"

#include "proxy/data/queue_rule.hpp"

#include <spdlog/spdlog.h>

namespace thespis::proxy {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;
/// Changes of one burst (a rolling update) share a transaction.
constexpr auto gather_delay = 5ms;

constexpr uint64_t services_watch = 0;
constexpr uint64_t slices_watch = 1;
constexpr uint64_t node_watch = 2;
constexpr uint64_t cidrs_watch = 3;

/// Flows that conntrack never heard of, because something refused their first packet after the
/// choice, would be counted for ever.
constexpr auto recount_interval = 60s;

const char* resource_of(uint64_t watch) {
  switch (watch) {
  case services_watch:
    return "services";
  case slices_watch:
    return "endpointslices.discovery.k8s.io";
  case cidrs_watch:
    return "servicecidrs.networking.k8s.io";
  default:
    return "nodes";
  }
}

/// Clusters on one machine begin to look for a queue of their own at different numbers.
uint16_t first_queue_of(const std::string& table) {
  uint32_t h = 2166136261U; // FNV-1a
  for (const auto c : table)
    h = (h ^ static_cast<uint8_t>(c)) * 16777619U;
  return static_cast<uint16_t>(0x4000 + h % 0x8000);
}

} // namespace

proxy_actor::proxy_actor(caf::actor_config& cfg, proxy_deps deps)
    : actor_base(cfg, "proxy", deps.node), deps_(std::move(deps)),
      state_(deps_.node, deps_.options.service_cidrs),
      balancers_(deps_.env.roles,
                 [this](const service_port_name& name) { return spawn_balancer(name); }) {}

void proxy_actor::on_exit() {
  gate_.reset();
  balancers_.end_all();
  actor_base::on_exit();
}

balancer_handle proxy_actor::spawn_balancer(const service_port_name& name) {
  balancer_deps deps;
  deps.env = deps_.env;
  deps.name = name;
  return this->spawn<balancer_actor>(std::move(deps));
}

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
      [this](const recount_flows&) { recount(); },
  };
}

void proxy_actor::subscribe_all() {
  const auto services = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(services_watch)));
  const auto slices = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(slices_watch)));
  const auto nodes = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(node_watch)));
  if (!services || !slices || !nodes) {
    this->delayed_send(this, retry_delay, proxy_watch_again{});
    return;
  }
  // Where nobody serves these, as in a test without them, the first range is all there is.
  const auto cidrs = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(cidrs_watch)));
  // Until all are complete again the kernel keeps what it has.
  state_.clear();
  services_synced_ = slices_synced_ = node_synced_ = replaced_ = false;
  cidrs_synced_ = !cidrs;
  this->monitor(services);
  this->monitor(slices);
  this->monitor(nodes);
  this->send(services, runtime::subscribe{this, services_watch, {}, 0});
  this->send(slices, runtime::subscribe{this, slices_watch, {}, 0});
  api::selection own;
  own.name = deps_.node;
  this->send(nodes, runtime::subscribe{this, node_watch, own, 0});
  if (!cidrs)
    return;
  this->monitor(cidrs);
  this->send(cidrs, runtime::subscribe{this, cidrs_watch, {}, 0});
}

void proxy_actor::handle(const runtime::watch_batch& batch) {
  for (const auto& e : batch.what.events) {
    if (batch.watch == services_watch)
      state_.apply_service(e);
    else if (batch.watch == slices_watch)
      state_.apply_slice(e);
    else if (batch.watch == cidrs_watch)
      state_.apply_service_cidr(e);
    else
      state_.apply_node(e);
  }
  if (batch.what.initial_end)
    (batch.watch == services_watch ? services_synced_
     : batch.watch == slices_watch ? slices_synced_
     : batch.watch == cidrs_watch  ? cidrs_synced_
                                   : node_synced_) = true;
  const auto registry = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(resource_of(batch.watch)));
  if (registry)
    this->send(registry, runtime::watch_ack{this, batch.watch});
  if (synced() && (state_.changed() || !replaced_ || batch.watch == cidrs_watch))
    schedule(gather_delay);
}

void proxy_actor::schedule(std::chrono::milliseconds delay) {
  if (std::exchange(scheduled_, true))
    return;
  this->delayed_send(this, delay, program_now{});
}

void proxy_actor::program() {
  scheduled_ = false;
  if (!synced())
    return;
  if (!kernel_ && !open_kernel()) {
    schedule(retry_delay);
    return;
  }
  api::result<void> done;
  const auto other_cidrs = kernel_->set_service_cidrs(state_.service_cidrs());
  if (!other_cidrs)
    spdlog::error("proxy: {}", other_cidrs.error().message);
  if (replaced_) {
    const auto changes = state_.take_changes();
    if (changes.empty() && !(other_cidrs && *other_cidrs))
      return;
    balancers_.change(changes, gate_.get());
    done = kernel_->guard(state_.guards());
    if (done)
      done = kernel_->change(changes);
  } else {
    const auto table = state_.table();
    balancers_.replace(table, gate_.get());
    done = kernel_->guard(state_.guards());
    if (done)
      done = kernel_->replace(table);
    if (gate_)
      this->send(this, recount_flows{}); // those of an earlier run
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

bool proxy_actor::open_kernel() {
  if (deps_.by_mailbox)
    open_gate();
  else if (deps_.tell_mode)
    deps_.tell_mode("chosen by the kernel, as configured");
  auto opened = data_path::open(deps_.options);
  if (!opened) {
    spdlog::error("proxy: {}", opened.error().message);
    return false;
  }
  kernel_.emplace(std::move(*opened));
  return true;
}

// Without a gate the kernel chooses: said once.
void proxy_actor::open_gate() {
  flow_gate_options o;
  o.first_queue = first_queue_of(deps_.options.table);
  o.choice_mark = deps_.options.choice_mark;
  o.pod_cidrs = deps_.options.pod_cidrs;
  api::result<std::unique_ptr<flow_gate>> gate;
  if (auto able = try_queue_rule(deps_.options.table + "_try"); !able)
    gate = api::fail(able.error());
  else
    gate = flow_gate::start(this->system(), std::move(o),
                            [self = proxy_handle{this}] { caf::anon_send(self, recount_flows{}); });
  deps_.by_mailbox = false; // not tried again
  std::string mode = "chosen by balancers";
  if (gate) {
    gate_ = std::move(*gate);
    deps_.options.queue = gate_->queue();
    this->delayed_send(this, recount_interval, recount_flows{});
  } else {
    mode = "chosen by the kernel: " + gate.error().message;
    spdlog::warn("proxy: endpoints are chosen by the kernel alone: {}", gate.error().message);
  }
  if (deps_.tell_mode)
    deps_.tell_mode(mode);
}

void proxy_actor::recount() {
  if (!gate_)
    return;
  const auto as_of = this->clock().now();
  const auto open = flow_events::census();
  if (!open) {
    spdlog::warn("proxy: flows cannot be counted: {}", open.error().message);
    return;
  }
  for (auto& [balancer, flows] : gate_->group(*open))
    this->send(balancer, flow_recount{std::move(flows), as_of});
}

std::string proxy_actor::describe() const {
  auto res = "{\"services\":" + std::to_string(state_.services()) +
             ",\"programmed\":" + std::to_string(programmed_) +
             ",\"balancers\":" + std::to_string(balancers_.size());
  if (gate_) {
    const auto f = gate_->figures();
    res += ",\"queue\":" + std::to_string(gate_->queue()) +
           ",\"asked\":" + std::to_string(f.asked) + ",\"batches\":" + std::to_string(f.batches) +
           ",\"unknown\":" + std::to_string(f.unknown) + ",\"late\":" + std::to_string(f.late) +
           ",\"news\":" + std::to_string(f.news);
  }
  return res + "}";
}

} // namespace thespis::proxy
