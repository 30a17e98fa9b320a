#include "actors/framework/controller_actor.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto write_deadline = 180s;
constexpr auto resubscribe_delay = 100ms;
/// Parsed objects are kept while there is work, and this much longer.
constexpr auto idle_time = 1s;
/// Work of one run: the mailbox gets a turn after that much.
constexpr size_t calls_a_run = 512;
constexpr size_t keys_a_run = 256;

bool explained_by_newer_view(const api::error& e) {
  return e.why == api::reason::conflict || e.why == api::reason::not_found ||
         e.why == api::reason::already_exists;
}

api::user_info user_of(const reconciler& work) {
  return {controller_user_name(work.name()), {}, {"system:masters"}};
}

/// The source of its events. Tools look for Kubernetes' names, few of which are not
/// NAME-controller.
std::string event_source(std::string_view controller) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> others{{
      {"disruption", "controllermanager"},
      {"endpoints", "endpoint-controller"},
      {"endpointslice", "endpoint-slice-controller"},
      {"endpointslicemirroring", "endpoint-slice-mirroring-controller"},
      {"ephemeral-volume", "ephemeral_volume"},
      {"garbagecollector", "garbage-collector-controller"},
      {"horizontalpodautoscaler", "horizontal-pod-autoscaler"},
      {"persistentvolume-binder", "persistentvolume-controller"},
      {"service-lb-controller", "service-controller"},
  }};
  for (const auto& [name, source] : others)
    if (name == controller)
      return std::string{source};
  return std::string{controller} + "-controller";
}

} // namespace

std::string controller_user_name(std::string_view controller) {
  return "system:controller:" + std::string{controller};
}

controller_actor::controller_actor(caf::actor_config& cfg, const controller_deps& deps,
                                   std::unique_ptr<reconciler> work)
    : actor_base(cfg, "controller", std::string{work->name()}), env_(deps.env),
      requests_role_(deps.requests_role), work_(std::move(work)), watches_(work_->watches()),
      queue_(deps.back_off), recorder_(event_source(work_->name()), env_.random) {}

controller_actor::behavior_type controller_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    for (uint64_t i = 0; i < watches_.size(); ++i)
      if (registries_[i] == down.source) {
        registries_[i] = nullptr;
        this->delayed_send(this, resubscribe_delay, resubscribe{i});
      }
  });
  show_state("syncing");
  registries_.resize(watches_.size());
  for (uint64_t i = 0; i < watches_.size(); ++i)
    subscribe_to(i);
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed& c) {
        spdlog::debug("{}: watch of {} closed: {}", work_->name(), watches_[c.watch].resource,
                      c.why.message);
        // Not at once: a watch that is refused again and again must not keep the actor busy.
        this->delayed_send(this, resubscribe_delay, resubscribe{c.watch});
      },
      [this](const refresh_watches&) { refresh(); },
      [this](const run_queue&) { run(); },
      [this](const wake_key& w) {
        if (const auto i = wakes_.find(w.key);
            i != wakes_.end() && i->second <= this->clock().now())
          wakes_.erase(i);
        queue_.add(w.key);
        schedule_run();
      },
      [this](const resubscribe& r) { subscribe_to(r.watch); },
      [this](const forget_parsed&) { forget_if_idle(); },
  };
}

void controller_actor::refresh() {
  auto wanted = work_->watches();
  const auto watched = [](const std::vector<watch_spec>& all, const std::string& resource) {
    return std::find_if(all.begin(), all.end(),
                        [&](const auto& w) { return w.resource == resource; });
  };
  for (uint64_t i = 0; i < watches_.size(); ++i)
    if (!ended_.contains(i) && watched(wanted, watches_[i].resource) == wanted.end())
      end_watch(i);
  for (auto& spec : wanted) {
    const auto i = watched(watches_, spec.resource);
    const auto number = static_cast<uint64_t>(i - watches_.begin());
    if (i != watches_.end() && !ended_.contains(number))
      continue;
    if (i == watches_.end()) {
      watches_.push_back(std::move(spec));
      registries_.emplace_back();
    }
    ended_.erase(number);
    subscribe_to(number);
  }
  schedule_run();
}

void controller_actor::end_watch(uint64_t watch) {
  const auto& resource = watches_[watch].resource;
  if (const auto registry = caf::actor_cast<runtime::registry_handle>(registries_[watch]))
    this->send(registry, runtime::unsubscribe{this, watch});
  ended_.insert(watch);
  registries_[watch] = nullptr;
  stale_.erase(watch);
  view_.reset(resource);
  release_rested();
}

void controller_actor::subscribe_to(uint64_t watch) {
  if (ended_.contains(watch))
    return;
  const auto& spec = watches_[watch];
  const auto registry =
      env_.roles->find<runtime::registry_handle>(runtime::registry_role(spec.resource));
  if (!registry) {
    this->delayed_send(this, resubscribe_delay, resubscribe{watch});
    return;
  }
  if (registries_[watch] != registry.address()) {
    registries_[watch] = registry.address();
    this->monitor(registry);
  }
  auto& known = stale_[watch];
  for (auto& o : view_.reset(spec.resource)) {
    object_id id{o->ns(), o->name()};
    known.insert_or_assign(std::move(id), std::move(o));
  }
  show_state("syncing");
  this->send(registry, runtime::subscribe{this, watch, spec.what, 0});
}

/// The object's last state that was seen, even if that was before the watch was begun anew.
api::object_ptr controller_actor::known_before(uint64_t watch, const api::object& o) const {
  if (auto now = view_.find(watches_[watch].resource, o.ns(), o.name()))
    return now;
  const auto stale = stale_.find(watch);
  if (stale == stale_.end())
    return nullptr;
  const auto i = stale->second.find({o.ns(), o.name()});
  return i == stale->second.end() ? nullptr : i->second;
}

void controller_actor::handle(const runtime::watch_batch& batch) {
  if (ended_.contains(batch.watch))
    return;
  const auto& spec = watches_[batch.watch];
  // Previous states must be looked up before the view forgets them.
  std::vector<api::object_ptr> previous;
  if (spec.keys) {
    previous.reserve(batch.what.events.size());
    for (const auto& e : batch.what.events)
      previous.push_back(known_before(batch.watch, *e.object));
  }
  view_.apply(spec.resource, batch.what);
  if (spec.keys)
    for (size_t i = 0; i < batch.what.events.size(); ++i)
      add_keys(spec, *batch.what.events[i].object, previous[i]);
  if (batch.what.initial_end)
    resync(batch.watch);
  if (const auto registry = caf::actor_cast<runtime::registry_handle>(registries_[batch.watch]))
    this->send(registry, runtime::watch_ack{this, batch.watch});
  release_rested();
  schedule_run();
}

void controller_actor::resync(uint64_t watch) {
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
  for (uint64_t i = 0; i < watches_.size(); ++i)
    if (!ended_.contains(i) && !view_.synced(watches_[i].resource))
      return false;
  return true;
}

void controller_actor::schedule_run() {
  if (run_scheduled_ || queue_.empty() || !all_synced())
    return;
  run_scheduled_ = true;
  this->send(this, run_queue{});
}

/// What was parsed for the keys at work is many times what the objects are: an idle controller
/// keeps none of it.
void controller_actor::forget_if_idle() {
  const auto idle = this->clock().now() - last_run_;
  if (idle < idle_time) {
    this->delayed_send(this, idle_time - idle, forget_parsed{});
    return;
  }
  forget_scheduled_ = false;
  view_.forget_parsed();
}

void controller_actor::run() {
  run_scheduled_ = false;
  if (!all_synced())
    return;
  last_run_ = this->clock().now();
  if (!std::exchange(forget_scheduled_, true))
    this->delayed_send(this, idle_time, forget_parsed{});
  std::vector<attempt> attempts;
  size_t calls = 0;
  while (attempts.size() < keys_a_run && calls < calls_a_run) {
    const auto key = queue_.take();
    if (!key)
      break;
    auto a = reconcile_one(*key);
    if (!a)
      retry(*key);
    else if (a->work.calls.empty())
      finish(*a);
    else {
      calls += a->work.calls.size();
      attempts.push_back(std::move(*a));
    }
  }
  if (!attempts.empty())
    write(std::move(attempts));
  schedule_run();
}

std::optional<controller_actor::attempt> controller_actor::reconcile_one(const object_id& key) {
  try {
    ++reconciles_;
    attempt res;
    res.key = key;
    res.work = work_->reconcile(key, view_, env_.clock->now());
    return res;
  } catch (const std::exception& e) {
    spdlog::error("{}: {}/{}: {}", work_->name(), key.ns, key.name, e.what());
    return std::nullopt;
  }
}

void controller_actor::write(std::vector<attempt> attempts) {
  const auto requests = env_.roles->find<runtime::requests_handle>(requests_role_);
  if (!requests) {
    for (auto& a : attempts) {
      a.failed = true;
      rest(a);
    }
    return;
  }
  const auto self = user_of(*work_);
  runtime::call_batch batch;
  for (auto& a : attempts) {
    a.first = batch.calls.size();
    a.count = a.work.calls.size();
    for (auto& c : std::exchange(a.work.calls, {})) {
      c.user = self;
      batch.calls.push_back(std::move(c));
    }
  }
  auto shared = std::make_shared<std::vector<attempt>>(std::move(attempts));
  this->request(requests, write_deadline, std::move(batch))
      .then([this, shared](runtime::call_outcomes& o) { settle(*shared, o.outcomes); },
            [this, shared](const caf::error& why) {
              spdlog::warn("{}: cannot write: {}", work_->name(), this->system().render(why));
              for (auto& a : *shared) {
                a.failed = true;
                rest(a);
              }
            });
}

void controller_actor::settle(std::vector<attempt>& attempts,
                              const std::vector<runtime::call_outcome>& outcomes) {
  std::vector<attempt> more;
  for (auto& a : attempts) {
    const auto results = note_results(a, outcomes);
    if (a.work.then && take_next_step(a, results) && !a.work.calls.empty())
      more.push_back(std::move(a));
    else
      finish(a);
  }
  if (!more.empty())
    write(std::move(more));
  schedule_run();
}

std::vector<call_result>
controller_actor::note_results(attempt& a, const std::vector<runtime::call_outcome>& outcomes) {
  std::vector<call_result> res;
  bool all_ok = true;
  for (size_t i = a.first; i < a.first + a.count; ++i) {
    const auto& o = outcomes[i];
    res.push_back({o.ok, o.failure, o.object.ptr});
    if (o.ok && o.object) {
      auto& revision = a.until[o.object->resource()];
      revision = std::max(revision, o.object->revision());
    } else if (!o.ok) {
      all_ok = false;
      if (!explained_by_newer_view(o.failure) && !a.work.then)
        spdlog::warn("{}: {}/{}: {}", work_->name(), a.key.ns, a.key.name, o.failure.message);
    }
  }
  a.failed |= !all_ok && !a.work.then;
  std::vector<const event_note*> due;
  for (const auto& e : a.work.events)
    if (e.of_call ? *e.of_call < res.size() && res[*e.of_call].ok : all_ok)
      due.push_back(&e);
  record(due);
  a.work.events.clear();
  return res;
}

/// False when there is none, or it failed to be made.
bool controller_actor::take_next_step(attempt& a, const std::vector<call_result>& results) {
  try {
    const auto then = std::move(a.work.then);
    const auto requeue = a.work.requeue_after;
    a.failed |= a.work.retry;
    a.work = then(results);
    if (!a.work.requeue_after)
      a.work.requeue_after = requeue;
    return true;
  } catch (const std::exception& e) {
    spdlog::error("{}: {}/{}: {}", work_->name(), a.key.ns, a.key.name, e.what());
    a.work = {};
    a.failed = true;
    return false;
  }
}

/// No more steps: what is left of the work is its events.
void controller_actor::finish(attempt& done) {
  done.failed |= done.work.retry;
  std::vector<const event_note*> due;
  for (const auto& e : done.work.events)
    due.push_back(&e);
  record(due);
  if (done.work.requeue_after && !done.failed)
    wake_in(*done.work.requeue_after, done.key);
  rest(done);
}

/// Lets go of the key once the view shows what was written, also when some of it failed.
void controller_actor::rest(attempt& done) {
  failures_ += done.failed;
  // Only what is watched whole tells reliably how far it is.
  std::erase_if(done.until, [this](const auto& wanted) {
    const auto w = std::find_if(watches_.begin(), watches_.end(), [&](const auto& spec) {
      return spec.resource == wanted.first && spec.what.label_selector.empty() &&
             spec.what.field_selector.empty() && spec.what.ns.empty();
    });
    const auto number = static_cast<uint64_t>(w - watches_.begin());
    return w == watches_.end() || ended_.contains(number) ||
           view_.revision(wanted.first) >= wanted.second;
  });
  if (!done.until.empty())
    resting_.push_back({std::move(done.key), std::move(done.until), done.failed});
  else if (done.failed)
    retry(done.key);
  else
    queue_.finish(done.key);
}

/// The key is looked at again by then. A timer that is set for earlier does as well: the reconcile
/// that it brings asks anew.
void controller_actor::wake_in(std::chrono::nanoseconds wait, const object_id& key) {
  const auto due = this->clock().now() + wait;
  const auto [i, fresh] = wakes_.try_emplace(key, due);
  if (!fresh && i->second <= due)
    return;
  i->second = due;
  this->delayed_send(this, wait, wake_key{key});
}

void controller_actor::retry(const object_id& key) {
  this->delayed_send(this, queue_.fail(key), wake_key{key});
}

void controller_actor::release_rested() {
  const auto is_ended = [this](const std::string& resource) {
    return std::any_of(ended_.begin(), ended_.end(),
                       [&](uint64_t i) { return watches_[i].resource == resource; });
  };
  std::erase_if(resting_, [&](const resting& r) {
    for (const auto& [resource, revision] : r.until)
      if (view_.revision(resource) < revision && !is_ended(resource))
        return false;
    if (r.failed)
      retry(r.key);
    else
      queue_.finish(r.key);
    return true;
  });
}

void controller_actor::record(const std::vector<const event_note*>& notes) {
  const auto requests = env_.roles->find<runtime::requests_handle>(requests_role_);
  if (notes.empty() || !requests)
    return;
  runtime::call_batch batch;
  for (const auto* n : notes)
    if (auto call = recorder_.record(*n, env_.clock->now())) {
      call->user = user_of(*work_);
      batch.calls.push_back(std::move(*call));
    }
  if (batch.calls.empty())
    return;
  // An event that cannot be recorded is not worth a retry.
  this->request(requests, write_deadline, std::move(batch))
      .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
}

std::string controller_actor::describe() const {
  std::string watched;
  for (uint64_t i = 0; i < watches_.size(); ++i)
    if (!ended_.contains(i))
      watched += (watched.empty() ? "\"" : ",\"") + watches_[i].resource + "\"";
  return "{\"watches\":[" + watched + "],\"wakesSet\":" + std::to_string(wakes_.size()) +
         ",\"queued\":" + std::to_string(queue_.size()) +
         ",\"running\":" + std::to_string(queue_.running()) +
         ",\"resting\":" + std::to_string(resting_.size()) +
         ",\"reconciles\":" + std::to_string(reconciles_) +
         ",\"failures\":" + std::to_string(failures_) + "}";
}

} // namespace thespis::actors
