// What touches actors: each change is done on their machine, and recorded as an Event.
#include "tools/cluster/introspect/actor_objects.hpp"
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/to_json.hpp"

#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto change_deadline = 13s;

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

/// What stands behind the first `n` words of the line.
std::string behind(const std::string& line, size_t n) {
  size_t at = 0;
  for (; n > 0 && at != std::string::npos; --n) {
    at = line.find_first_not_of(" \t", at);
    at = at == std::string::npos ? at : line.find_first_of(" \t", at);
  }
  at = at == std::string::npos ? at : line.find_first_not_of(" \t", at);
  return at == std::string::npos ? std::string{} : line.substr(at);
}

/// "kill" as the reason of an Event.
std::string reason_of(std::string verb) {
  verb.front() = static_cast<char>(verb.front() - 'a' + 'A');
  return "Actor" + verb;
}

} // namespace

void introspection_service::change(const std::string& command, const words& w,
                                   const api::user_info& user, answer done) {
  const auto verb = w.empty() ? std::string{} : w.front();
  if (verb == "loglevel") {
    if (w.size() == 2)
      log_level(w[1], &user, std::move(done));
    else
      done(wrong("loglevel takes one level"));
    return;
  }
  if (verb == "move") {
    if (w.size() == 3)
      move(command, w[1], w[2], user, std::move(done));
    else
      done(wrong("move takes a role, as `roles` lists them, and a machine"));
    return;
  }
  const bool tells = verb == "send" || verb == "ask";
  if (!tells && verb != "kill" && verb != "restart") {
    done(wrong("unknown change \"" + verb + "\""));
    return;
  }
  if (tells ? w.size() < 3 : w.size() != 2) {
    done(wrong(verb + (tells ? " takes an actor, a message type and its fields as JSON"
                             : " takes one actor")));
    return;
  }
  runtime::change_actor c;
  c.verb = verb;
  if (tells) {
    c.type = w[2];
    c.json = behind(command, 3);
  }
  resolve(w[1], done, [=, this](const found_actor& f) mutable {
    c.id = f.id;
    ask_machines<runtime::actor_changed>(
        deps_.sys, {f.where}, c, change_deadline,
        [this, done, user, command, f](gathered<runtime::actor_changed> all) {
          runtime::actor_changed res;
          if (all.answers.empty())
            res.failure = api::internal_error(f.where.machine + " does not answer");
          else
            res = std::move(all.answers.front().second);
          const auto address = f.where.machine + "/" + std::to_string(f.id);
          record_change(user, command, object_name_of(f.where.machine, f.id),
                        res.actor.empty() ? address : res.actor, res.ok,
                        res.ok ? res.text : res.failure.message);
          if (!res.ok) {
            done(api::fail(std::move(res.failure)));
            return;
          }
          json::document doc{rapidjson::kObjectType};
          auto& a = doc.GetAllocator();
          json::set(doc, "actor", res.actor, a);
          json::set(doc, "id", address, a);
          if (auto answered = json::parse(res.text))
            json::set(doc, "answer", json::copy(*answered, a), a);
          else
            json::set(doc, "outcome", res.text, a);
          done(json::to_string(doc));
        });
  });
}

void introspection_service::log_level(const std::string& level, const api::user_info* user,
                                      answer done) {
  const auto asking = user ? *user : api::user_info{};
  ask_all<runtime::log_level_set>(
      runtime::set_log_level{level}, change_deadline,
      [this, level, asking, done](gathered<runtime::log_level_set> all) {
        json::document doc{rapidjson::kObjectType};
        auto& a = doc.GetAllocator();
        json::value list{rapidjson::kArrayType};
        for (const auto& [machine, told] : all.answers) {
          if (!told.ok) {
            done(api::fail(told.failure));
            return;
          }
          json::value entry{rapidjson::kObjectType};
          json::set(entry, "node", machine, a);
          json::set(entry, "before", told.before, a);
          json::set(entry, "now", told.now, a);
          list.PushBack(entry, a);
        }
        if (!level.empty())
          record_change(asking, "loglevel " + level, "all", "all", true, "the level is " + level);
        json::set(doc, "levels", std::move(list), a);
        add_silent(doc, all.silent);
        done(json::to_string(doc));
      });
}

void introspection_service::record_change(const api::user_info& user, const std::string& command,
                                          const std::string& object, const std::string& actor,
                                          bool ok, const std::string& outcome) {
  if (!deps_.write)
    return;
  constexpr size_t max_message = 1024;
  const auto stamp = api::format_time(deps_.env.clock->now());
  json::document e{rapidjson::kObjectType};
  auto& a = e.GetAllocator();
  json::value meta{rapidjson::kObjectType};
  json::set(meta, "name", object + "." + deps_.env.random->suffix(10), a);
  json::set(meta, "namespace", "default", a);
  json::set(e, "metadata", std::move(meta), a);
  json::value about{rapidjson::kObjectType};
  json::set(about, "apiVersion", "thespis.dev/v1", a);
  json::set(about, "kind", "Actor", a);
  json::set(about, "name", object, a);
  json::set(e, "involvedObject", std::move(about), a);
  json::set(e, "type", ok ? "Normal" : "Warning", a);
  json::set(e, "reason", reason_of(command.substr(0, command.find(' '))), a);
  auto message = user.name + ": " + command + " (" + actor + "): " + outcome;
  message.resize(std::min(message.size(), max_message));
  json::set(e, "message", message, a);
  json::value source{rapidjson::kObjectType};
  json::set(source, "component", "thespis-shell", a);
  json::set(e, "source", std::move(source), a);
  json::set(e, "firstTimestamp", stamp, a);
  json::set(e, "lastTimestamp", stamp, a);
  json::set(e, "count", json::value{1}, a);
  api::call c;
  c.verb = api::verb::create;
  c.resource = "events";
  c.ns = "default";
  c.body = json::to_string(e);
  c.user = {"system:apiserver", {}, {"system:masters"}};
  deps_.write(std::move(c));
}

} // namespace thespis::tools
