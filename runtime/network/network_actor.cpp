#include "runtime/network/network_actor.hpp"

#include "api/json.hpp"
#include "api/text/time.hpp"
#include "runtime/requests/requests_interface.hpp"

#include <spdlog/spdlog.h>

namespace thespis::runtime {

using namespace std::chrono_literals;

namespace {

constexpr auto retry_delay = 500ms;
/// Nodes that come together are programmed together.
constexpr auto gather_delay = 20ms;
constexpr auto write_deadline = 60s;
constexpr uint64_t nodes_watch = 0;

} // namespace

network_actor::network_actor(caf::actor_config& cfg, network_deps deps)
    : actor_base(cfg, "network", deps.node), deps_(std::move(deps)), state_(deps_.node) {}

network_actor::behavior_type network_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg&) {
    this->delayed_send(this, retry_delay, network_watch_again{});
  });
  show_state("syncing");
  subscribe_nodes();
  return {
      [this](const watch_batch& b) { handle(b); },
      [this](const watch_closed&) { subscribe_nodes(); },
      [this](const program_network& p) {
        if (p.turn == turn_)
          program();
      },
      [this](const network_programmed& p) { programmed(p); },
      [this](const network_watch_again&) { subscribe_nodes(); },
  };
}

void network_actor::subscribe_nodes() {
  const auto nodes = deps_.env.roles->find<registry_handle>(registry_role("nodes"));
  if (!nodes) {
    this->delayed_send(this, retry_delay, network_watch_again{});
    return;
  }
  // Until all are known again the kernel keeps what it has.
  state_.clear();
  synced_ = false;
  this->monitor(nodes);
  this->send(nodes, subscribe{this, nodes_watch, {}, 0});
}

void network_actor::handle(const watch_batch& batch) {
  for (const auto& e : batch.what.events)
    state_.apply(e);
  if (batch.what.initial_end)
    synced_ = true;
  if (const auto nodes = deps_.env.roles->find<registry_handle>(registry_role("nodes")))
    this->send(nodes, watch_ack{this, batch.watch});
  if (!synced_)
    return;
  if (!state_.pod_cidrs().empty() && state_.take_changed())
    schedule(gather_delay);
  tell();
}

void network_actor::schedule(std::chrono::milliseconds delay) {
  if (programming_) {
    again_ = true;
    return;
  }
  const auto due = this->clock().now() + delay;
  if (due_ != caf::actor_clock::time_point{} && due_ <= due)
    return;
  due_ = due;
  this->delayed_send(this, delay, program_network{++turn_});
}

void network_actor::program() {
  due_ = {};
  if (!synced_ || programming_)
    return;
  programming_ = true;
  deps_.kernel->program(state_.pod_cidrs(), state_.peers(), [address = this->address()](auto done) {
    network_programmed p;
    p.ok = done.has_value();
    if (done)
      p.unreachable = std::move(*done);
    else
      p.message = done.error().message;
    if (auto self = caf::actor_cast<network_handle>(address))
      caf::anon_send(self, std::move(p));
  });
}

void network_actor::programmed(const network_programmed& p) {
  programming_ = false;
  if (!p.ok && p.message != trouble_)
    spdlog::error("pod network: {}", p.message);
  if (p.unreachable != unreachable_)
    for (const auto& sentence : p.unreachable)
      spdlog::warn("pod network: {}", sentence);
  unreachable_ = p.unreachable;
  trouble_ = p.message;
  verdict_ = p.ok ? "False" : "True";
  programmed_ += p.ok ? 1 : 0;
  show_state(p.ok ? "running" : "failing");
  tell();
  schedule(!p.ok ? retry_delay : std::exchange(again_, false) ? gather_delay : deps_.resync);
}

void network_actor::tell() {
  if (telling_ || !state_.knows_itself())
    return;
  namespace json = api::json;
  json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  const auto end = deps_.kernel->own_end();
  const auto annotation = end.vni == 0 ? std::string{} : to_annotation(end);
  if (!annotation.empty() && state_.annotation() != annotation) {
    auto& meta = json::ensure_object(doc, "metadata", a);
    json::set(json::ensure_object(meta, "annotations", a), vxlan_annotation, annotation, a);
    submit(json::to_string(doc), {});
    return;
  }
  if (verdict_.empty() || state_.unavailable() == verdict_)
    return;
  const auto now = api::format_time(deps_.env.clock->now());
  json::value c{rapidjson::kObjectType};
  json::set(c, "type", "NetworkUnavailable", a);
  json::set(c, "status", verdict_, a);
  json::set(c, "reason", verdict_ == "True" ? "NoRouteCreated" : "RouteCreated", a);
  json::set(c, "message",
            verdict_ == "True" ? "the pod network cannot be programmed: " + trouble_
                               : "the routes to the pods of other nodes are programmed",
            a);
  json::set(c, "lastHeartbeatTime", now, a);
  json::set(c, "lastTransitionTime", now, a);
  json::value list{rapidjson::kArrayType};
  list.PushBack(c, a);
  json::set(json::ensure_object(doc, "status", a), "conditions", std::move(list), a);
  submit(json::to_string(doc), "status");
}

void network_actor::submit(const std::string& body, const std::string& subresource) {
  const auto requests = deps_.env.roles->find<requests_handle>(requests_role);
  const auto later = [this] {
    telling_ = false;
    schedule(retry_delay);
  };
  telling_ = true;
  if (!requests) {
    later();
    return;
  }
  api::call c;
  c.verb = api::verb::patch;
  c.patch = api::patch_kind::strategic_merge;
  c.resource = "nodes";
  c.name = deps_.node;
  c.subresource = subresource;
  c.body = body;
  c.user = {"system:node:" + deps_.node, {}, {"system:nodes", "system:authenticated"}};
  call_batch batch;
  batch.calls.push_back(std::move(c));
  this->request(requests, write_deadline, std::move(batch))
      .then(
          [this, later](const call_outcomes& o) {
            if (!o.outcomes.front().ok) {
              spdlog::warn("pod network: cannot write node {}: {}", deps_.node,
                           o.outcomes.front().failure.message);
              later();
              return;
            }
            telling_ = false;
            // The view may be older than the write; its event brings the rest.
            if (const auto& written = o.outcomes.front().object.ptr)
              state_.apply({api::event_kind::modified, written});
            tell();
          },
          [later](const caf::error&) { later(); });
}

std::string network_actor::describe() const {
  std::string ranges = "[";
  for (const auto& range : state_.pod_cidrs())
    ranges += (ranges.size() > 1 ? "," : "") + api::json::quote(range);
  ranges += "]";
  return "{\"peers\":" + std::to_string(state_.peers().size()) + ",\"podCIDRs\":" + ranges +
         ",\"unreachable\":" + std::to_string(unreachable_.size()) +
         ",\"programmed\":" + std::to_string(programmed_) + "}";
}

} // namespace thespis::runtime
