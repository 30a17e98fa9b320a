#include "actors/scheduler/scheduler_actor.hpp"

#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <spdlog/spdlog.h>

#include <optional>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto write_deadline = 180s;
constexpr auto resubscribe_delay = 100ms;
/// Pods of one plan: large enough to fill a commit, small enough that the mailbox gets a turn.
constexpr size_t plan_size = 512;

constexpr uint64_t nodes_watch = 0;
constexpr uint64_t pods_watch = 1;

std::string binding_body(const api::object& pod, const std::string& node) {
  return R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":)" +
         api::json::quote(pod.name()) + R"(,"namespace":)" + api::json::quote(pod.ns()) +
         R"(,"uid":)" + api::json::quote(pod.uid()) +
         R"(},"target":{"apiVersion":"v1","kind":"Node","name":)" + api::json::quote(node) + "}}";
}

std::string unschedulable_patch(const std::string& message, const std::string& time) {
  // The only condition of a pod that no node has yet.
  return R"({"status":{"conditions":[{"type":"PodScheduled","status":"False",)"
         R"("reason":"Unschedulable","lastTransitionTime":")" +
         time + R"(","message":)" + api::json::quote(message) + "}]}}";
}

/// As the pod shows it already, if it does.
std::optional<api::v1::pod_condition> unschedulable_condition(const api::object& pod) {
  for (const auto& c : api::typed<api::v1::pod>(pod)->status.conditions)
    if (c.type == "PodScheduled" && c.status == "False" && c.reason == "Unschedulable")
      return c;
  return std::nullopt;
}

} // namespace

scheduler_actor::scheduler_actor(caf::actor_config& cfg, scheduler_deps deps)
    : actor_base(cfg, "scheduler"), deps_(std::move(deps)),
      state_(std::make_unique<scheduler_state>(deps_.name)),
      recorder_(deps_.name, deps_.env.random) {}

scheduler_actor::behavior_type scheduler_actor::make_behavior() {
  this->set_down_handler(
      [this](const caf::down_msg&) { this->delayed_send(this, resubscribe_delay, watch_again{}); });
  show_state("syncing");
  subscribe_all();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { subscribe_all(); },
      [this](const schedule_now&) { run(); },
      [this](const retry_unschedulable& m) {
        if (m.timer != retry_timer_)
          return;
        retry_at_.reset();
        if (state_->retry(now()))
          wake();
        arm_retry();
      },
      [this](const watch_again&) { subscribe_all(); },
  };
}

void scheduler_actor::subscribe_all() {
  const auto nodes =
      deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role("nodes"));
  const auto pods = deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role("pods"));
  if (!nodes || !pods) {
    this->delayed_send(this, resubscribe_delay, watch_again{});
    return;
  }
  // What was assumed comes back as bindings; what was not is scheduled anew.
  for (const auto watch : {nodes_watch, pods_watch})
    this->send(watch == nodes_watch ? nodes : pods,
               runtime::unsubscribe{this, generation_ * 2 + watch});
  ++generation_;
  state_ = std::make_unique<scheduler_state>(deps_.name);
  nodes_synced_ = pods_synced_ = false;
  this->monitor(nodes);
  this->monitor(pods);
  this->send(nodes, runtime::subscribe{this, generation_ * 2 + nodes_watch, {}, 0});
  this->send(pods, runtime::subscribe{this, generation_ * 2 + pods_watch, {}, 0});
}

void scheduler_actor::handle(const runtime::watch_batch& batch) {
  const auto watch = batch.watch % 2;
  if (batch.watch / 2 != generation_)
    return;
  for (const auto& e : batch.what.events) {
    if (watch == nodes_watch)
      state_->apply_node(e);
    else
      state_->apply_pod(e);
  }
  if (batch.what.initial_end)
    (watch == nodes_watch ? nodes_synced_ : pods_synced_) = true;
  const auto registry = deps_.env.roles->find<runtime::registry_handle>(
      runtime::registry_role(watch == nodes_watch ? "nodes" : "pods"));
  if (registry)
    this->send(registry, runtime::watch_ack{this, batch.watch});
  if (state_->retry(now()) || state_->has_work())
    wake();
  arm_retry();
}

void scheduler_actor::wake() {
  if (scheduled_ || !nodes_synced_ || !pods_synced_)
    return;
  show_state("running");
  scheduled_ = true;
  this->send(this, schedule_now{});
}

void scheduler_actor::run() {
  scheduled_ = false;
  auto plan = state_->schedule(plan_size, now());
  std::vector<placement> fits;
  std::vector<placement> failed;
  for (auto& p : plan)
    (p.node.empty() ? failed : fits).push_back(std::move(p));
  if (!fits.empty())
    bind(std::move(fits));
  if (!failed.empty())
    note_failures(failed);
  if (state_->has_work())
    wake();
  arm_retry();
}

void scheduler_actor::arm_retry() {
  const auto due = state_->next_retry();
  // A node that changed brings the retry forward, from minutes to what is left of the back-off.
  if (!due || (retry_at_ && *retry_at_ <= *due))
    return;
  retry_at_ = due;
  this->delayed_send(this, std::max<scheduler_state::time>(*due - now(), 10ms),
                     retry_unschedulable{++retry_timer_});
}

void scheduler_actor::bind(std::vector<placement> plan) {
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests) {
    for (const auto& p : plan)
      state_->binding_failed(p.pod->uid(), now());
    return;
  }
  const api::user_info self{"system:kube-scheduler", {}, {"system:masters"}};
  runtime::call_batch batch;
  for (const auto& p : plan) {
    api::call c;
    c.verb = api::verb::create;
    c.resource = "pods";
    c.ns = p.pod->ns();
    c.name = p.pod->name();
    c.subresource = "binding";
    c.body = binding_body(*p.pod, p.node);
    c.user = self;
    batch.calls.push_back(std::move(c));
  }
  auto shared = std::make_shared<std::vector<placement>>(std::move(plan));
  this->request(requests, write_deadline, std::move(batch))
      .then(
          [this, shared, requests](const runtime::call_outcomes& o) {
            runtime::call_batch events;
            for (size_t i = 0; i < shared->size(); ++i) {
              const auto& p = (*shared)[i];
              if (!o.outcomes[i].ok) {
                spdlog::debug("scheduler: cannot bind {}/{}: {}", p.pod->ns(), p.pod->name(),
                              o.outcomes[i].failure.message);
                state_->binding_failed(p.pod->uid(), now());
                continue;
              }
              ++bound_;
              event_note note;
              note.reason = "Scheduled";
              note.message =
                  "Successfully assigned " + p.pod->ns() + "/" + p.pod->name() + " to " + p.node;
              note.about = p.pod;
              note.kind = "Pod";
              note.api_version = "v1";
              if (auto call = recorder_.record(note, deps_.env.clock->now()))
                events.calls.push_back(std::move(*call));
            }
            this->request(requests, write_deadline, std::move(events))
                .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
            arm_retry();
          },
          [this, shared](const caf::error&) {
            for (const auto& p : *shared)
              state_->binding_failed(p.pod->uid(), now());
            arm_retry();
          });
}

void scheduler_actor::note_failures(const std::vector<placement>& failed) {
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests)
    return;
  const auto at = deps_.env.clock->now();
  const api::user_info self{"system:kube-scheduler", {}, {"system:masters"}};
  runtime::call_batch batch;
  for (const auto& p : failed) {
    const auto known = unschedulable_condition(*p.pod);
    if (!known || known->message != p.message) {
      const auto since = known ? known->last_transition_time : api::format_time(at);
      auto patch = patch_call("pods", {p.pod->ns(), p.pod->name()},
                              unschedulable_patch(p.message, since), "status");
      patch.user = self;
      batch.calls.push_back(std::move(patch));
    }
    event_note note;
    note.type = "Warning";
    note.reason = "FailedScheduling";
    note.message = p.message;
    note.about = p.pod;
    note.kind = "Pod";
    note.api_version = "v1";
    if (auto call = recorder_.record(note, at))
      batch.calls.push_back(std::move(*call));
  }
  this->request(requests, write_deadline, std::move(batch))
      .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
}

std::string scheduler_actor::describe() const {
  return "{\"nodes\":" + std::to_string(state_->nodes()) +
         ",\"waiting\":" + std::to_string(state_->waiting()) +
         ",\"bound\":" + std::to_string(bound_) + "}";
}

} // namespace thespis::actors
