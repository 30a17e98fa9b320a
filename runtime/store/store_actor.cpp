#include "runtime/store/store_actor.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <map>

namespace thespis::runtime {

using namespace std::chrono_literals;

namespace {

/// A disk that takes longer than this is broken; the process ends and recovers on restart.
constexpr auto commit_deadline = 120s;

} // namespace

committer_actor::behavior_type committer_actor::make_behavior() {
  return {[this](const commit_job& job) {
    std::vector<stored_change> changes;
    changes.reserve(job.writes->size());
    for (const auto& w : *job.writes) {
      const bool gone = w.kind == api::event_kind::deleted;
      changes.push_back(
          {w.object->resource(), w.object->ns(), w.object->name(), gone ? nullptr : w.object});
    }
    const auto revision = job.writes->back().object->revision();
    sink_->commit(changes, revision);
    return batch_committed{revision};
  }};
}

store_actor::store_actor(caf::actor_config& cfg, store_deps deps)
    : actor_base(cfg, "store"), deps_(std::move(deps)), state_(*deps_.storage, deps_.shared) {}

store_actor::behavior_type store_actor::make_behavior() {
  show_state("serving");
  committer_ = deps_.own_thread
                   ? this->spawn<committer_actor, caf::linked + caf::detached>(deps_.storage)
                   : this->spawn<committer_actor, caf::linked>(deps_.storage);
  return {[this](write_batch& batch) -> caf::result<write_outcomes> {
    handle(batch);
    return caf::delegated<write_outcomes>{};
  }};
}

void store_actor::handle(write_batch& batch) {
  waiting entry{this->make_response_promise<write_outcomes>(), {}};
  entry.outcomes.outcomes.reserve(batch.writes.size());
  bool any = false;
  for (auto& w : batch.writes) {
    auto& outcome = entry.outcomes.outcomes.emplace_back();
    if (auto accepted = state_.accept(std::move(w))) {
      outcome.ok = any = true;
      outcome.object = accepted->object;
    } else {
      outcome.failure = std::move(accepted.error());
    }
  }
  // A refusal may rest on a write that is not durable yet, so it waits for that one, too.
  if (!any && !in_flight_ && !state_.has_batch()) {
    entry.promise.deliver(std::move(entry.outcomes));
    return;
  }
  if (!any && !state_.has_batch())
    in_flight_waiting_.push_back(std::move(entry));
  else
    gathering_waiting_.push_back(std::move(entry));
  if (!in_flight_)
    start_commit();
}

void store_actor::start_commit() {
  in_flight_ = std::make_shared<const std::vector<accepted_write>>(state_.take_batch());
  in_flight_waiting_ = std::exchange(gathering_waiting_, {});
  this->request(committer_, commit_deadline, commit_job{in_flight_})
      .then([this](const batch_committed&) { finish_commit(); },
            [](const caf::error&) {
              spdlog::critical("store: no commit for {} s, giving up", commit_deadline.count());
              std::abort();
            });
}

void store_actor::finish_commit() {
  state_.publish(*in_flight_);
  publish_events();
  for (auto& w : in_flight_waiting_)
    w.promise.deliver(std::move(w.outcomes));
  in_flight_waiting_.clear();
  in_flight_ = nullptr;
  if (state_.has_batch())
    start_commit();
}

void store_actor::publish_events() {
  std::map<std::string_view, publish> by_resource;
  for (const auto& w : *in_flight_)
    by_resource[w.object->resource()].events.push_back({w.kind, w.object, w.previous});
  for (auto& [resource, events] : by_resource) {
    if (auto registry = deps_.roles->find<registry_handle>(registry_role(resource)))
      this->send(registry, std::move(events));
  }
}

std::string store_actor::describe() const {
  return "{\"revision\":" + std::to_string(state_.revision()) +
         ",\"inFlight\":" + std::to_string(in_flight_ ? in_flight_->size() : 0) +
         ",\"waiting\":" + std::to_string(gathering_waiting_.size()) + "}";
}

} // namespace thespis::runtime
