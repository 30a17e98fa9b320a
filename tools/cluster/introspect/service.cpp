#include "tools/cluster/introspect/service.hpp"

#include "tools/cluster/introspect/to_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <tuple>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto machine_deadline = 3s;

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

tl::unexpected<api::error> nobody(std::string message) {
  return api::fail(api::reason::not_found, std::move(message));
}

std::vector<std::string> split(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, std::istream_iterator<std::string>{}};
}

std::vector<std::string> behind_first(const std::vector<std::string>& w) {
  return {w.begin() + 1, w.end()};
}

bool parse_id(std::string_view text, uint64_t& into) {
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), into);
  return code == std::errc{} && at == text.data() + text.size();
}

/// One list out of those of all machines.
runtime::actor_rows merged(gathered<runtime::actor_rows>& all) {
  runtime::actor_rows res;
  for (auto& [machine, rows] : all.answers) {
    if (!rows.ok) {
      res.ok = false;
      res.failure = std::move(rows.failure);
    }
    res.matched += rows.matched;
    res.total += rows.total;
    res.seconds = std::max(res.seconds, rows.seconds);
    for (auto& r : rows.rows) {
      r.machine = machine;
      res.rows.push_back(std::move(r));
    }
  }
  return res;
}

json::document list_document(const runtime::actor_rows& rows,
                             const std::vector<std::string>& silent) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "actors", to_json(rows.rows, a), a);
  json::set(doc, "matched", json::value{rows.matched}, a);
  json::set(doc, "total", json::value{rows.total}, a);
  if (rows.seconds > 0)
    json::set(doc, "seconds", json::value{rows.seconds}, a);
  add_silent(doc, silent);
  return doc;
}

} // namespace

void introspection_service::run(const api::rest::introspection& what, answer done) {
  const auto w = split(what.command);
  const auto& verb = w.empty() ? std::string{} : w.front();
  if (what.changes)
    change(what.command, w, what.user, std::move(done));
  else if (!read(w, done))
    done(wrong("unknown question \"" + verb + "\""));
}

bool introspection_service::read(const words& w, answer& done) {
  if (w.empty())
    return false;
  const auto& verb = w.front();
  const auto rest = behind_first(w);
  const auto alone = rest.empty();
  if (verb == "ps")
    list(rest, std::move(done));
  else if (verb == "top")
    top(rest, std::move(done));
  else if (verb == "why")
    why(rest, std::move(done));
  else if (verb == "diagnose")
    diagnose(rest, std::move(done));
  else if (verb == "messages")
    messages(rest, std::move(done));
  else if (verb == "trace-start")
    trace_start(rest, std::move(done));
  else if (verb == "info" && rest.size() == 1)
    info(rest[0], std::move(done));
  else if (verb == "trace-next" && rest.size() == 1)
    trace_next(rest[0], std::move(done));
  else if (verb == "trace-stop" && rest.size() == 1)
    trace_stop(rest[0], std::move(done));
  else if (verb == "nodes" && alone)
    nodes(std::move(done));
  else if (verb == "tree" && alone)
    tree(std::move(done));
  else if (verb == "kinds" && alone)
    kinds(std::move(done));
  else if (verb == "links" && alone)
    links(std::move(done));
  else if (verb == "routes" && alone)
    routes(std::move(done));
  else if (verb == "roles" && alone)
    roles(std::move(done));
  else if (verb == "loglevel" && alone)
    log_level({}, nullptr, std::move(done));
  else
    return false;
  return true;
}

// --- who is meant --------------------------------------------------------------------------------

void introspection_service::resolve(const std::string& typed, answer done, with_actor go_on) {
  const auto machines = introspectors_of(*deps_.env.roles);
  uint64_t id = 0;
  if (parse_id(typed, id)) {
    if (machines.size() == 1)
      go_on({machines.front(), id});
    else
      done(wrong("an id alone is not enough in a cluster of " + std::to_string(machines.size()) +
                 " machines: NODE/" + typed));
    return;
  }
  const auto slash = typed.find('/');
  if (slash != std::string::npos && parse_id(std::string_view{typed}.substr(slash + 1), id)) {
    const auto machine = typed.substr(0, slash);
    const auto known = std::find_if(machines.begin(), machines.end(),
                                    [&](const auto& m) { return m.machine == machine; });
    if (known != machines.end()) {
      go_on({*known, id});
      return;
    }
  }
  resolve_name(typed, std::move(done), std::move(go_on));
}

void introspection_service::resolve_name(const std::string& typed, answer done, with_actor go_on) {
  const auto slash = typed.find('/');
  auto filter = "kind=" + typed.substr(0, slash);
  if (slash != std::string::npos)
    filter += " name=" + typed.substr(slash + 1);
  runtime::actor_query q{filter, runtime::actor_order::name, 2};
  ask_all<runtime::actor_rows>(
      q, machine_deadline,
      [this, typed, done = std::move(done),
       go_on = std::move(go_on)](gathered<runtime::actor_rows> all) {
        const auto rows = merged(all);
        if (rows.matched == 0) {
          done(nobody("no actor \"" + typed + "\""));
          return;
        }
        if (rows.matched > 1) {
          done(wrong(std::to_string(rows.matched) + " actors are \"" + typed + "\"; `ps " +
                     typed.substr(0, typed.find('/')) + "` lists them with their ids"));
          return;
        }
        const auto& found = rows.rows.front();
        for (const auto& m : introspectors_of(*deps_.env.roles))
          if (m.machine == found.machine) {
            go_on({m, found.id});
            return;
          }
        done(nobody(found.machine + " has just gone"));
      });
}

// --- lists ---------------------------------------------------------------------------------------

void introspection_service::nodes(answer done) {
  ask_all<runtime::machine_info>(runtime::machine_query{}, machine_deadline,
                                 [done](gathered<runtime::machine_info> all) {
                                   json::document doc{rapidjson::kObjectType};
                                   auto& a = doc.GetAllocator();
                                   json::value list{rapidjson::kArrayType};
                                   for (auto& [machine, info] : all.answers) {
                                     info.name = machine;
                                     list.PushBack(to_json(info, a), a);
                                   }
                                   for (const auto& machine : all.silent) {
                                     json::value entry{rapidjson::kObjectType};
                                     json::set(entry, "name", machine, a);
                                     json::set(entry, "state", "silent", a);
                                     list.PushBack(entry, a);
                                   }
                                   json::set(doc, "nodes", std::move(list), a);
                                   add_silent(doc, all.silent);
                                   done(json::to_string(doc));
                                 });
}

void introspection_service::list(const words& w, answer done) {
  const auto q = parse_list(w);
  if (!q) {
    done(api::fail(q.error()));
    return;
  }
  const auto filter = *runtime::actor_filter::parse(q->filter);
  ask_all<runtime::actor_rows>(
      runtime::actor_query{q->filter, q->order, q->limit}, machine_deadline,
      [done, q = *q, kind = filter.kind()](gathered<runtime::actor_rows> all) {
        auto rows = merged(all);
        if (!rows.ok) {
          done(api::fail(rows.failure));
          return;
        }
        if (rows.matched == 0 && !kind.empty() && q.filter == kind && all.silent.empty()) {
          done(nobody("no actor of kind \"" + kind + "\" runs here; `kinds` lists what there is"));
          return;
        }
        runtime::sort_and_cut(rows.rows, q.order, q.limit);
        done(json::to_string(list_document(rows, all.silent)));
      });
}

void introspection_service::top(const words& w, answer done) {
  auto rest = w;
  uint64_t window = 1000;
  const bool absolute = !rest.empty() && rest.front() == "--total";
  if (absolute || (!rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front()[0])))) {
    if (!absolute) {
      const auto time = parse_window(rest.front());
      if (!time) {
        done(api::fail(time.error()));
        return;
      }
      window = *time;
    }
    rest.erase(rest.begin());
  }
  auto q = parse_list(rest);
  if (!q) {
    done(api::fail(std::move(q.error())));
    return;
  }
  if (std::find(rest.begin(), rest.end(), "--limit") == rest.end())
    q->limit = 20;
  const auto by_busy = [limit = q->limit, done](gathered<runtime::actor_rows> all) {
    auto rows = merged(all);
    if (!rows.ok) {
      done(api::fail(rows.failure));
      return;
    }
    const auto weight = [&](const runtime::actor_info& i) {
      return rows.seconds > 0 ? i.busy_share : static_cast<double>(i.busy_ns);
    };
    std::stable_sort(rows.rows.begin(), rows.rows.end(),
                     [&](const auto& x, const auto& y) { return weight(x) > weight(y); });
    if (limit > 0 && rows.rows.size() > limit)
      rows.rows.resize(limit);
    done(json::to_string(list_document(rows, all.silent)));
  };
  if (absolute)
    ask_all<runtime::actor_rows>(
        runtime::actor_query{q->filter, runtime::actor_order::busy, q->limit}, machine_deadline,
        by_busy);
  else
    ask_all<runtime::actor_rows>(runtime::window_query{q->filter, window, q->limit},
                                 std::chrono::milliseconds{window} + machine_deadline, by_busy);
}

void introspection_service::tree(answer done) {
  ask_all<runtime::actor_rows>(runtime::actor_query{}, machine_deadline,
                               [done](gathered<runtime::actor_rows> all) {
                                 const auto rows = merged(all);
                                 done(json::to_string(list_document(rows, all.silent)));
                               });
}

void introspection_service::kinds(answer done) {
  ask_all<runtime::kind_counts>(runtime::kind_query{}, machine_deadline,
                                [done](gathered<runtime::kind_counts> all) {
                                  std::map<std::string, uint64_t> counts;
                                  for (const auto& [machine, told] : all.answers)
                                    for (const auto& k : told.kinds)
                                      counts[k.type] += k.count;
                                  json::document doc{rapidjson::kObjectType};
                                  auto& a = doc.GetAllocator();
                                  json::value list{rapidjson::kArrayType};
                                  for (const auto& [kind, count] : counts) {
                                    json::value entry{rapidjson::kObjectType};
                                    json::set(entry, "kind", kind, a);
                                    json::set(entry, "count", json::value{count}, a);
                                    list.PushBack(entry, a);
                                  }
                                  json::set(doc, "kinds", std::move(list), a);
                                  add_silent(doc, all.silent);
                                  done(json::to_string(doc));
                                });
}

void introspection_service::info(const std::string& typed, answer done) {
  resolve(typed, done, [this, typed, done](const found_actor& f) {
    ask_machines<runtime::actor_detail>(
        deps_.sys, {f.where}, runtime::detail_query{f.id}, machine_deadline,
        [typed, done, machine = f.where.machine](gathered<runtime::actor_detail> all) {
          if (all.answers.empty()) {
            done(nobody(machine + " does not answer"));
            return;
          }
          auto& detail = all.answers.front().second;
          if (!detail.found) {
            done(nobody("no actor \"" + typed + "\""));
            return;
          }
          detail.actor.machine = machine;
          json::document doc{rapidjson::kObjectType};
          json::set(doc, "actor", to_json(detail, doc.GetAllocator()), doc.GetAllocator());
          done(json::to_string(doc));
        });
  });
}

void introspection_service::routes(answer done) {
  ask_all<runtime::machine_info>(
      runtime::machine_query{}, machine_deadline, [done](gathered<runtime::machine_info> all) {
        json::document doc{rapidjson::kObjectType};
        auto& a = doc.GetAllocator();
        json::value list{rapidjson::kArrayType};
        for (const auto& [machine, info] : all.answers)
          for (size_t i = 0; i < info.roles.size() && i < info.players.size(); ++i) {
            json::value entry{rapidjson::kObjectType};
            json::set(entry, "role", info.roles[i], a);
            json::set(entry, "seenFrom", machine, a);
            json::set(entry, "actor",
                      info.players[i] == 0 ? "elsewhere"
                                           : machine + "/" + std::to_string(info.players[i]),
                      a);
            list.PushBack(entry, a);
          }
        json::set(doc, "routes", std::move(list), a);
        add_silent(doc, all.silent);
        done(json::to_string(doc));
      });
}

void introspection_service::links(answer done) {
  done(members_ ? members_() : std::string{"{\"members\":[]}"});
}

void introspection_service::messages(const words& w, answer done) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value list{rapidjson::kArrayType};
  for (const auto& s : deps_.sendables->all()) {
    if (!w.empty() && !s.kinds.empty() &&
        std::find(s.kinds.begin(), s.kinds.end(), w.front()) == s.kinds.end())
      continue;
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "type", s.type, a);
    json::set(entry, "kinds", to_json(s.kinds, a), a);
    json::set(entry, "fields", s.fields, a);
    json::set(entry, "answers", json::value{s.ask != nullptr}, a);
    list.PushBack(entry, a);
  }
  json::set(doc, "messages", std::move(list), a);
  done(json::to_string(doc));
}

} // namespace thespis::tools
