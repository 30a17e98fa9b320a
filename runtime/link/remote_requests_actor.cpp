#include "runtime/link/remote_requests_actor.hpp"

namespace thespis::runtime::link {

using namespace std::chrono_literals;

namespace {

constexpr auto call_deadline = 165s;
constexpr auto look_again = 100ms;

api::error unreachable(std::string why) {
  api::error e;
  e.why = api::reason::service_unavailable;
  e.message = std::move(why);
  e.retry_after_seconds = 1;
  return e;
}

call_outcomes all_failed(size_t n, const api::error& why) {
  call_outcomes res;
  res.outcomes.resize(n);
  for (auto& o : res.outcomes)
    o.failure = why;
  return res;
}

/// The outcomes of a batch's parts, put together.
struct joined {
  call_outcomes outcomes;
  size_t left = 0;
  caf::typed_response_promise<call_outcomes> promise;
  void arrive(size_t at, std::vector<call_outcome> part) {
    for (auto& o : part)
      if (at < outcomes.outcomes.size())
        outcomes.outcomes[at++] = std::move(o);
    if (--left == 0)
      promise.deliver(std::move(outcomes));
  }
};

} // namespace

remote_requests_actor::behavior_type remote_requests_actor::make_behavior() {
  // No answer comes over a link that is lost, and callers have better to do than to wait for it.
  this->set_down_handler([this](const caf::down_msg& down) {
    std::vector<std::pair<uint64_t, size_t>> lost;
    for (const auto& [id, p] : parts_)
      if (p.gateway == down.source)
        lost.emplace_back(id, p.calls);
    for (const auto& [id, n] : lost)
      finish(id, all_failed(n, unreachable("the link to the server was lost")).outcomes);
  });
  show_state("serving");
  return {
      [this](call_batch& batch) -> caf::result<call_outcomes> {
        if (batch.calls.empty())
          return call_outcomes{};
        auto promise = this->make_response_promise<call_outcomes>();
        if (const auto gateway = deps_.env.roles->find<gateway_handle>(gateway_role)) {
          forward(gateway, std::move(batch), promise);
        } else if (waiting_.size() < deps_.max_waiting) {
          if (waiting_.empty())
            this->delayed_send(this, look_again, look_at_waiting{});
          waiting_.push_back({std::move(batch), promise, this->clock().now().time_since_epoch()});
        } else {
          promise.deliver(
              all_failed(batch.calls.size(), unreachable("the server is not reachable")));
        }
        return caf::delegated<call_outcomes>{};
      },
      [this](const look_at_waiting&) { look(); },
  };
}

void remote_requests_actor::look() {
  const auto gateway = deps_.env.roles->find<gateway_handle>(gateway_role);
  const auto now = this->clock().now().time_since_epoch();
  while (!waiting_.empty() && (gateway || now - waiting_.front().since >= deps_.patience)) {
    auto w = std::move(waiting_.front());
    waiting_.pop_front();
    if (gateway)
      forward(gateway, std::move(w.batch), w.promise);
    else
      w.promise.deliver(
          all_failed(w.batch.calls.size(), unreachable("the server is not reachable")));
  }
  if (!waiting_.empty())
    this->delayed_send(this, look_again, look_at_waiting{});
}

void remote_requests_actor::forward(const gateway_handle& gateway, call_batch batch,
                                    caf::typed_response_promise<call_outcomes> promise) {
  auto all = std::make_shared<joined>();
  all->outcomes.outcomes.resize(batch.calls.size());
  all->promise = std::move(promise);
  std::vector<std::pair<size_t, call_batch>> parts;
  size_t bytes = 0;
  for (size_t i = 0; i < batch.calls.size(); ++i) {
    const auto size = batch.calls[i].body.size();
    if (parts.empty() || bytes + size > deps_.message_bytes) {
      parts.emplace_back(i, call_batch{});
      bytes = 0;
    }
    bytes += size;
    parts.back().second.calls.push_back(std::move(batch.calls[i]));
  }
  all->left = parts.size();
  if (gateway.address() != monitored_) {
    monitored_ = gateway.address();
    this->monitor(gateway);
  }
  for (auto& [at, part] : parts) {
    const auto n = part.calls.size();
    const auto id = next_part_++;
    parts_[id] = {gateway.address(),
                  [all, at = at](auto outcomes) { all->arrive(at, std::move(outcomes)); }, n};
    this->request(gateway, call_deadline, std::move(part))
        .then([this, id](call_outcomes& done) { finish(id, std::move(done.outcomes)); },
              [this, id, n](const caf::error& e) {
                finish(id, all_failed(n, unreachable("no answer from the server: " +
                                                     this->system().render(e)))
                               .outcomes);
              });
  }
}

void remote_requests_actor::finish(uint64_t part, std::vector<call_outcome> outcomes) {
  const auto i = parts_.find(part);
  if (i == parts_.end())
    return; // given up with its link
  const auto arrive = std::move(i->second.arrive);
  parts_.erase(i);
  arrive(std::move(outcomes));
}

std::string remote_requests_actor::describe() const {
  return "{\"waiting\":" + std::to_string(waiting_.size()) +
         ",\"inFlight\":" + std::to_string(parts_.size()) + "}";
}

} // namespace thespis::runtime::link
