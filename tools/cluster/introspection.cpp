#include "tools/cluster/introspection.hpp"

#include "api/json.hpp"
#include "runtime/actor_base.hpp"

#include <charconv>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto describe_deadline = 2s;

api::json::value to_json(const runtime::actor_info& i, api::json::allocator& a) {
  api::json::value res{rapidjson::kObjectType};
  const auto number = [&](const char* key, uint64_t v) {
    res.AddMember(rapidjson::StringRef(key), api::json::value{v}, a);
  };
  number("id", i.id);
  number("parent", i.parent);
  api::json::set(res, "kind", i.kind, a);
  api::json::set(res, "name", i.name, a);
  api::json::set(res, "state", i.state, a);
  number("mailbox", i.mailbox);
  number("enqueued", i.enqueued);
  number("handled", i.handled);
  number("busyNanoseconds", i.busy_ns);
  api::json::set(res, "lastMessage", i.last_message, a);
  return res;
}

std::string all_actors(caf::actor_system& sys) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  api::json::value list{rapidjson::kArrayType};
  for (const auto& i : runtime::introspection_of(sys).list())
    list.PushBack(to_json(i, a), a);
  doc.AddMember("actors", list, a);
  return api::json::to_string(doc);
}

std::string one_actor(const runtime::actor_info& i, const std::string& described) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  auto actor = to_json(i, a);
  api::json::value types{rapidjson::kArrayType};
  for (const auto& t : i.by_type) {
    api::json::value entry{rapidjson::kObjectType};
    api::json::set(entry, "type", t.type, a);
    entry.AddMember("count", api::json::value{t.count}, a);
    types.PushBack(entry, a);
  }
  actor.AddMember("messages", types, a);
  if (auto details = api::json::parse(described))
    actor.AddMember("details", api::json::copy(*details, a), a);
  doc.AddMember("actor", actor, a);
  return api::json::to_string(doc);
}

void describe(caf::actor_system& sys, uint64_t id,
              std::function<void(api::result<std::string>)> done) {
  const auto record = runtime::introspection_of(sys).find(id);
  const auto target = record ? record->self() : nullptr;
  if (!target) {
    done(api::fail(api::bad_request("no actor " + std::to_string(id))));
    return;
  }
  const auto handle = caf::actor_cast<runtime::introspectable>(target);
  sys.spawn([record, handle, done = std::move(done)](caf::event_based_actor* self) {
    self->request(handle, describe_deadline, runtime::describe_request{})
        .then([=](const runtime::description& d) { done(one_actor(record->info(true), d.json)); },
              // A stuck actor still has counters to show.
              [=](const caf::error&) { done(one_actor(record->info(true), "{}")); });
  });
}

} // namespace

void run_introspection(caf::actor_system& sys, std::string command,
                       std::function<void(api::result<std::string>)> done) {
  if (command == "ps" || command == "tree" || command == "top") {
    done(all_actors(sys));
    return;
  }
  constexpr std::string_view info = "info ";
  uint64_t id = 0;
  if (command.starts_with(info) &&
      std::from_chars(command.data() + info.size(), command.data() + command.size(), id).ec ==
          std::errc{}) {
    describe(sys, id, std::move(done));
    return;
  }
  done(api::fail(api::bad_request("unknown command \"" + command +
                                  "\"; known are ps, tree, top and info ID")));
}

} // namespace thespis::tools
