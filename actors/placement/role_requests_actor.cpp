#include "actors/placement/role_requests_actor.hpp"

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

/// Longer than the request bridge's own limit.
constexpr auto call_deadline = 170s;

runtime::call_outcomes all_failed(size_t n, const std::string& why) {
  runtime::call_outcomes res;
  res.outcomes.resize(n);
  for (auto& o : res.outcomes) {
    o.failure.why = api::reason::service_unavailable;
    o.failure.message = why;
    o.failure.retry_after_seconds = 1;
  }
  return res;
}

} // namespace

role_requests_actor::behavior_type role_requests_actor::make_behavior() {
  show_state("serving");
  return {
      [this](runtime::call_batch& batch) -> caf::result<runtime::call_outcomes> {
        const auto n = batch.calls.size();
        const auto requests =
            deps_.env.roles->find<runtime::requests_handle>(runtime::requests_role);
        if (!requests)
          return all_failed(n, "the request bridge is not available");
        in_flight_ += n;
        auto promise = this->make_response_promise<runtime::call_outcomes>();
        this->request(requests, call_deadline, std::move(batch))
            .then(
                [this, promise, n](runtime::call_outcomes& done) mutable {
                  promise.deliver(std::move(done));
                  finish(n);
                },
                [this, promise, n](const caf::error& e) mutable {
                  promise.deliver(all_failed(n, this->system().render(e)));
                  finish(n);
                });
        return caf::delegated<runtime::call_outcomes>{};
      },
      [this](const drain_calls&) -> caf::result<calls_drained> {
        if (in_flight_ == 0)
          return calls_drained{};
        show_state("draining");
        waiting_.push_back(this->make_response_promise<calls_drained>());
        return caf::delegated<calls_drained>{};
      },
  };
}

void role_requests_actor::finish(size_t calls) {
  in_flight_ -= calls;
  if (in_flight_ > 0)
    return;
  for (auto& w : std::exchange(waiting_, {}))
    w.deliver(calls_drained{});
}

std::string role_requests_actor::describe() const {
  return "{\"inFlight\":" + std::to_string(in_flight_) + "}";
}

} // namespace thespis::actors
