#include "tools/cluster/introspect/to_json.hpp"

#include "api/text/time.hpp"
#include "runtime/environment.hpp"

#include <charconv>

namespace thespis::tools {

namespace json = api::json;

namespace {

void number(json::value& into, std::string_view key, uint64_t v, json::allocator& a) {
  json::set(into, key, json::value{v}, a);
}

uint64_t number_in(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found && found->IsUint64() ? found->GetUint64() : 0;
}

double real_in(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found && found->IsNumber() ? found->GetDouble() : 0;
}

/// The number behind the slash of "machine-1/12".
uint64_t id_in(const json::value& v, std::string_view key) {
  const auto text = json::get_string(v, key);
  const auto digits = text.substr(text.rfind('/') + 1);
  uint64_t res = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), res);
  return res;
}

} // namespace

json::value to_json(const runtime::actor_info& i, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  json::set(res, "id", i.address(), a);
  json::set(res, "parent", i.parent == 0 ? "" : i.machine + "/" + std::to_string(i.parent), a);
  json::set(res, "kind", i.kind, a);
  json::set(res, "name", i.name, a);
  json::set(res, "node", i.machine, a);
  json::set(res, "state", i.state, a);
  number(res, "mailbox", i.mailbox, a);
  number(res, "enqueued", i.enqueued, a);
  number(res, "handled", i.handled, a);
  json::set(res, "messagesPerSecond", json::value{i.rate}, a);
  number(res, "busyNanoseconds", i.busy_ns, a);
  json::set(res, "busyPercent", json::value{i.busy_share * 100}, a);
  number(res, "waits", i.waits, a);
  json::set(res, "running", json::value{i.running}, a);
  json::set(res, "lastMessage", i.last_message, a);
  return res;
}

runtime::actor_info actor_from_json(const json::value& v) {
  runtime::actor_info i;
  i.id = id_in(v, "id");
  i.parent = id_in(v, "parent");
  i.kind = json::get_string(v, "kind");
  i.name = json::get_string(v, "name");
  i.machine = json::get_string(v, "node");
  i.state = json::get_string(v, "state");
  i.mailbox = number_in(v, "mailbox");
  i.enqueued = number_in(v, "enqueued");
  i.handled = number_in(v, "handled");
  i.rate = real_in(v, "messagesPerSecond");
  i.busy_ns = number_in(v, "busyNanoseconds");
  i.busy_share = real_in(v, "busyPercent") / 100;
  i.waits = number_in(v, "waits");
  i.running = json::get_bool(v, "running");
  i.last_message = json::get_string(v, "lastMessage");
  return i;
}

json::value to_json(const std::vector<runtime::actor_info>& all, json::allocator& a) {
  json::value res{rapidjson::kArrayType};
  for (const auto& i : all)
    res.PushBack(to_json(i, a), a);
  return res;
}

json::value to_json(const std::vector<std::string>& texts, json::allocator& a) {
  json::value res{rapidjson::kArrayType};
  for (const auto& t : texts)
    res.PushBack(json::make_string(t, a), a);
  return res;
}

json::value to_json(const runtime::machine_info& m, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  json::set(res, "name", m.name, a);
  json::set(res, "state", "up", a);
  json::set(res, "process", m.node, a);
  number(res, "pid", m.pid, a);
  number(res, "actors", m.actors, a);
  number(res, "threads", m.threads, a);
  number(res, "memoryBytes", m.memory, a);
  number(res, "upNanoseconds", m.up_ns, a);
  number(res, "cpuNanoseconds", m.cpu_ns, a);
  number(res, "traces", m.traces, a);
  json::set(res, "logLevel", m.log_level, a);
  return res;
}

json::value to_json(const runtime::actor_detail& d, json::allocator& a) {
  auto res = to_json(d.actor, a);
  json::set(res, "parentName", d.parent_name, a);
  json::value types{rapidjson::kArrayType};
  for (const auto& t : d.actor.by_type) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "type", t.type, a);
    number(entry, "count", t.count, a);
    types.PushBack(entry, a);
  }
  json::set(res, "messages", std::move(types), a);
  json::value waits{rapidjson::kArrayType};
  for (const auto& w : d.waits)
    waits.PushBack(json::make_string((w.machine.empty() ? d.actor.machine : w.machine) + "/" +
                                         std::to_string(w.target),
                                     a),
                   a);
  json::set(res, "waitsFor", std::move(waits), a);
  json::set(res, "answered", json::value{d.answered}, a);
  if (auto details = json::parse(d.described))
    json::set(res, "details", json::copy(*details, a), a);
  return res;
}

json::value to_json(const runtime::trace_event& e, const std::string& machine, json::allocator& a) {
  const auto actor = [&](const std::string& name, uint64_t id) {
    json::value v{rapidjson::kObjectType};
    json::set(v, "name", name, a);
    json::set(v, "id", id == 0 ? "" : machine + "/" + std::to_string(id), a);
    return v;
  };
  json::value res{rapidjson::kObjectType};
  json::set(res, "time", api::format_micro_time(runtime::wall_time{std::chrono::nanoseconds{e.at}}),
            a);
  json::set(res, "from", actor(e.sender, e.sender_id), a);
  json::set(res, "to", actor(e.receiver, e.receiver_id), a);
  json::set(res, "node", machine, a);
  json::set(res, "type", e.type, a);
  json::set(res, "answer", json::value{e.answer}, a);
  number(res, "bytes", e.size, a);
  json::set(res, "text", e.text, a);
  return res;
}

void add_silent(json::document& doc, const std::vector<std::string>& silent) {
  if (!silent.empty())
    json::set(doc, "silent", to_json(silent, doc.GetAllocator()), doc.GetAllocator());
}

} // namespace thespis::tools
