// The messages that a person may send by name: those whose receiver takes them at any time.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <caf/actor.hpp>
#include <caf/deep_to_string.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// A message type with a form in JSON.
struct sendable {
  std::string type;               ///< as it is registered for the wire
  std::vector<std::string> kinds; ///< of actors that understand it; empty: all
  std::string fields;             ///< what the JSON holds, for a person: "{\"ns\":…}"
  std::function<api::result<caf::message>(const api::json::value&)> make;
  /// Gets the answer, rendered, and then ends the actor that asks; null: there is none.
  std::function<void(caf::event_based_actor* asker, const caf::actor& target, const caf::message&,
                     std::function<void(api::result<std::string>)> done)>
      ask = nullptr;
};

inline constexpr std::chrono::seconds ask_deadline{10};

/// How an answer of that type is fetched and shown.
template <class Reply>
auto ask_for(std::string (*show)(const Reply&) = [](const Reply& r) {
  return caf::deep_to_string(r);
}) {
  return [show](caf::event_based_actor* asker, const caf::actor& target, const caf::message& m,
                std::function<void(api::result<std::string>)> done) {
    asker->request(target, ask_deadline, m)
        .then([done, show](const Reply& r) { done(show(r)); },
              [done, asker](const caf::error& e) {
                done(api::fail(api::internal_error(asker->system().render(e))));
              });
  };
}

class sendable_messages {
public:
  void add(sendable s) { all_.push_back(std::move(s)); }
  const std::vector<sendable>& all() const { return all_; }

  /// The message for an actor of that kind. Errors: bad_request for an unknown type, one that the
  /// kind does not understand or that has no answer, and fields that do not fit.
  api::result<caf::message> make(std::string_view type, std::string_view kind,
                                 std::string_view json, bool asks) const;
  /// Null when there is none of that name.
  const sendable* find(std::string_view type) const;

private:
  std::vector<sendable> all_;
};

/// Reads the members of a JSON object one by one, and complains about those nobody read.
class field_reader {
public:
  explicit field_reader(const api::json::value& from) : from_(from) {}

  std::string text(std::string_view key, bool required = true);
  uint64_t number(std::string_view key);
  bool flag(std::string_view key);
  /// The message, unless a field was missing, of another type or unknown.
  template <class Message>
  api::result<caf::message> finish(Message m) {
    if (auto ok = check(); !ok)
      return api::fail(std::move(ok.error()));
    return caf::make_message(std::move(m));
  }

private:
  const api::json::value* take(std::string_view key);
  api::result<void> check() const;

  const api::json::value& from_;
  std::vector<std::string> known_;
  std::string trouble_;
};

/// A message without fields.
template <class Message>
sendable bare_message(std::string type, std::vector<std::string> kinds) {
  return {std::move(type), std::move(kinds), "{}",
          [](const api::json::value& v) { return field_reader{v}.finish(Message{}); }};
}

/// Those that every actor understands.
void add_runtime_sendables(sendable_messages& to);

} // namespace thespis::runtime
