// The base of every actor of ours: typed messages from CAF, and the counters that the
// introspection shell shows.
#pragma once

#include "runtime/introspection.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace thespis::runtime {

/// Asks any actor of ours for its state in its own words; answered by the base.
struct describe_request {};

/// What an actor says about itself: a JSON object.
struct description {
  std::string json;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, describe_request&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, description& x) {
  return f(x.json);
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

protected:
  using consume_result = caf::invoke_message_result;

  consume_result consume(caf::mailbox_element& x) override {
    const running_scope scope{this->id()};
    const auto& content = x.content();
    const auto* type = content.size() > 0 ? content.type(0).second : nullptr;
    if (type && *type == typeid(describe_request)) {
      reply_description(x);
      return consume_result::consumed;
    }
    if (!record_->next_is_timed()) {
      auto res = super::consume(x);
      record_->count_handled(type, 0);
      return res;
    }
    const auto begin = std::chrono::steady_clock::now();
    auto res = super::consume(x);
    const auto spent = std::chrono::steady_clock::now() - begin;
    record_->count_handled(type, static_cast<uint64_t>(spent.count()));
    return res;
  }

  /// The actor's state as JSON for `inspect`; runs on the actor, between messages.
  virtual std::string describe() const { return "{}"; }

  /// Names the lifecycle state that `ps` shows.
  void show_state(std::string_view state) { record_->set_state(state); }

private:
  void reply_description(caf::mailbox_element& x) {
    if (x.sender && x.mid.is_request())
      x.sender->enqueue(this->ctrl(), x.mid.response_id(),
                        caf::make_message(description{describe()}), this->context());
    record_->count_handled(&typeid(describe_request), 0);
  }

  std::shared_ptr<actor_record> record_;
};

} // namespace thespis::runtime
