#include "actors/pod/pod_actor.hpp"

#include "api/json.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

/// Config maps, secrets and fields of running pods are brought up to date this often.
constexpr auto refresh_interval = 10s;

std::string status_patch(const api::v1::pod_status& status) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  api::json::value root{rapidjson::kObjectType};
  root.AddMember("status", api::v1::to_json(status, a), a);
  return api::json::to_string(root);
}

} // namespace

pod_actor::pod_actor(caf::actor_config& cfg, pod_deps deps)
    : actor_base(cfg, "pod", api::object_key(deps.pod->ns(), deps.pod->name())),
      deps_(std::move(deps)), state_(deps_.pod, deps_.ports->facts->ip, now()) {}

pod_actor::behavior_type pod_actor::make_behavior() {
  this->delayed_send(this, 0s, pod_tick{0});
  this->delayed_send(this, refresh_interval, refresh_volumes{});
  adopt();
  return {
      [this](const pod_update& u) {
        state_.update(u.pod.ptr, now());
        advance();
      },
      [this](const pod_observation& o) {
        for (const auto& c : state_.containers())
          if (c.phase == container_phase::running || c.phase == container_phase::stopping)
            if (std::none_of(o.containers.begin(), o.containers.end(), [&](const auto& s) {
                  return s.id == c.id && s.state == runtime::container_state::running;
                }))
              check_container(c.id);
        if (!state_.sandbox_id().empty())
          check_sandbox();
      },
      [this](const container_hint& h) {
        if (state_.by_id(h.id))
          check_container(h.id);
        else if (h.id == state_.sandbox_id())
          check_sandbox();
      },
      [this](const container_query& q) { return locate(q); },
      [this](const continuation& c) {
        c.run();
        advance();
      },
      [this](const pod_tick& t) {
        if (t.generation == tick_)
          advance();
      },
      [this](const refresh_volumes&) { refresh(); },
  };
}

void pod_actor::adopt() {
  const auto found = std::exchange(deps_.found, {});
  // The newest sandbox is the pod's; older ones and their containers are rubbish.
  const auto newest = std::max_element(
      found.sandboxes.begin(), found.sandboxes.end(),
      [](const auto& a, const auto& b) { return a.metadata.attempt < b.metadata.attempt; });
  if (newest == found.sandboxes.end())
    return;
  for (const auto& s : found.sandboxes)
    if (s.id != newest->id)
      containers().stop_sandbox(s.id, here<void>([this, id = s.id](auto) {
                                  containers().remove_sandbox(id, [](auto) {});
                                }));
  auto left = std::make_shared<size_t>(1);
  auto last = [left] { --*left; };
  sandbox_config_ =
      make_sandbox_config(state_.pod(), newest->metadata.attempt, *deps_.ports->facts);
  *left += found.containers.size();
  adopting_ = left;
  containers().get_sandbox(newest->id, here<runtime::sandbox_status>([this, last](auto s) {
                             if (s)
                               state_.adopt_sandbox(*s);
                             last();
                           }));
  for (const auto& c : found.containers)
    containers().get_container(c.id, here<runtime::container_status>([this, last](auto s) {
                                 if (s)
                                   state_.adopt_container(*s);
                                 last();
                               }));
}

void pod_actor::advance() {
  // Nothing is decided before it is known what runs already.
  if (released_ || (adopting_ && *adopting_ > 0))
    return;
  const auto actions = state_.step(now());
  for (const auto& a : actions)
    std::visit([this](const auto& what) { perform(what); }, a);
  publish();
  show_state(to_string(state_.stage()));
  arm_timer();
}

void pod_actor::arm_timer() {
  ++tick_;
  const auto at = now();
  if (const auto due = state_.next_due(at))
    this->delayed_send(this, *due - at, pod_tick{tick_});
}

void pod_actor::publish() {
  auto body = status_patch(state_.status(now()));
  if (body == published_)
    return;
  published_ = body;
  const auto& o = state_.object();
  this->send(deps_.node, pod_status_changed{o.ns(), o.name(), o.uid(), std::move(body)});
}

void pod_actor::tell(const emit_event& e) {
  std::string path;
  if (!e.container.empty()) {
    const auto& spec = state_.pod().spec;
    const bool init = std::any_of(spec.init_containers.begin(), spec.init_containers.end(),
                                  [&](const auto& c) { return c.name == e.container; });
    path = (init ? "spec.initContainers{" : "spec.containers{") + e.container + "}";
  }
  this->send(deps_.node, pod_event{api::object_ref{state_.object_ptr()}, e.type, e.reason,
                                   e.message, std::move(path)});
}

void pod_actor::perform(const prepare_volumes&) {
  deps_.ports->volumes->prepare(state_.pod_ptr(), here<volume_paths>([this](auto paths) {
                                  if (paths)
                                    volumes_ = std::move(*paths);
                                  else
                                    tell({"Warning", "FailedMount", paths.error().message, {}});
                                  state_.on_volumes(paths.has_value(),
                                                    paths ? "" : paths.error().message, now());
                                }));
}

void pod_actor::refresh() {
  this->delayed_send(this, refresh_interval, refresh_volumes{});
  if (state_.stage() != pod_stage::running)
    return;
  deps_.ports->volumes->prepare(state_.pod_ptr(), here<volume_paths>([this](auto paths) {
                                  if (paths)
                                    volumes_ = std::move(*paths);
                                }));
}

void pod_actor::perform(const run_sandbox& a) {
  sandbox_config_ = make_sandbox_config(state_.pod(), a.attempt, *deps_.ports->facts);
  containers().run_sandbox(sandbox_config_, here<std::string>([this](auto id) {
                             if (!id) {
                               tell({"Warning",
                                     "FailedCreatePodSandBox",
                                     "Failed to create pod sandbox: " + id.error().message,
                                     {}});
                               state_.on_sandbox_failed(id.error().message, now());
                               return;
                             }
                             containers().get_sandbox(
                                 *id, here<runtime::sandbox_status>([this, id = *id](auto s) {
                                   if (s)
                                     state_.on_sandbox_started(id, s->ips);
                                   else
                                     state_.on_sandbox_failed(s.error().message, now());
                                 }));
                           }));
}

void pod_actor::perform(const stop_sandbox& a) {
  containers().stop_sandbox(
      a.id, here<void>([this, id = a.id](auto stopped) {
        if (!stopped) {
          spdlog::warn("pod {}: cannot stop sandbox: {}", state_.object().name(),
                       stopped.error().message);
          this->delayed_send(this, 1s,
                             continuation{[this] { state_.on_sandbox_stopped(false, now()); }});
          return;
        }
        // The containers' logs and exit codes are kept by the status; nothing needs the sandbox.
        for (const auto& c : state_.containers())
          if (c.phase == container_phase::running || c.phase == container_phase::stopping)
            state_.on_exited(c.id, nullptr, now());
        containers().remove_sandbox(
            id, here<void>([this](auto) { state_.on_sandbox_stopped(true, now()); }));
      }));
}

void pod_actor::perform(const remove_container& a) {
  containers().remove_container(a.id, [](auto) {});
}

void pod_actor::perform(const release_pod&) {
  const auto& o = state_.object();
  released_ = true;
  publish();
  deps_.ports->volumes->remove(
      o.uid(), here<void>([this](auto) {
        const auto& object = state_.object();
        this->send(deps_.node, pod_released{object.ns(), object.name(), object.uid()});
      }));
}

void pod_actor::check_container(const std::string& id) {
  containers().get_container(id, here<runtime::container_status>([this, id](auto s) {
                               if (!s) {
                                 if (s.error().why == api::reason::not_found)
                                   state_.on_exited(id, nullptr, now());
                                 return;
                               }
                               if (s->state != runtime::container_state::exited)
                                 return;
                               s->message = message_of(*s);
                               state_.on_exited(id, &*s, now());
                             }));
}

void pod_actor::check_sandbox() {
  const auto id = state_.sandbox_id();
  containers().get_sandbox(id, here<runtime::sandbox_status>([this, id](auto s) {
                             const bool gone = !s && s.error().why == api::reason::not_found;
                             if (gone || (s && s->state == runtime::sandbox_state::not_ready)) {
                               tell({"Normal",
                                     "SandboxChanged",
                                     "Pod sandbox changed, it will be killed and re-created.",
                                     {}});
                               state_.on_sandbox_died(id);
                             }
                           }));
}

container_location pod_actor::locate(const container_query& q) const {
  container_location res;
  res.sandbox_id = state_.sandbox_id();
  const auto& all = state_.containers();
  const auto i = std::find_if(all.begin(), all.end(), [&](const auto& c) {
    return q.container.empty() ? c.role == container_role::regular : c.spec.name == q.container;
  });
  const auto& pod = state_.object().name();
  if (i == all.end()) {
    res.failure = api::bad_request("container " + q.container + " is not valid for pod " + pod);
    return res;
  }
  if (q.previous && i->previous_log.empty()) {
    res.failure = api::bad_request("previous terminated container \"" + i->spec.name +
                                   "\" in pod \"" + pod + "\" not found");
    return res;
  }
  if (!i->instances) {
    res.failure = api::bad_request("container \"" + i->spec.name + "\" in pod \"" + pod +
                                   "\" is waiting to start: " + i->waiting_reason);
    return res;
  }
  res.ok = true;
  res.id = i->id;
  res.log_path = q.previous ? i->previous_log : i->log_path;
  res.running = !q.previous && i->phase == container_phase::running;
  return res;
}

std::string pod_actor::describe() const {
  std::string res = "{\"stage\":\"" + std::string{to_string(state_.stage())} + "\",\"sandbox\":\"" +
                    state_.sandbox_id() + "\",\"containers\":{";
  for (const auto& c : state_.containers()) {
    if (res.back() != '{')
      res += ',';
    res += api::json::quote(c.spec.name) + ":{\"ready\":" + (c.ready() ? "true" : "false") +
           ",\"restarts\":" + std::to_string(c.attempt) + "}";
  }
  return res + "}}";
}

} // namespace thespis::actors
