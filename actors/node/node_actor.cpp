#include "actors/node/node_actor.hpp"

#include "api/generated/coordination_v1.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"
#include "runtime/introspection/journal.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto write_deadline = 180s;
constexpr auto retry_delay = 500ms;
/// A starting pod changes its status several times within this; one write tells the last.
constexpr auto gather_delay = 10ms;

const std::string& label(const runtime::string_map& labels, const char* key) {
  static const std::string none;
  const auto i = labels.find(key);
  return i == labels.end() ? none : i->second;
}

} // namespace

node_actor::node_actor(caf::actor_config& cfg, node_deps deps)
    : actor_base(cfg, "node", deps.description.metadata.name), deps_(std::move(deps)),
      recorder_("kubelet", deps_.ports->env.random, deps_.description.metadata.name),
      eviction_(deps_.eviction) {}

node_actor::behavior_type node_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    // A pod actor that died of an error is started again on what the runtime has.
    for (auto& [uid, entry] : pods_)
      if (entry.actor && entry.actor.address() == down.source) {
        entry.actor = pod_handle{};
        if (down.reason)
          spdlog::error("pod {}/{}: actor died: {}", entry.ns, entry.name,
                        this->system().render(down.reason));
        find_leftovers();
        return;
      }
    this->delayed_send(this, retry_delay, continuation{[this] { start_watching(); }});
  });
  containers().on_exit([address = this->address()](std::string id) {
    if (auto self = caf::actor_cast<node_handle>(address))
      caf::anon_send(self, container_hint{std::move(id)});
  });
  network_ready_ = deps_.pod_cidr_patience.count() == 0;
  pod_cidr_deadline_ = this->clock().now() + deps_.pod_cidr_patience;
  show_state("starting");
  register_node();
  find_leftovers();
  if (deps_.relist_interval > 0s)
    this->delayed_send(this, deps_.relist_interval, relist{});
  check_pressure();
  return {
      [this](const runtime::watch_batch& b) { handle(b); },
      [this](const runtime::watch_closed&) { start_watching(); },
      [this](pod_status_changed& s) {
        statuses_.insert_or_assign(s.uid, std::move(s));
        schedule_flush();
      },
      [this](const pod_event& e) { record(e); },
      [this](const pod_released& r) {
        released_.insert(r.uid);
        if (const auto i = pods_.find(r.uid); i != pods_.end())
          i->second.holding = {};
        ended_.push_back(r);
        remove_ended();
      },
      [this](const find_container& f) { return find(f); },
      [this](const open_log& o) { return open(o); },
      [this](const open_connection& o) { return open(o); },
      [this](const usage_query&) { return measure(); },
      [this](const node_page_query& q) { return show(q); },
      [this](const container_hint& h) {
        for (auto& [uid, entry] : pods_)
          if (entry.actor)
            this->send(entry.actor, h);
      },
      [](const continuation& c) { c.run(); },
      [this](const heartbeat&) {
        this->delayed_send(this, deps_.lease_interval, heartbeat{});
        if (registered_)
          renew_lease();
        else
          register_node();
      },
      [this](const relist&) {
        this->delayed_send(this, deps_.relist_interval, relist{});
        compare();
      },
      [this](const flush_statuses&) {
        flush_scheduled_ = false;
        flush();
      },
  };
}

void node_actor::on_exit() {
  // Pods' containers go on; their actors do not.
  for (auto& [uid, entry] : pods_)
    if (entry.actor)
      this->send_exit(entry.actor, caf::exit_reason::user_shutdown);
  pods_.clear();
  for (const auto& address : streams_)
    if (auto stream = caf::actor_cast<caf::actor>(address))
      caf::anon_send_exit(stream, caf::exit_reason::user_shutdown);
  streams_.clear();
  actor_base::on_exit();
}

// --- the runtime's side --------------------------------------------------------------------------

void node_actor::find_leftovers() {
  containers().list_sandboxes(
      {}, here<std::vector<runtime::sandbox_summary>>([this](auto found) {
        if (!found) {
          runtime_ready_ = false;
          runtime_message_ = found.error().message;
          this->delayed_send(this, retry_delay, continuation{[this] { find_leftovers(); }});
          return;
        }
        containers().list_containers(
            {}, here<std::vector<runtime::container_summary>>([this, sandboxes = *found](auto all) {
              if (!all) {
                this->delayed_send(this, retry_delay, continuation{[this] { find_leftovers(); }});
                return;
              }
              runtime_ready_ = true;
              for (const auto& s : sandboxes)
                leftovers_[s.metadata.uid].sandboxes.push_back(s);
              for (auto& c : *all)
                leftovers_[label(c.labels, "io.kubernetes.pod.uid")].containers.push_back(c);
              if (!synced_) {
                read_static_pods([this] { start_watching(); });
                return;
              }
              for (auto& [uid, entry] : pods_)
                if (!entry.actor)
                  start_pod(entry.object);
              leftovers_.clear();
            }));
      }));
}

void node_actor::compare() {
  check_pressure();
  if (synced_)
    read_static_pods([] {});
  containers().list_sandboxes(
      {}, here<std::vector<runtime::sandbox_summary>>([this](auto found) {
        const bool was_ready = runtime_ready_;
        runtime_ready_ = found.has_value();
        runtime_message_ = found ? "" : found.error().message;
        if (was_ready != runtime_ready_)
          write_status();
        if (!found)
          return;
        containers().list_containers(
            {}, here<std::vector<runtime::container_summary>>([this, sandboxes = *found](auto all) {
              if (!all)
                return;
              std::map<std::string, pod_observation> by_pod;
              for (const auto& s : sandboxes)
                by_pod[s.metadata.uid].sandboxes.push_back(s);
              for (const auto& c : *all)
                by_pod[label(c.labels, "io.kubernetes.pod.uid")].containers.push_back(c);
              for (auto& [uid, entry] : pods_)
                if (entry.actor)
                  this->send(entry.actor, by_pod[uid]);
              if (synced_)
                sweep(by_pod);
              rotate_logs(*all);
              if (this->clock().now() >= images_due_)
                look_at_images(*all, [] {});
              for (auto& [uid, entry] : pods_)
                if (entry.actor && entry.resize == resize_verdict::deferred && judge_resize(entry))
                  this->send(entry.actor,
                             pod_update{entry.object, entry.resize, entry.resize_message});
            }));
      }));
}

void node_actor::rotate_logs(const std::vector<runtime::container_summary>& all) {
  if (deps_.ports->facts->data_dir.empty())
    return;
  std::vector<std::pair<std::string, std::string>> logs; // container, file
  for (const auto& c : all) {
    const auto i = pods_.find(label(c.labels, "io.kubernetes.pod.uid"));
    if (c.state == runtime::container_state::running && i != pods_.end())
      logs.emplace_back(
          c.id, pod_log_directory(*deps_.ports->facts, i->second.ns, i->second.name, i->first) +
                    "/" + c.name + "/" + std::to_string(c.attempt) + ".log");
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(deps_.ports->env.clock->now());
  deps_.ports->volumes->run(
      [logs = std::move(logs), limits = deps_.logs, containers = deps_.ports->containers, now] {
        for (const auto& [id, file] : logs) {
          if (!runtime::log_is_full(file, limits))
            continue;
          auto moved = runtime::rotate_log(file, limits, now);
          if (!moved) {
            spdlog::warn("{}", moved.error().message);
            continue;
          }
          containers->reopen_log(id, [from = moved->string(), file](auto ok) {
            if (ok)
              return;
            // The container writes to the moved file still: it is the log again.
            spdlog::warn("cannot begin a new log {}: {}", file, ok.error().message);
            (void)std::rename(from.c_str(), file.c_str());
          });
        }
      });
}

void node_actor::sweep(const std::map<std::string, pod_observation>& found) {
  // Sandboxes of pods that the API no longer has.
  for (const auto& [uid, what] : found) {
    if (pods_.contains(uid))
      continue;
    for (const auto& s : what.sandboxes) {
      spdlog::info("node {}: removing the sandbox of {}/{}, which is gone", node_name(),
                   s.metadata.ns, s.metadata.name);
      containers().stop_sandbox(s.id,
                                [this, runtime = deps_.ports->containers, id = s.id](auto ok) {
                                  if (ok)
                                    runtime->remove_sandbox(id, [](auto) {});
                                });
    }
    deps_.ports->volumes->remove(uid, [](auto) {});
  }
}

// --- the API's side ------------------------------------------------------------------------------

void node_actor::start_watching() {
  const auto registry =
      deps_.ports->env.roles->find<runtime::registry_handle>(runtime::registry_role("pods"));
  if (!registry) {
    this->delayed_send(this, retry_delay, continuation{[this] { start_watching(); }});
    return;
  }
  this->monitor(registry);
  api::selection mine;
  mine.node_name = node_name();
  this->send(registry, runtime::subscribe{this, 0, std::move(mine), 0});
}

void node_actor::handle(const runtime::watch_batch& batch) {
  for (const auto& e : batch.what.events)
    take(e);
  if (batch.what.initial_end) {
    std::set<std::string> present;
    for (const auto& e : batch.what.events) {
      const auto hash = statics_.empty() ? std::string{} : mirrored_hash(*e.object);
      present.insert(hash.empty() ? e.object->uid() : hash);
    }
    // Static pods run with or without a mirror.
    for (const auto& [hash, s] : statics_)
      present.insert(hash);
    // A pod that went while nobody told is ended like a deleted one.
    for (auto& [uid, entry] : pods_)
      if (!present.contains(uid))
        take({api::event_kind::deleted, entry.object});
    if (!std::exchange(synced_, true)) {
      sweep(leftovers_);
      for (const auto& uid : deps_.ports->volumes->leftovers())
        if (!pods_.contains(uid))
          deps_.ports->volumes->remove(uid, [](auto) {});
    }
    leftovers_.clear();
    for (const auto& [hash, s] : statics_)
      ensure_mirror(hash);
    show_state("running");
  }
  if (const auto registry =
          deps_.ports->env.roles->find<runtime::registry_handle>(runtime::registry_role("pods")))
    this->send(registry, runtime::watch_ack{this, batch.watch});
}

void node_actor::take(const api::watch_event& e) {
  if (!deps_.static_pod_path.empty() && take_mirror(e))
    return;
  const auto& uid = e.object->uid();
  const auto i = pods_.find(uid);
  if (e.kind == api::event_kind::deleted) {
    if (i == pods_.end())
      return;
    if (released_.erase(uid) > 0 || !i->second.actor) {
      if (i->second.actor) {
        // Unless a pod of the same name has taken its place.
        const auto role = runtime::pod_role(i->second.ns, i->second.name);
        auto& roles = *deps_.ports->env.roles;
        if (roles.find<pod_handle>(role) == i->second.actor)
          roles.erase(role);
        this->send_exit(i->second.actor, caf::exit_reason::user_shutdown);
      }
      pods_.erase(i);
      return;
    }
    // Removed by force: the containers still have to end, but nobody counts on their room.
    i->second.holding = {};
    auto doc = e.object->parse();
    auto& meta = api::json::ensure_object(doc, "metadata", doc.GetAllocator());
    api::json::set(meta, "deletionTimestamp", api::format_time(deps_.ports->env.clock->now()),
                   doc.GetAllocator());
    auto draft = api::make_draft("pods", doc);
    i->second.object = api::seal(std::move(draft), e.object->revision());
    this->send(i->second.actor, pod_update{i->second.object, {}, {}});
    return;
  }
  if (i != pods_.end()) {
    const bool respecified = i->second.object->meta().generation != e.object->meta().generation;
    i->second.object = e.object;
    if (respecified)
      (void)judge_resize(i->second);
    if (i->second.actor)
      this->send(i->second.actor, pod_update{e.object, i->second.resize, i->second.resize_message});
    return;
  }
  pods_[uid] = {e.object->ns(), e.object->name(), pod_handle{}, e.object, {}};
  start_pod(e.object);
}

void node_actor::start_pod(const api::object_ptr& pod) {
  pod_observation found;
  if (const auto i = leftovers_.find(pod->uid()); i != leftovers_.end()) {
    found = std::move(i->second);
    leftovers_.erase(i);
  }
  pod_deps deps{deps_.ports, node_handle{this}, pod, std::move(found)};
  if (const auto no = admit(pod, !deps.found.sandboxes.empty())) {
    record({api::object_ref{pod}, "Warning", no->reason, no->message, {}});
    deps.rejected = end_pod{no->reason, "Pod was rejected: " + no->message};
  }
  pods_[pod->uid()].limits_storage =
      deps_.statistics && limits_storage(api::typed<api::v1::pod>(*pod)->spec);
  auto actor = this->spawn<pod_actor>(std::move(deps));
  this->monitor(actor);
  runtime::note(deps_.ports->env, {"pods", pod->ns(), pod->name()},
                "node/" + deps_.description.metadata.name, "pod actor started");
  // Messages to a service reach it by this name.
  deps_.ports->env.roles->put(runtime::pod_role(pod->ns(), pod->name()),
                              caf::actor_cast<caf::strong_actor_ptr>(actor));
  pods_[pod->uid()].actor = std::move(actor);
}

void node_actor::submit(std::vector<api::call> calls,
                        std::function<void(const std::vector<runtime::call_outcome>&)> done) {
  const auto requests =
      deps_.ports->env.roles->find<runtime::requests_handle>(runtime::requests_role);
  // Shared: what it holds on to is the whole batch, and both ways on need it.
  const auto told = std::make_shared<decltype(done)>(std::move(done));
  const auto failed = [n = calls.size(), told] { (*told)(std::vector<runtime::call_outcome>(n)); };
  if (!requests) {
    this->delayed_send(this, retry_delay, continuation{failed});
    return;
  }
  const api::user_info self{
      "system:node:" + node_name(), {}, {"system:nodes", "system:authenticated"}};
  for (auto& c : calls)
    c.user = self;
  this->request(requests, write_deadline, runtime::call_batch{std::move(calls)})
      .then([told](const runtime::call_outcomes& o) { (*told)(o.outcomes); },
            [this, failed](const caf::error&) {
              this->delayed_send(this, retry_delay, continuation{failed});
            });
}

void node_actor::schedule_flush() {
  // One batch at a time; what comes meanwhile waits for its end.
  if (flushing_ || std::exchange(flush_scheduled_, true))
    return;
  this->delayed_send(this, gather_delay, flush_statuses{});
}

void node_actor::flush() {
  if (flushing_ || (statuses_.empty() && events_.empty()))
    return;
  flushing_ = true;
  std::vector<pod_status_changed> sent;
  std::vector<api::call> calls;
  for (auto& [uid, s] : std::exchange(statuses_, {})) {
    if (const auto i = statics_.find(uid); i != statics_.end())
      i->second.last_status = s.body;
    const auto known_as = api_uid(uid);
    if (known_as.empty())
      continue; // told when there is a mirror
    auto call = patch_call("pods", {s.ns, s.name}, s.body, "status");
    call.precondition_uid = known_as;
    calls.push_back(std::move(call));
    sent.push_back(std::move(s));
  }
  for (auto& e : std::exchange(events_, {}))
    calls.push_back(std::move(e));
  submit(std::move(calls),
         [this, sent = std::move(sent)](const auto& outcomes) { flushed(sent, outcomes); });
}

void node_actor::flushed(const std::vector<pod_status_changed>& sent,
                         const std::vector<runtime::call_outcome>& outcomes) {
  flushing_ = false;
  for (size_t i = 0; i < sent.size(); ++i) {
    const auto& s = sent[i];
    const auto& o = outcomes[i];
    const auto there = deps_.ports->state->get("pods", s.ns, s.name);
    // Nobody is left to be told of, or only another pod of the same name.
    const bool gone =
        o.failure.why == api::reason::not_found ||
        (o.failure.why == api::reason::conflict && (!there || there->uid() != api_uid(s.uid)));
    if (!o.ok && !gone) {
      spdlog::warn("node {}: status of {}/{}: {}", node_name(), s.ns, s.name, o.failure.message);
      // Unless a newer one waits already, the same is written again.
      statuses_.try_emplace(s.uid, s);
    }
  }
  remove_ended();
  if (!statuses_.empty() || !events_.empty())
    schedule_flush();
}

/// A pod's last status is written before it goes: those in a batch on its way, and those that wait
/// for one, stay until that is done.
void node_actor::remove_ended() {
  if (!leaving_.empty() && released_.contains(leaving_)) {
    leaving_.clear();
    check_pressure();
  }
  if (flushing_)
    return;
  std::vector<pod_released> waiting;
  for (auto& r : std::exchange(ended_, {})) {
    if (statuses_.contains(r.uid))
      waiting.push_back(std::move(r));
    else
      remove_from_api(r);
  }
  ended_.insert(ended_.end(), waiting.begin(), waiting.end());
}

void node_actor::remove_from_api(const pod_released& r) {
  const auto i = pods_.find(r.uid);
  if (i == pods_.end())
    return;
  const auto& object = i->second.object;
  if (!object->meta().deleting) {
    // Completed: the object stays until somebody deletes it, and its actor to watch for that.
    released_.erase(r.uid);
    return;
  }
  const auto shown = in_api(object);
  submit({delete_call(*shown, 0)}, [this, r, mirror = shown != object](const auto& outcomes) {
    const auto& o = outcomes.front();
    const auto entry = pods_.find(r.uid);
    if (entry == pods_.end())
      return;
    if (o.failure.why == api::reason::not_found || o.failure.why == api::reason::conflict ||
        (o.ok && mirror))
      take({api::event_kind::deleted, entry->second.object});
    else if (!o.ok)
      this->delayed_send(this, retry_delay, continuation{[this, r] { remove_from_api(r); }});
  });
}

void node_actor::record_on_node(const std::string& type, const std::string& reason,
                                const std::string& message) {
  event_note note;
  note.type = type;
  note.reason = reason;
  note.message = message;
  note.about = deps_.ports->state->get("nodes", {}, node_name());
  note.kind = "Node";
  note.api_version = "v1";
  if (!note.about)
    return;
  if (auto call = recorder_.record(note, deps_.ports->env.clock->now())) {
    events_.push_back(std::move(*call));
    schedule_flush();
  }
}

void node_actor::record(const pod_event& e) {
  if (e.pod.ptr)
    runtime::note(deps_.ports->env, {"pods", e.pod->ns(), e.pod->name()}, "pod actor", e.reason,
                  e.message);
  event_note note;
  note.type = e.type;
  note.reason = e.reason;
  note.message = e.message;
  note.about = e.pod.ptr;
  note.kind = "Pod";
  note.api_version = "v1";
  note.field_path = e.field_path;
  if (auto call = recorder_.record(note, deps_.ports->env.clock->now())) {
    events_.push_back(std::move(*call));
    schedule_flush();
  }
}

std::string node_actor::describe() const {
  constexpr size_t most = 200;
  std::string names;
  size_t without_actor = 0;
  for (const auto& [uid, entry] : pods_) {
    without_actor += entry.actor ? 0 : 1;
    if (names.size() < most * 40)
      names += (names.empty() ? "" : ",") + api::json::quote(entry.ns + "/" + entry.name);
  }
  return "{\"registered\":" + std::string{registered_ ? "true" : "false"} +
         ",\"pods\":" + std::to_string(pods_.size()) +
         ",\"podsWithoutActor\":" + std::to_string(without_actor) + ",\"podNames\":[" + names +
         "],\"leftovers\":" + std::to_string(leftovers_.size()) +
         ",\"eventsWaiting\":" + std::to_string(events_.size()) +
         ",\"statusesWaiting\":" + std::to_string(statuses_.size()) +
         ",\"runtimeReady\":" + (runtime_ready_ ? "true" : "false") + "}";
}

} // namespace thespis::actors
