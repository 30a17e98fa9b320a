#include "actors/scheduler/scheduler_actor.hpp"

#include "actors/scheduler/scheduler_writes.hpp"
#include "runtime/introspection/journal.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto write_deadline = 180s;
constexpr auto resubscribe_delay = 100ms;
/// Pods of one plan: large enough to fill a commit, small enough that the mailbox gets a turn.
constexpr size_t plan_size = 512;

/// What it follows, and how the state takes it. The first two make work.
struct followed {
  const char* resource;
  void (scheduler_state::*apply)(const api::watch_event&);
};
constexpr std::array<followed, 7> all_followed{{
    {"namespaces", &scheduler_state::apply_namespace},
    {"poddisruptionbudgets.policy", &scheduler_state::apply_budget},
    {"storageclasses.storage.k8s.io", &scheduler_state::apply_class},
    {"persistentvolumes", &scheduler_state::apply_volume},
    {"persistentvolumeclaims", &scheduler_state::apply_claim},
    {"nodes", &scheduler_state::apply_node},
    {"pods", &scheduler_state::apply_pod},
}};
constexpr uint64_t watches = all_followed.size();

const api::user_info& scheduler_user() {
  static const api::user_info self{scheduler_user_name, {}, {"system:masters"}};
  return self;
}

std::string binding_body(const api::object& pod, const std::string& node) {
  return R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":)" +
         api::json::quote(pod.name()) + R"(,"namespace":)" + api::json::quote(pod.ns()) +
         R"(,"uid":)" + api::json::quote(pod.uid()) +
         R"(},"target":{"apiVersion":"v1","kind":"Node","name":)" + api::json::quote(node) + "}}";
}

} // namespace

std::vector<std::string> scheduler_resources() {
  std::vector<std::string> res;
  for (const auto& f : all_followed)
    res.emplace_back(f.resource);
  return res;
}

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
        if (auto ready = state_->with_volumes(now()); !ready.empty())
          bind(std::move(ready));
        if (state_->retry(now()))
          wake();
        arm_retry();
      },
      [this](const watch_again&) { subscribe_all(); },
  };
}

void scheduler_actor::subscribe_all() {
  std::vector<runtime::registry_handle> registries;
  for (const auto& f : all_followed)
    registries.push_back(
        deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(f.resource)));
  if (!std::all_of(registries.begin(), registries.end(), [](const auto& r) { return bool{r}; })) {
    this->delayed_send(this, resubscribe_delay, watch_again{});
    return;
  }
  // What was assumed comes back as bindings; what was not is scheduled anew.
  for (uint64_t i = 0; i < watches; ++i)
    this->send(registries[i], runtime::unsubscribe{this, generation_ * watches + i});
  ++generation_;
  state_ = std::make_unique<scheduler_state>(deps_.name);
  unsynced_ = watches;
  for (uint64_t i = 0; i < watches; ++i) {
    this->monitor(registries[i]);
    this->send(registries[i], runtime::subscribe{this, generation_ * watches + i, {}, 0});
  }
}

void scheduler_actor::handle(const runtime::watch_batch& batch) {
  if (batch.watch / watches != generation_)
    return;
  const auto& from = all_followed[batch.watch % watches];
  for (const auto& e : batch.what.events)
    (*state_.*from.apply)(e);
  if (batch.what.initial_end && unsynced_ > 0 && --unsynced_ == 0)
    show_state("running");
  if (const auto registry =
          deps_.env.roles->find<runtime::registry_handle>(runtime::registry_role(from.resource)))
    this->send(registry, runtime::watch_ack{this, batch.watch});
  if (auto ready = state_->with_volumes(now()); !ready.empty())
    bind(std::move(ready));
  if (state_->retry(now()) || state_->has_work())
    wake();
  arm_retry();
}

void scheduler_actor::wake() {
  if (scheduled_ || unsynced_ > 0)
    return;
  scheduled_ = true;
  this->send(this, schedule_now{});
}

void scheduler_actor::run() {
  scheduled_ = false;
  auto plan = state_->schedule(plan_size, now());
  std::vector<placement> fits;
  std::vector<placement> failed;
  std::vector<placement> waiting; // for their volumes
  for (auto& p : plan)
    (p.node.empty() ? failed : p.volumes.empty() ? fits : waiting).push_back(std::move(p));
  if (!waiting.empty())
    bind_volumes(waiting);
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
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(deps_.requests_role);
  if (!requests) {
    for (const auto& p : plan)
      state_->binding_failed(p.pod->uid(), now());
    return;
  }
  runtime::call_batch batch;
  for (const auto& p : plan) {
    api::call c;
    c.verb = api::verb::create;
    c.resource = "pods";
    c.ns = p.pod->ns();
    c.name = p.pod->name();
    c.subresource = "binding";
    c.body = binding_body(*p.pod, p.node);
    c.user = scheduler_user();
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
            for (auto& c : events.calls)
              c.user = scheduler_user();
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

void scheduler_actor::bind_volumes(const std::vector<placement>& waiting) {
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(deps_.requests_role);
  for (const auto& p : waiting) {
    if (!requests) {
      state_->binding_failed(p.pod->uid(), now());
      continue;
    }
    runtime::call_batch batch;
    batch.calls = volume_calls(p);
    for (auto& c : batch.calls)
      c.user = scheduler_user();
    const auto failed = [this, uid = p.pod->uid()] {
      state_->binding_failed(uid, now());
      arm_retry();
    };
    this->request(requests, write_deadline, std::move(batch))
        .then(
            [failed](const runtime::call_outcomes& o) {
              if (!std::all_of(o.outcomes.begin(), o.outcomes.end(),
                               [](const auto& x) { return x.ok; }))
                failed();
            },
            [failed](const caf::error&) { failed(); });
  }
}

void scheduler_actor::note_failures(const std::vector<placement>& failed) {
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(deps_.requests_role);
  if (!requests)
    return;
  const auto at = deps_.env.clock->now();
  runtime::call_batch batch;
  const auto tell = [&](event_note note) {
    note.api_version = "v1";
    if (auto call = recorder_.record(note, at))
      batch.calls.push_back(std::move(*call));
  };
  for (const auto& p : failed) {
    for (const auto& v : p.victims) {
      for (auto& c : eviction_calls(v, deps_.name, at))
        batch.calls.push_back(std::move(c));
      tell(preempted_note(v, p));
    }
    for (const auto& o : p.outranked)
      batch.calls.push_back(nomination_call(*o, {}));
    if (auto call = unschedulable_call(p, at))
      batch.calls.push_back(std::move(*call));
    runtime::note(deps_.env, {"pods", p.pod->ns(), p.pod->name()}, "scheduler", "no node fits",
                  p.message);
    event_note note;
    note.type = "Warning";
    note.reason = "FailedScheduling";
    note.message = p.message;
    note.about = p.pod;
    note.kind = "Pod";
    tell(std::move(note));
  }
  for (auto& c : batch.calls)
    c.user = scheduler_user();
  this->request(requests, write_deadline, std::move(batch))
      .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
}

std::string scheduler_actor::describe() const {
  return "{\"nodes\":" + std::to_string(state_->nodes()) +
         ",\"waiting\":" + std::to_string(state_->waiting()) +
         ",\"bound\":" + std::to_string(bound_) + "}";
}

} // namespace thespis::actors
