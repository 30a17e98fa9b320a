// The base of every actor of ours: typed messages from CAF, and the counters that the
// introspection shell shows.
#pragma once

#include "runtime/introspection.hpp"
#include "runtime/introspection/trace.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

namespace thespis::runtime {

/// Asks any actor of ours for its state in its own words; answered by the base.
struct describe_request {};

/// What an actor says about itself: a JSON object, and whose answers it waits for.
struct description {
  std::string json;
  std::vector<awaited_answer> waits;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, describe_request&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, description& x) {
  return f(x.json, x.waits);
}

/// The role that every actor of ours plays besides its own.
using introspectable = caf::typed_actor<caf::replies_to<describe_request>::with<description>>;

/// Base class of an actor with the interface `Handle` (a caf::typed_actor).
/// Derive, take `caf::actor_config&` first and one `deps` struct second, and override
/// `make_behavior`. The record lives from construction to termination.
template <class Handle>
class actor_base : public Handle::base {
public:
  using super = typename Handle::base;
  using behavior_type = typename Handle::behavior_type;

  /// `kind` is the family ("pod"), `object` the one this actor stands for ("default/web-1").
  actor_base(caf::actor_config& cfg, std::string_view kind, std::string object = {})
      : super(cfg),
        record_(introspection_of(this->system())
                    .add(this->id(), running_actor(), std::string{kind}, std::move(object))) {}

  ~actor_base() override { introspection_of(this->system()).remove(this->id()); }

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override {
    record_->count_enqueued();
    super::enqueue(std::move(what), host);
  }

  void initialize() override {
    record_->set_self(caf::weak_actor_ptr{this->ctrl()});
    const running_scope scope{this->id()};
    super::initialize();
  }

  void on_exit() override { introspection_of(this->system()).remove(this->id()); }

  /// As CAF's, and remembers who was asked until the answer, or the deadline, is there.
  template <class Target, class Rep, class Period, class... Ts>
  auto request(const Target& target, std::chrono::duration<Rep, Period> deadline, Ts&&... xs) {
    auto res = super::request(target, deadline, std::forward<Ts>(xs)...);
    if (const auto whom = caf::actor_cast<caf::actor_addr>(target)) {
      waits_.emplace_back(res.id(), whom);
      record_->set_waits(waits_.size());
    }
    return res;
  }

protected:
  using consume_result = caf::invoke_message_result;

  consume_result consume(caf::mailbox_element& x) override {
    const running_scope scope{this->id()};
    const auto* type = type_of(x);
    if (type == &typeid(describe_request)) {
      reply_description(x);
      return consume_result::consumed;
    }
    if (tracing.load(std::memory_order_relaxed))
      introspection_of(this->system()).traces().note(this->system(), *record_, x);
    if (!waits_.empty() && x.mid.is_response())
      stop_waiting(x.mid);
    auto& record = *record_;
    const bool timed = record.next_is_timed();
    const auto begin = timed ? steady_nanoseconds() : 0;
    record.begin_handling(type);
    const auto res = super::consume(x);
    if (timed)
      record.end_handling(type, begin, steady_nanoseconds());
    else
      record.end_handling(type);
    return res;
  }

  /// The actor's state as JSON for `inspect`; runs on the actor, between messages.
  virtual std::string describe() const { return "{}"; }

  /// Names the lifecycle state that `ps` shows.
  void show_state(std::string_view state) { record_->set_state(state); }

private:
  /// The type of a message's first value; null for an empty one and for types that are CAF's own.
  const std::type_info* type_of(const caf::mailbox_element& x) {
    const auto* element = &typeid(x);
    if (element == known_element_)
      return known_type_;
    const auto& content = x.content();
    const auto* res = content.size() > 0 ? content.type(0).second : nullptr;
    // An element that holds its values is of a class for just these types, which need not be asked
    // for again: that is three virtual calls. One that leads to values elsewhere may bring any.
    if (dynamic_cast<const void*>(&content) == dynamic_cast<const void*>(&x)) {
      known_element_ = element;
      known_type_ = res;
    }
    return res;
  }

  void reply_description(caf::mailbox_element& x) {
    if (x.sender && x.mid.is_request()) {
      description d{describe(), {}};
      for (const auto& [mid, whom] : waits_)
        d.waits.push_back({mid.integer_value() & caf::message_id::request_id_mask, whom.id(),
                           whom.node() == this->node() ? std::string{} : to_string(whom.node())});
      x.sender->enqueue(this->ctrl(), x.mid.response_id(), caf::make_message(std::move(d)),
                        this->context());
    }
    record_->begin_handling(&typeid(describe_request));
    record_->end_handling(&typeid(describe_request));
  }

  void stop_waiting(caf::message_id mid) {
    // The other bits tell how urgent it is, and whether it is answered.
    constexpr auto number = caf::message_id::request_id_mask;
    const auto i = std::find_if(waits_.begin(), waits_.end(), [&](const auto& w) {
      return (w.first.integer_value() & number) == (mid.integer_value() & number);
    });
    if (i == waits_.end())
      return;
    *i = std::move(waits_.back());
    waits_.pop_back();
    record_->set_waits(waits_.size());
  }

  record_ptr record_;
  const std::type_info* known_element_ = nullptr; ///< the class of the last element of its own
  const std::type_info* known_type_ = nullptr;    ///< ... and the type of what such ones bring
  std::vector<std::pair<caf::message_id, caf::actor_addr>> waits_;
};

} // namespace thespis::runtime
