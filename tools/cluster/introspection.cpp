#include "tools/cluster/introspection.hpp"

#include "api/json.hpp"
#include "runtime/actor_base.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sstream>
#include <tuple>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto describe_deadline = 2s;

using order = ps_query::order;

struct order_name {
  std::string_view name;
  order value;
};
constexpr std::array<order_name, 4> orders{{{"name", order::name},
                                            {"mailbox", order::mailbox},
                                            {"handled", order::handled},
                                            {"busy", order::busy}}};

template <class Number>
bool parse_number(std::string_view text, Number& into) {
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), into);
  return code == std::errc{} && at == text.data() + text.size();
}

json::value to_json(const runtime::actor_info& i, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  const auto number = [&](const char* key, uint64_t v) {
    res.AddMember(rapidjson::StringRef(key), json::value{v}, a);
  };
  number("id", i.id);
  number("parent", i.parent);
  json::set(res, "kind", i.kind, a);
  json::set(res, "name", i.name, a);
  json::set(res, "state", i.state, a);
  number("mailbox", i.mailbox);
  number("enqueued", i.enqueued);
  number("handled", i.handled);
  number("busyNanoseconds", i.busy_ns);
  json::set(res, "lastMessage", i.last_message, a);
  return res;
}

json::value to_json(const std::vector<runtime::actor_info>& all, json::allocator& a) {
  json::value res{rapidjson::kArrayType};
  for (const auto& i : all)
    res.PushBack(to_json(i, a), a);
  return res;
}

api::result<std::string> some_actors(caf::actor_system& sys, std::string_view words) {
  const auto query = parse_ps(words);
  if (!query)
    return api::fail(query.error());
  auto all = runtime::introspection_of(sys).list();
  const auto total = all.size();
  size_t matched = 0;
  const auto chosen = select(std::move(all), *query, matched);
  if (matched == 0 && !query->kind.empty()) {
    api::error none;
    none.why = api::reason::not_found;
    none.message =
        "no actor of kind \"" + query->kind + "\" runs here; `kinds` lists what there is";
    return api::fail(std::move(none));
  }
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  doc.AddMember("actors", to_json(chosen, a), a);
  doc.AddMember("matched", json::value{static_cast<uint64_t>(matched)}, a);
  doc.AddMember("total", json::value{static_cast<uint64_t>(total)}, a);
  return json::to_string(doc);
}

std::string all_actors(caf::actor_system& sys) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  doc.AddMember("actors", to_json(runtime::introspection_of(sys).list(), a), a);
  doc.AddMember("nanoseconds", json::value{static_cast<uint64_t>(now.count())}, a);
  return json::to_string(doc);
}

std::string all_kinds(caf::actor_system& sys) {
  std::map<std::string, uint64_t> counts;
  for (auto& i : runtime::introspection_of(sys).list())
    ++counts[std::move(i.kind)];
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value list{rapidjson::kArrayType};
  for (const auto& [kind, count] : counts) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "kind", kind, a);
    entry.AddMember("count", json::value{count}, a);
    list.PushBack(entry, a);
  }
  doc.AddMember("kinds", list, a);
  return json::to_string(doc);
}

std::string one_actor(const runtime::actor_info& i, const std::string& parent,
                      const std::string& described) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  auto actor = to_json(i, a);
  json::set(actor, "parentName", parent, a);
  json::value types{rapidjson::kArrayType};
  for (const auto& t : i.by_type) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "type", t.type, a);
    entry.AddMember("count", json::value{t.count}, a);
    types.PushBack(entry, a);
  }
  actor.AddMember("messages", types, a);
  if (auto details = json::parse(described))
    actor.AddMember("details", json::copy(*details, a), a);
  doc.AddMember("actor", actor, a);
  return json::to_string(doc);
}

std::string full_name(const runtime::actor_info& i) {
  return i.name.empty() ? i.kind : i.kind + "/" + i.name;
}

/// The id of the actor that a person means by "12", "scheduler" or "pod/default/web-1".
api::result<uint64_t> resolve(const runtime::introspection_table& actors, std::string_view what) {
  uint64_t id = 0;
  if (parse_number(what, id))
    return id;
  size_t found = 0;
  for (const auto& i : actors.list()) {
    if (what == full_name(i) || what == i.kind) {
      id = i.id;
      ++found;
    }
  }
  if (found == 1)
    return id;
  const auto name = std::string{what};
  if (found > 1)
    return api::fail(api::bad_request(std::to_string(found) + " actors are \"" + name + "\"; `ps " +
                                      name.substr(0, name.find('/')) +
                                      "` lists them with their ids"));
  api::error e;
  e.why = api::reason::not_found;
  e.message = "no actor \"" + name + "\"";
  return api::fail(std::move(e));
}

void describe(caf::actor_system& sys, std::string_view what,
              std::function<void(api::result<std::string>)> done) {
  auto& actors = runtime::introspection_of(sys);
  const auto id = resolve(actors, what);
  if (!id) {
    done(api::fail(id.error()));
    return;
  }
  const auto record = actors.find(*id);
  const auto target = record ? record->self() : nullptr;
  if (!target) {
    api::error e;
    e.why = api::reason::not_found;
    e.message = "no actor " + std::to_string(*id);
    done(api::fail(std::move(e)));
    return;
  }
  const auto parent = actors.find(record->info(false).parent);
  const auto parent_name = parent ? full_name(parent->info(false)) : std::string{};
  const auto handle = caf::actor_cast<runtime::introspectable>(target);
  sys.spawn([=, done = std::move(done)](caf::event_based_actor* self) {
    self->request(handle, describe_deadline, runtime::describe_request{})
        .then(
            [=](const runtime::description& d) {
              done(one_actor(record->info(true), parent_name, d.json));
            },
            // A stuck actor still has counters to show.
            [=](const caf::error&) { done(one_actor(record->info(true), parent_name, "{}")); });
  });
}

} // namespace

api::result<ps_query> parse_ps(std::string_view words) {
  ps_query res;
  std::istringstream in{std::string{words}};
  for (std::string word; in >> word;) {
    if (word == "--sort") {
      word.clear();
      in >> word;
      const auto known = std::find_if(orders.begin(), orders.end(),
                                      [&](const order_name& o) { return o.name == word; });
      if (known == orders.end())
        return api::fail(
            api::bad_request("--sort " + word + ": expected name, mailbox, handled or busy"));
      res.sort = known->value;
    } else if (word == "--limit") {
      word.clear();
      in >> word;
      if (!parse_number(word, res.limit))
        return api::fail(api::bad_request("--limit " + word + ": expected a number; 0 shows all"));
    } else if (word.starts_with("-")) {
      return api::fail(api::bad_request("unknown option " + word +
                                        "; ps takes [KIND] [--sort KEY] [--limit N]"));
    } else if (!res.kind.empty()) {
      return api::fail(
          api::bad_request("one kind at a time: \"" + res.kind + "\" or \"" + word + "\"?"));
    } else {
      res.kind = word;
    }
  }
  return res;
}

std::vector<runtime::actor_info> select(std::vector<runtime::actor_info> all, const ps_query& q,
                                        size_t& matched) {
  using info = runtime::actor_info;
  if (!q.kind.empty())
    std::erase_if(all, [&](const info& i) { return i.kind != q.kind; });
  matched = all.size();
  const auto first = [&](const info& a, const info& b) {
    const auto weight = [&](const info& i) -> uint64_t {
      switch (q.sort) {
      case order::name:
        return 0;
      case order::mailbox:
        return i.mailbox;
      case order::handled:
        return i.handled;
      case order::busy:
        return i.busy_ns;
      }
      return 0;
    };
    const auto x = weight(a);
    const auto y = weight(b);
    return x != y ? x > y : std::tie(a.kind, a.name, a.id) < std::tie(b.kind, b.name, b.id);
  };
  const auto kept = q.limit == 0 ? all.size() : std::min(q.limit, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(all.begin(), end, all.end(), first);
  all.erase(end, all.end());
  return all;
}

void run_introspection(caf::actor_system& sys, std::string command,
                       std::function<void(api::result<std::string>)> done) {
  const std::string_view text = command;
  const auto verb = text.substr(0, text.find(' '));
  const auto rest = text.substr(std::min(text.size(), verb.size() + 1));
  if (verb == "ps")
    done(some_actors(sys, rest));
  else if (verb == "info" && !rest.empty())
    describe(sys, rest, std::move(done));
  else if ((verb == "tree" || verb == "top") && rest.empty())
    done(all_actors(sys));
  else if (verb == "kinds" && rest.empty())
    done(all_kinds(sys));
  else
    done(api::fail(api::bad_request("unknown command \"" + command +
                                    "\"; known are ps, tree, top, kinds and info ID")));
}

} // namespace thespis::tools
