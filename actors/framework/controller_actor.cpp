#include "actors/framework/controller_actor.hpp"

#include <spdlog/spdlog.h>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto write_deadline = 180s;
constexpr auto resubscribe_delay = 100ms;
/// Work of one run: the mailbox gets a turn after that much.
constexpr size_t calls_a_run = 512;
constexpr size_t keys_a_run = 256;

bool explained_by_newer_view(const api::error& e) {
  return e.why == api::reason::conflict || e.why == api::reason::not_found ||
         e.why == api::reason::already_exists;
}

} // namespace

controller_actor::controller_actor(caf::actor_config& cfg, const controller_deps& deps,
                                   std::unique_ptr<reconciler> work)
    : actor_base(cfg, "controller", std::string{work->name()}), env_(deps.env),
      work_(std::move(work)), watches_(work_->watches()), queue_(deps.back_off),
      recorder_(std::string{work_->name()} + "-controller", env_.random) {}

controller_actor::behavior_type controller_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg&) {
    for (uint64_t i = 0; i < watches_.size(); ++i)
      this->delayed_send(this, resubscribe_delay, resubscribe{i});
  });
  show_state("syncing");
  for (uint64_t i = 0; i < watches_.size(); ++i)
    subscribe_to(i);
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed& c) {
        spdlog::debug("{}: watch of {} closed: {}", work_->name(), watches_[c.watch].resource,
                      c.why.message);
        subscribe_to(c.watch);
      },
      [this](const run_queue&) { run(); },
      [this](const wake_key& w) {
        queue_.add(w.key);
        schedule_run();
      },
      [this](const resubscribe& r) { subscribe_to(r.watch); },
  };
}

void controller_actor::subscribe_to(uint64_t watch) {
  const auto& spec = watches_[watch];
  const auto registry =
      env_.roles->find<runtime::registry_handle>(runtime::registry_role(spec.resource));
  if (!registry) {
    this->delayed_send(this, resubscribe_delay, resubscribe{watch});
    return;
  }
  this->monitor(registry);
  auto& known = stale_[watch];
  for (auto& o : view_.reset(spec.resource)) {
    object_id id{o->ns(), o->name()};
    known.insert_or_assign(std::move(id), std::move(o));
  }
  this->send(registry, runtime::subscribe{this, watch, spec.what, 0});
}

void controller_actor::handle(const runtime::watch_batch& batch) {
  const auto& spec = watches_[batch.watch];
  // Previous states must be looked up before the view forgets them.
  std::vector<api::object_ptr> previous;
  if (spec.keys) {
    previous.reserve(batch.what.events.size());
    for (const auto& e : batch.what.events)
      previous.push_back(view_.find(spec.resource, e.object->ns(), e.object->name()));
  }
  view_.apply(spec.resource, batch.what);
  if (spec.keys)
    for (size_t i = 0; i < batch.what.events.size(); ++i)
      add_keys(spec, *batch.what.events[i].object, previous[i]);
  if (batch.what.initial_end)
    resync(batch.watch, batch);
  if (const auto registry =
          env_.roles->find<runtime::registry_handle>(runtime::registry_role(spec.resource)))
    this->send(registry, runtime::watch_ack{this, batch.watch});
  release_rested();
  if (!queue_.empty())
    schedule_run();
}

void controller_actor::resync(uint64_t watch, const runtime::watch_batch&) {
  const auto& spec = watches_[watch];
  for (const auto& [id, object] : std::exchange(stale_[watch], {}))
    if (spec.keys && !view_.find(spec.resource, id.ns, id.name))
      add_keys(spec, *object, object);
  if (all_synced())
    show_state("running");
}

void controller_actor::add_keys(const watch_spec& spec, const api::object& o,
                                const api::object_ptr& previous) {
  for (const auto& key : spec.keys(o, previous, view_))
    queue_.add(key);
}

bool controller_actor::all_synced() const {
  return std::all_of(watches_.begin(), watches_.end(),
                     [this](const auto& w) { return view_.synced(w.resource); });
}

void controller_actor::schedule_run() {
  if (run_scheduled_ || !all_synced())
    return;
  run_scheduled_ = true;
  this->send(this, run_queue{});
}

void controller_actor::run() {
  run_scheduled_ = false;
  if (!all_synced())
    return;
  std::vector<attempt> attempts;
  std::vector<api::call> calls;
  while (attempts.size() < keys_a_run && calls.size() < calls_a_run) {
    const auto key = queue_.take();
    if (!key)
      break;
    attempt a;
    if (!reconcile_one(*key, a, calls))
      retry(*key);
    else if (a.count == 0)
      finish(a, {});
    else
      attempts.push_back(std::move(a));
  }
  if (!calls.empty())
    write(std::move(attempts), std::move(calls));
  if (!queue_.empty())
    schedule_run();
}

bool controller_actor::reconcile_one(const object_id& key, attempt& out,
                                     std::vector<api::call>& calls) {
  try {
    ++reconciles_;
    auto res = work_->reconcile(key, view_, env_.clock->now());
    out = {key, calls.size(), res.calls.size(), std::move(res.events), res.requeue_after};
    for (auto& c : res.calls)
      calls.push_back(std::move(c));
    return true;
  } catch (const std::exception& e) {
    spdlog::error("{}: {}/{}: {}", work_->name(), key.ns, key.name, e.what());
    return false;
  }
}

void controller_actor::write(std::vector<attempt> attempts, std::vector<api::call> calls) {
  const auto requests = env_.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests) {
    for (const auto& a : attempts)
      retry(a.key);
    return;
  }
  const api::user_info self{"system:controller:" + std::string{work_->name()}, {},
                            {"system:masters"}};
  for (auto& c : calls)
    c.user = self;
  auto shared = std::make_shared<std::vector<attempt>>(std::move(attempts));
  this->request(requests, write_deadline, runtime::call_batch{std::move(calls)})
      .then([this, shared](runtime::call_outcomes& o) { settle(*shared, o.outcomes); },
            [this, shared](const caf::error& why) {
              spdlog::warn("{}: cannot write: {}", work_->name(), this->system().render(why));
              for (const auto& a : *shared)
                retry(a.key);
            });
}

void controller_actor::settle(std::vector<attempt>& attempts,
                              const std::vector<runtime::call_outcome>& outcomes) {
  for (auto& a : attempts) {
    bool ok = true;
    std::map<std::string, uint64_t> until;
    for (size_t i = a.first; i < a.first + a.count; ++i) {
      const auto& o = outcomes[i];
      if (o.ok && o.object) {
        auto& revision = until[o.object->resource()];
        revision = std::max(revision, o.object->revision());
      } else if (!o.ok) {
        ok = false;
        if (!explained_by_newer_view(o.failure))
          spdlog::warn("{}: {}/{}: {}", work_->name(), a.key.ns, a.key.name, o.failure.message);
      }
    }
    if (ok) {
      finish(a, std::move(until));
    } else {
      ++failures_;
      retry(a.key);
    }
  }
  if (!queue_.empty())
    schedule_run();
}

void controller_actor::finish(attempt& done, std::map<std::string, uint64_t> until) {
  record(done.events);
  if (done.requeue_after)
    this->delayed_send(this, *done.requeue_after, wake_key{done.key});
  // Only what is watched whole tells reliably how far it is.
  std::erase_if(until, [this](const auto& wanted) {
    const auto w = std::find_if(watches_.begin(), watches_.end(), [&](const auto& spec) {
      return spec.resource == wanted.first && spec.what.label_selector.empty() &&
             spec.what.field_selector.empty() && spec.what.ns.empty();
    });
    return w == watches_.end() || view_.revision(wanted.first) >= wanted.second;
  });
  if (until.empty())
    queue_.finish(done.key);
  else
    resting_.push_back({std::move(done.key), std::move(until)});
}

void controller_actor::retry(const object_id& key) {
  this->delayed_send(this, queue_.fail(key), wake_key{key});
}

void controller_actor::release_rested() {
  std::erase_if(resting_, [this](const resting& r) {
    for (const auto& [resource, revision] : r.until)
      if (view_.revision(resource) < revision)
        return false;
    queue_.finish(r.key);
    return true;
  });
}

void controller_actor::record(const std::vector<event_note>& notes) {
  if (notes.empty())
    return;
  const auto requests = env_.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests)
    return;
  runtime::call_batch batch;
  for (const auto& n : notes)
    batch.calls.push_back(recorder_.record(n, env_.clock->now()));
  // An event that cannot be recorded is not worth a retry.
  this->request(requests, write_deadline, std::move(batch))
      .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
}

std::string controller_actor::describe() const {
  return "{\"queued\":" + std::to_string(queue_.size()) +
         ",\"running\":" + std::to_string(queue_.running()) +
         ",\"resting\":" + std::to_string(resting_.size()) +
         ",\"reconciles\":" + std::to_string(reconciles_) +
         ",\"failures\":" + std::to_string(failures_) + "}";
}

} // namespace thespis::actors
