#include "tools/cluster/introspect/actor_objects.hpp"

#include "api/json.hpp"

#include <algorithm>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto machine_deadline = 3s;

/// The object's JSON up to the revision, and behind it.
std::pair<std::string, std::string> told_of(const runtime::actor_info& i) {
  const auto name = json::quote(object_name_of(i.machine, i.id));
  auto head =
      "{\"apiVersion\":\"thespis.dev/v1\",\"kind\":\"Actor\",\"metadata\":{\"name\":" + name +
      ",\"uid\":" + name + ",\"resourceVersion\":\"";
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.1f", i.rate);
  auto tail =
      "\",\"labels\":{\"thespis.dev/kind\":" + json::quote(i.kind) +
      "}},\"spec\":{\"kind\":" + json::quote(i.kind) + ",\"object\":" + json::quote(i.name) +
      ",\"node\":" + json::quote(i.machine) + ",\"id\":" + std::to_string(i.id) +
      ",\"parent\":" + json::quote(i.parent == 0 ? "" : object_name_of(i.machine, i.parent)) +
      "},\"status\":{\"state\":" + json::quote(i.state) +
      ",\"mailbox\":" + std::to_string(i.mailbox) + ",\"handled\":" + std::to_string(i.handled) +
      ",\"messagesPerSecond\":" + rate +
      ",\"busyMilliseconds\":" + std::to_string(i.busy_ns / 1'000'000) +
      ",\"waits\":" + std::to_string(i.waits) + ",\"lastMessage\":" + json::quote(i.last_message) +
      "}}";
  return {std::move(head), std::move(tail)};
}

bool by_name(const api::object_ptr& a, const api::object_ptr& b) {
  return a->name() < b->name();
}

} // namespace

std::string object_name_of(std::string machine, uint64_t id) {
  std::replace(machine.begin(), machine.end(), ':', '.');
  return machine + "." + std::to_string(id);
}

api::listing actor_objects::take(const std::vector<runtime::actor_info>& all,
                                 uint64_t milliseconds) {
  const std::lock_guard lock{mutex_};
  api::listing res;
  res.revision = std::max(milliseconds, lists_.empty() ? 1 : lists_.back().revision + 1);
  std::map<std::string, known> next;
  for (const auto& i : all) {
    auto [head, tail] = told_of(i);
    auto& entry = next[object_name_of(i.machine, i.id)];
    if (const auto old = objects_.find(object_name_of(i.machine, i.id));
        old != objects_.end() && old->second.told == tail) {
      entry = std::move(old->second);
    } else {
      auto made = api::load_object(actors_resource, head + std::to_string(res.revision) + tail);
      if (!made)
        continue;
      entry = {std::move(tail), std::move(*made)};
    }
  }
  for (auto& [name, entry] : next)
    if (entry.object)
      res.objects.push_back(entry.object);
  std::sort(res.objects.begin(), res.objects.end(), by_name);
  objects_ = std::move(next);
  lists_.push_back(res);
  if (lists_.size() > remembered)
    lists_.pop_front();
  return res;
}

api::listing actor_objects::newest() const {
  const std::lock_guard lock{mutex_};
  return lists_.empty() ? api::listing{} : lists_.back();
}

bool actor_objects::find(uint64_t revision, api::listing& into) const {
  const std::lock_guard lock{mutex_};
  for (const auto& l : lists_)
    if (l.revision == revision) {
      into = l;
      return true;
    }
  return false;
}

std::vector<api::watch_event> changes_between(const api::listing& before,
                                              const api::listing& after) {
  std::vector<api::watch_event> res;
  auto a = before.objects.begin();
  auto b = after.objects.begin();
  while (a != before.objects.end() || b != after.objects.end()) {
    if (b == after.objects.end() || (a != before.objects.end() && by_name(*a, *b))) {
      res.push_back({api::event_kind::deleted, *a++});
    } else if (a == before.objects.end() || by_name(*b, *a)) {
      res.push_back({api::event_kind::added, *b++});
    } else {
      if (*a != *b)
        res.push_back({api::event_kind::modified, *b});
      ++a;
      ++b;
    }
  }
  return res;
}

api::object_ptr reader_with_actors::get(std::string_view resource, std::string_view ns,
                                        std::string_view name) const {
  if (resource != actors_resource)
    return stored_->get(resource, ns, name);
  for (const auto& o : actors_->newest().objects)
    if (o->name() == name)
      return o;
  return nullptr;
}

api::listing reader_with_actors::list(std::string_view resource, std::string_view ns) const {
  return resource == actors_resource ? actors_->newest() : stored_->list(resource, ns);
}

void refresh_actors(caf::actor_system& sys, const runtime::environment& env,
                    const std::shared_ptr<actor_objects>& objects,
                    std::function<void(const api::listing&)> done) {
  ask_machines<runtime::actor_rows>(
      sys, introspectors_of(*env.roles), runtime::actor_query{}, machine_deadline,
      [clock = env.clock, objects, done](gathered<runtime::actor_rows> all) {
        std::vector<runtime::actor_info> rows;
        for (auto& [machine, told] : all.answers)
          for (auto& r : told.rows) {
            r.machine = machine;
            rows.push_back(std::move(r));
          }
        const auto now =
            std::chrono::duration_cast<std::chrono::milliseconds>(clock->now().time_since_epoch());
        done(objects->take(rows, static_cast<uint64_t>(now.count())));
      });
}

} // namespace thespis::tools
