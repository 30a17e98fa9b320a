#include "runtime/introspection/sendable.hpp"

#include "runtime/actor_base.hpp"

#include <algorithm>

namespace thespis::runtime {

namespace {

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

bool understands(const sendable& s, std::string_view kind) {
  return s.kinds.empty() || std::find(s.kinds.begin(), s.kinds.end(), kind) != s.kinds.end();
}

} // namespace

const sendable* sendable_messages::find(std::string_view type) const {
  const auto i =
      std::find_if(all_.begin(), all_.end(), [&](const sendable& s) { return s.type == type; });
  return i == all_.end() ? nullptr : &*i;
}

api::result<caf::message> sendable_messages::make(std::string_view type, std::string_view kind,
                                                  std::string_view json, bool asks) const {
  const auto* known = find(type);
  if (!known || !understands(*known, kind)) {
    std::string can;
    for (const auto& s : all_)
      if (understands(s, kind) && (!asks || s.ask))
        can += (can.empty() ? "" : ", ") + s.type;
    return wrong((!known ? "no message \"" + std::string{type} + "\" can be sent by name"
                         : "a " + std::string{kind} + " does not understand " + known->type) +
                 "; to a " + std::string{kind} + " there are: " + can);
  }
  if (asks && !known->ask)
    return wrong(known->type + " has no answer; use send");
  const auto doc = api::json::parse(json.empty() ? "{}" : json);
  if (!doc)
    return wrong(known->type + ": " + doc.error().message);
  if (!doc->IsObject())
    return wrong(known->type + " takes an object: " + known->fields);
  auto res = known->make(*doc);
  if (!res)
    return wrong(known->type + ": " + res.error().message + "; it takes " + known->fields);
  return res;
}

const api::json::value* field_reader::take(std::string_view key) {
  known_.emplace_back(key);
  return api::json::find(from_, key);
}

std::string field_reader::text(std::string_view key, bool required) {
  const auto* v = take(key);
  if (v && v->IsString())
    return {v->GetString(), v->GetStringLength()};
  if (trouble_.empty() && (v || required))
    trouble_ = "\"" + std::string{key} + (v ? "\" must be a string" : "\" is missing");
  return {};
}

uint64_t field_reader::number(std::string_view key) {
  const auto* v = take(key);
  if (v && v->IsUint64())
    return v->GetUint64();
  if (trouble_.empty() && v)
    trouble_ = "\"" + std::string{key} + "\" must be a number, not negative";
  return 0;
}

bool field_reader::flag(std::string_view key) {
  const auto* v = take(key);
  if (trouble_.empty() && v && !v->IsBool())
    trouble_ = "\"" + std::string{key} + "\" must be true or false";
  return v && v->IsBool() && v->GetBool();
}

api::result<void> field_reader::check() const {
  if (!trouble_.empty())
    return wrong(trouble_);
  for (const auto& m : from_.GetObject()) {
    const auto name = api::json::as_string(m.name);
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      return wrong("there is no field \"" + std::string{name} + "\"");
  }
  return {};
}

void add_runtime_sendables(sendable_messages& to) {
  auto describe = bare_message<describe_request>("describe_request", {});
  describe.ask = ask_for<description>([](const description& d) { return d.json; });
  to.add(std::move(describe));
}

} // namespace thespis::runtime
