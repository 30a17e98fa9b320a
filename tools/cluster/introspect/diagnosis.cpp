// `diagnose`, and traces.
#include "runtime/introspection/introspector_state.hpp"
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/to_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto machine_deadline = 3s;
constexpr uint64_t default_look = 1000; // ms

struct diagnosed {
  std::vector<runtime::finding> findings;
  std::vector<std::vector<std::string>> rings;
};

diagnosed put_together(gathered<runtime::diagnosis>& all) {
  diagnosed res;
  std::vector<runtime::wait_edge> edges;
  for (auto& [machine, told] : all.answers) {
    for (auto& f : told.findings) {
      f.actor.machine = machine;
      res.findings.push_back(std::move(f));
    }
    for (const auto& w : told.waits)
      edges.push_back(
          {machine + "/" + std::to_string(w.who),
           (w.on.machine.empty() ? machine : w.on.machine) + "/" + std::to_string(w.on.target)});
  }
  res.rings = runtime::rings_of(edges);
  return res;
}

std::string document_of(const diagnosed& d, const std::vector<std::string>& silent) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value findings{rapidjson::kArrayType};
  for (const auto& f : d.findings) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "what", f.what, a);
    json::set(entry, "text", f.text, a);
    if (f.actor.id != 0)
      json::set(entry, "actor", to_json(f.actor, a), a);
    findings.PushBack(entry, a);
  }
  json::set(doc, "findings", std::move(findings), a);
  json::value rings{rapidjson::kArrayType};
  for (const auto& r : d.rings)
    rings.PushBack(to_json(r, a), a);
  json::set(doc, "rings", std::move(rings), a);
  add_silent(doc, silent);
  return json::to_string(doc);
}

/// "machine-1:3,machine-2:1": which trace on which machine.
std::map<std::string, uint64_t> parse_token(std::string_view token) {
  std::map<std::string, uint64_t> res;
  while (!token.empty()) {
    const auto comma = std::min(token.find(','), token.size());
    const auto part = token.substr(0, comma);
    const auto colon = part.rfind(':');
    uint64_t id = 0;
    if (colon != std::string_view::npos) {
      std::from_chars(part.data() + colon + 1, part.data() + part.size(), id);
      res[std::string{part.substr(0, colon)}] = id;
    }
    token.remove_prefix(std::min(comma + 1, token.size()));
  }
  return res;
}

/// What machines told in one round; delivers when the last has.
struct trace_round {
  json::document doc{rapidjson::kObjectType};
  std::vector<std::pair<std::string, runtime::trace_event>> events;
  uint64_t dropped = 0;
  size_t running = 0;
  std::string ended;
  std::vector<std::string> silent;
  std::mutex mutex;
  introspection_service::answer done;

  ~trace_round() {
    auto& a = doc.GetAllocator();
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& x, const auto& y) { return x.second.at < y.second.at; });
    json::value list{rapidjson::kArrayType};
    for (const auto& [machine, e] : events)
      list.PushBack(to_json(e, machine, a), a);
    json::set(doc, "events", std::move(list), a);
    json::set(doc, "dropped", json::value{dropped}, a);
    json::set(doc, "ended", running > 0 ? "" : ended, a);
    add_silent(doc, silent);
    done(json::to_string(doc));
  }
};

} // namespace

void introspection_service::diagnose(const words& w, answer done) {
  auto window = w.empty() ? api::result<uint64_t>{default_look} : parse_window(w.front());
  if (window && w.size() > 1)
    window = api::fail(api::bad_request("diagnose takes only a time"));
  if (!window) {
    done(api::fail(window.error()));
    return;
  }
  ask_machines<runtime::diagnosis>(deps_.sys, introspectors_of(*deps_.env.roles),
                                   runtime::diagnose_query{*window},
                                   std::chrono::milliseconds{*window} + machine_deadline,
                                   [done](gathered<runtime::diagnosis> all) {
                                     done(document_of(put_together(all), all.silent));
                                   });
}

void introspection_service::trace_start(const words& w, answer done) {
  const auto wish = parse_trace(w);
  if (!wish) {
    done(api::fail(wish.error()));
    return;
  }
  ask_all<runtime::trace_started>(
      runtime::trace_start{*wish}, machine_deadline, [done](gathered<runtime::trace_started> all) {
        json::document doc{rapidjson::kObjectType};
        auto& a = doc.GetAllocator();
        std::string token;
        for (const auto& [machine, s] : all.answers) {
          if (!s.ok) {
            done(api::fail(s.failure));
            return;
          }
          token += (token.empty() ? "" : ",") + machine + ":" + std::to_string(s.id);
        }
        json::set(doc, "trace", token, a);
        add_silent(doc, all.silent);
        done(json::to_string(doc));
      });
}

void introspection_service::trace_next(const std::string& token, answer done) {
  const auto parts = parse_token(token);
  auto round = std::make_shared<trace_round>();
  round->done = std::move(done);
  round->ended = "there is no such trace";
  for (const auto& m : introspectors_of(*deps_.env.roles)) {
    const auto id = parts.find(m.machine);
    if (id == parts.end())
      continue;
    ask_machines<runtime::trace_batch>(
        deps_.sys, {m}, runtime::trace_next{id->second}, machine_deadline,
        [round](gathered<runtime::trace_batch> all) {
          const std::lock_guard lock{round->mutex};
          for (auto& [machine, batch] : all.answers) {
            for (auto& e : batch.events)
              round->events.emplace_back(machine, std::move(e));
            round->dropped += batch.dropped;
            if (batch.ended.empty())
              ++round->running;
            else
              round->ended = batch.ended;
          }
          round->silent.insert(round->silent.end(), all.silent.begin(), all.silent.end());
        });
  }
}

void introspection_service::trace_stop(const std::string& token, answer done) {
  const auto parts = parse_token(token);
  for (const auto& m : introspectors_of(*deps_.env.roles))
    if (const auto id = parts.find(m.machine); id != parts.end())
      caf::anon_send(m.actor, runtime::trace_stop{id->second});
  done(std::string{"{}"});
}

} // namespace thespis::tools
