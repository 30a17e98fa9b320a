#include "runtime/introspection/introspector_actor.hpp"

#include "api/json.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

namespace thespis::runtime {

using namespace std::chrono_literals;

namespace {

constexpr auto describe_deadline = 1s;
constexpr auto trace_pause = 100ms;
constexpr int trace_tries = 10;
constexpr auto trace_watch_interval = 2s;
constexpr size_t max_asked_for_waits = 1000;
constexpr uint64_t max_trace_count = 100'000;
constexpr uint64_t max_trace_rate = 2'000;
constexpr uint64_t max_trace_duration = 3'600'000'000'000;

using asker_handle = caf::typed_actor<caf::replies_to<change_actor>::with<actor_changed>>;

api::error no_such_actor(uint64_t id) {
  return api::make_error(api::reason::not_found, "no actor " + std::to_string(id));
}

actor_changed refused(api::error why) {
  actor_changed res;
  res.failure = std::move(why);
  return res;
}

} // namespace

introspector_actor::introspector_actor(caf::actor_config& cfg, introspector_deps deps)
    : actor_base(cfg, "introspector", deps.machine), deps_(std::move(deps)),
      begun_(steady_nanoseconds()) {}

introspector_actor::behavior_type introspector_actor::make_behavior() {
  show_state("serving");
  return {
      [this](const actor_query& q) { return list(q); },
      [this](const window_query& q) { return watch_window(q); },
      [this](const kind_query&) { return count_kinds(); },
      [this](const machine_query&) { return tell_machine(); },
      [this](const detail_query& q) { return tell_actor(q); },
      [this](const trace_start& s) { return begin_trace(s); },
      [this](const trace_next& n) -> caf::result<trace_batch> {
        answer_trace(n.id, this->make_response_promise<trace_batch>(), trace_tries);
        return caf::delegated<trace_batch>{};
      },
      [this](const trace_stop& s) { table().traces().stop(s.id); },
      [this](const diagnose_query& q) { return diagnose(q); },
      [this](const change_actor& c) { return change(c); },
      [](const set_log_level& s) {
        log_level_set res;
        const auto name = [] {
          const auto v = spdlog::level::to_string_view(spdlog::get_level());
          return std::string{v.data(), v.size()};
        };
        res.before = res.now = name();
        const auto level = spdlog::level::from_str(s.level);
        // An unknown word is "off" to spdlog.
        if (!s.level.empty() && level == spdlog::level::off && s.level != "off") {
          res.failure = api::bad_request("\"" + s.level +
                                         "\": the levels are trace, debug, info, warning, error, "
                                         "critical and off");
          return res;
        }
        if (!s.level.empty())
          spdlog::set_level(level);
        res.ok = true;
        res.now = name();
        return res;
      },
      [this](const journal_query& q) {
        journal_answer res;
        for (const auto& o : q.objects)
          if (deps_.env.journal)
            for (auto& e : deps_.env.journal->find(o))
              res.entries.push_back(std::move(e));
        return res;
      },
      [this](const window_over& w) {
        if (auto found = windows_.extract(w.window))
          found.mapped().end(found.mapped().before);
        if (auto found = pending_.extract(w.window))
          found.mapped()();
      },
      [this](const trace_watch&) {
        trace_watch_armed_ = table().traces().expire(steady_nanoseconds()) > 0;
        if (trace_watch_armed_)
          this->delayed_send(this, trace_watch_interval, trace_watch{});
      },
  };
}

actor_rows introspector_actor::list(const actor_query& q) const {
  const auto filter = actor_filter::parse(q.filter);
  if (!filter) {
    actor_rows res;
    res.ok = false;
    res.failure = filter.error();
    return res;
  }
  auto limited = q;
  limited.limit = q.limit == 0 ? max_rows : std::min<uint64_t>(q.limit, max_rows);
  return select_actors(table(), limited, *filter);
}

api::result<void> introspector_actor::open_window(uint64_t milliseconds, window_end end) {
  if (milliseconds == 0 || milliseconds > max_window)
    return api::fail(api::bad_request("a window lasts at most ten minutes"));
  if (windows_.size() >= max_windows)
    return api::fail(api::bad_request("too many look at the same time"));
  const auto number = next_window_++;
  windows_.emplace(number, window{counter_sample{table()}, std::move(end)});
  this->delayed_send(this, std::chrono::milliseconds{milliseconds}, window_over{number});
  return {};
}

caf::result<actor_rows> introspector_actor::watch_window(const window_query& q) {
  const auto refuse = [](api::error why) {
    actor_rows res;
    res.ok = false;
    res.failure = std::move(why);
    return res;
  };
  auto filter = actor_filter::parse(q.filter);
  if (!filter)
    return refuse(std::move(filter.error()));
  auto promise = this->make_response_promise<actor_rows>();
  const auto opened =
      open_window(q.milliseconds, [this, promise, filter = std::move(*filter),
                                   limit = q.limit](const counter_sample& before) mutable {
        promise.deliver(rows_since(before, table(), filter, limit == 0 ? max_rows : limit));
      });
  if (!opened)
    promise.deliver(refuse(opened.error()));
  return caf::delegated<actor_rows>{};
}

kind_counts introspector_actor::count_kinds() const {
  std::map<std::string, uint64_t> counts;
  for (size_t p = 0; p < introspection_table::parts; ++p)
    table().visit(p, [&](const record_ptr& r) { ++counts[r->kind()]; });
  kind_counts res;
  for (const auto& [kind, n] : counts)
    res.kinds.push_back({kind, n});
  return res;
}

machine_info introspector_actor::tell_machine() const {
  machine_info res;
  res.name = deps_.machine;
  res.node = to_string(this->node());
  const auto facts = deps_.process ? deps_.process() : process_facts{};
  res.pid = facts.pid;
  res.threads = facts.threads;
  res.memory = facts.memory;
  res.cpu_ns = facts.cpu_ns;
  res.actors = table().size();
  res.up_ns = steady_nanoseconds() - begun_;
  res.traces = tracing.load(std::memory_order_relaxed);
  const auto level = spdlog::level::to_string_view(spdlog::get_level());
  res.log_level.assign(level.data(), level.size());
  if (deps_.env.roles)
    for (const auto& [role, player] : deps_.env.roles->players("")) {
      res.roles.push_back(role);
      res.players.push_back(player && player->node() == this->node() ? player->id() : 0);
    }
  return res;
}

caf::result<actor_detail> introspector_actor::tell_actor(const detail_query& q) {
  actor_detail res;
  const auto record = table().find(q.id);
  const auto target = record ? record->self() : nullptr;
  if (!target)
    return res;
  res.found = true;
  res.actor = record->info(true);
  if (const auto parent = table().find(res.actor.parent))
    res.parent_name = parent->info(false).full_name();
  auto promise = this->make_response_promise<actor_detail>();
  this->request(caf::actor_cast<introspectable>(target), describe_deadline, describe_request{})
      .then(
          [res, promise](const description& d) mutable {
            res.answered = true;
            res.described = d.json;
            res.waits = d.waits;
            promise.deliver(std::move(res));
          },
          // A stuck actor still has counters to show.
          [res, promise](const caf::error&) mutable { promise.deliver(std::move(res)); });
  return caf::delegated<actor_detail>{};
}

trace_started introspector_actor::begin_trace(const trace_start& s) {
  trace_started res;
  auto wish = s.wish;
  if (wish.count == 0 || wish.count > max_trace_count || wish.rate == 0 ||
      wish.rate > max_trace_rate || wish.duration == 0 || wish.duration > max_trace_duration) {
    res.failure = api::bad_request("a trace shows at most 100,000 messages, 2,000 a second, and "
                                   "lasts at most an hour");
    return res;
  }
  const auto started = table().traces().start(wish, steady_nanoseconds());
  if (!started) {
    res.failure = started.error();
    return res;
  }
  res.ok = true;
  res.id = *started;
  if (!std::exchange(trace_watch_armed_, true))
    this->delayed_send(this, trace_watch_interval, trace_watch{});
  return res;
}

void introspector_actor::answer_trace(uint64_t id, caf::typed_response_promise<trace_batch> promise,
                                      int tries) {
  const auto now = steady_nanoseconds();
  auto batch = table().traces().take(id, now);
  if (batch.events.empty() && batch.ended.empty() && tries > 0) {
    const auto number = next_window_++;
    pending_.emplace(number, [this, id, promise, tries] { answer_trace(id, promise, tries - 1); });
    this->delayed_send(this, trace_pause, window_over{number});
    return;
  }
  const auto wall = static_cast<uint64_t>(deps_.env.clock->now().time_since_epoch().count());
  for (auto& e : batch.events)
    e.at = wall - (now - std::min(now, e.at));
  promise.deliver(std::move(batch));
}

caf::result<diagnosis> introspector_actor::diagnose(const diagnose_query& q) {
  auto promise = this->make_response_promise<diagnosis>();
  const auto opened = open_window(q.milliseconds, [this, promise](const counter_sample& before) {
    diagnosis res;
    res.findings = findings_since(before, table(), this->id());
    collect_waits(std::move(res), waiting_since(before, table(), max_asked_for_waits), promise);
  });
  if (!opened) {
    diagnosis res;
    res.findings.push_back({"refused", {}, opened.error().message});
    promise.deliver(std::move(res));
  }
  return caf::delegated<diagnosis>{};
}

void introspector_actor::collect_waits(diagnosis found, const std::vector<record_ptr>& who,
                                       caf::typed_response_promise<diagnosis> promise) {
  struct gathering {
    diagnosis found;
    caf::typed_response_promise<diagnosis> promise;
    // Delivers when the last answer, or deadline, has come.
    ~gathering() { promise.deliver(std::move(found)); }
  };
  auto all = std::make_shared<gathering>();
  all->found = std::move(found);
  all->promise = std::move(promise);
  for (const auto& record : who) {
    const auto target = record->self();
    if (!target || record->id() == this->id())
      continue;
    this->request(caf::actor_cast<introspectable>(target), describe_deadline, describe_request{})
        .then(
            [all, id = record->id()](const description& d) {
              for (const auto& w : d.waits)
                all->found.waits.push_back({id, w});
            },
            [](const caf::error&) {});
  }
}

caf::result<actor_changed> introspector_actor::change(const change_actor& c) {
  const auto record = table().find(c.id);
  const auto self = record ? record->self() : nullptr;
  if (!self)
    return refused(no_such_actor(c.id));
  const auto target = caf::actor_cast<caf::actor>(self);
  if (c.verb == "send" || c.verb == "ask")
    return deliver(c, record, target);
  const auto parent = table().find(record->parent());
  // A node starts its pods' actors again, on what the containers are.
  const bool supervised = parent && (parent->kind() == "supervisor" ||
                                     (parent->kind() == "node" && record->kind() == "pod"));
  actor_changed res;
  res.actor = record->info(false).full_name();
  if (c.id == this->id() || record->kind() == "supervisor")
    return refused(api::bad_request(res.actor + " holds up the others and cannot be ended"));
  if (c.verb == "restart" && !supervised)
    return refused(api::bad_request("nobody starts " + res.actor +
                                    " again: it is no child of a supervisor. `tree` shows " +
                                    "who is; `kill` ends it for good"));
  if (c.verb != "restart" && c.verb != "kill")
    return refused(api::bad_request("unknown change \"" + c.verb + "\""));
  this->send_exit(target, caf::exit_reason::kill);
  res.ok = true;
  res.text = supervised ? "ended; its " + parent->kind() + " starts it again"
                        : "ended; nobody starts it again";
  return res;
}

caf::result<actor_changed> introspector_actor::deliver(const change_actor& c,
                                                       const record_ptr& record,
                                                       const caf::actor& target) {
  const bool asks = c.verb == "ask";
  if (!deps_.sendables)
    return refused(api::bad_request("no messages can be sent by name here"));
  auto message = deps_.sendables->make(c.type, record->kind(), c.json, asks);
  if (!message)
    return refused(std::move(message.error()));
  actor_changed res;
  res.actor = record->info(false).full_name();
  res.ok = true;
  if (!asks) {
    caf::anon_send(target, std::move(*message));
    res.text = c.type + " is in its mailbox";
    return res;
  }
  // An actor of its own asks, for the types of answers are many.
  const auto* how = deps_.sendables->find(c.type);
  const auto asker = this->system().spawn(
      // The number: without an argument CAF binds a reference to a tuple that is not there.
      [=, ask = how->ask, m = std::move(*message)](caf::event_based_actor* self,
                                                   int) -> caf::behavior {
        return {[=](const change_actor&) -> caf::result<actor_changed> {
          auto promise = self->make_response_promise<actor_changed>();
          ask(self, target, m, [=](api::result<std::string> answer) mutable {
            auto told = answer ? res : refused(std::move(answer.error()));
            if (answer)
              told.text = std::move(*answer);
            promise.deliver(std::move(told));
            self->quit();
          });
          return promise;
        }};
      },
      0);
  return this->delegate(caf::actor_cast<asker_handle>(asker), c);
}

std::string introspector_actor::describe() const {
  return "{\"machine\":" + api::json::quote(deps_.machine) +
         ",\"windows\":" + std::to_string(windows_.size()) +
         ",\"traces\":" + std::to_string(tracing.load(std::memory_order_relaxed)) +
         ",\"remembered\":" +
         (deps_.env.journal ? "{\"objects\":" + std::to_string(deps_.env.journal->objects()) +
                                  ",\"entries\":" + std::to_string(deps_.env.journal->size()) + "}"
                            : std::string{"null"}) +
         "}";
}

} // namespace thespis::runtime
