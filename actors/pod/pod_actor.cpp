#include "actors/pod/pod_actor.hpp"

#include "actors/pod/volume_files.hpp"
#include "api/json.hpp"
#include "runtime/cri/log_rotation.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

/// Config maps, secrets and fields of running pods are brought up to date this often.
constexpr auto refresh_interval = 10s;
/// Before the runtime is asked again for what it could not tell.
constexpr auto retry_delay = 1s;
/// What the API shows other than it was told is either older, or somebody else's word.
constexpr auto settle_delay = 2s;

// A merge patch keeps what it does not name: what `known` shows and is gone is named as null.
std::string status_patch(const api::v1::pod_status& status, const api::v1::pod_status& known) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  api::json::value root{rapidjson::kObjectType};
  auto body = api::v1::to_json(status, a);
  const auto clear = [&](rapidjson::GenericStringRef<char> name, bool gone) {
    if (gone && !body.HasMember(name))
      body.AddMember(name, api::json::value{}, a);
  };
  clear("reason", !known.reason.empty());
  clear("message", !known.message.empty());
  clear("podIP", !known.pod_ip.empty());
  clear("podIPs", !known.pod_ips.empty());
  root.AddMember("status", body, a);
  return api::json::to_string(root);
}

std::string names_of(const std::vector<api::v1::container>& containers) {
  std::string res = "[";
  for (const auto& c : containers)
    res += (res.size() > 1 ? " " : "") + c.name;
  return res + "]";
}

} // namespace

pod_actor::pod_actor(caf::actor_config& cfg, pod_deps deps)
    : actor_base(cfg, "pod", api::object_key(deps.pod->ns(), deps.pod->name())),
      deps_(std::move(deps)), state_(std::exchange(deps_.pod, nullptr), deps_.ports->facts->ip,
                                     now(), deps_.ports->facts->second_ip) {}

pod_actor::behavior_type pod_actor::make_behavior() {
  this->delayed_send(this, 0s, pod_tick{0});
  const auto& volumes = state_.pod().spec.volumes;
  if (std::any_of(volumes.begin(), volumes.end(), is_filled))
    this->delayed_send(this, refresh_interval, refresh_volumes{});
  adopt();
  if (const auto no = std::exchange(deps_.rejected, std::nullopt))
    state_.end(no->reason, no->message);
  return {
      [this](const pod_update& u) {
        state_.update(u.pod.ptr, now());
        state_.decide_resize(u.resize, u.resize_message);
        if (released_) {
          release();
          return;
        }
        advance();
        if (state_.told_otherwise())
          tell_again();
      },
      [this](const pod_observation& o) { observe(o); },
      [this](const container_hint& h) {
        if (state_.by_id(h.id))
          check_container(h.id);
        else if (h.id == state_.sandbox_id())
          check_sandbox();
      },
      [this](const end_pod& e) {
        const auto grace = std::chrono::seconds{e.grace_seconds};
        state_.end(e.reason, e.message, grace < 0s ? std::nullopt : std::optional{grace},
                   e.disruption);
        advance();
      },
      [this](const container_query& q) { return locate(q); },
      [this](const continuation& c) {
        c.run();
        advance();
      },
      [this](const pod_tick& t) {
        if (t.generation != tick_)
          return;
        armed_.reset();
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
      discard(s.id);
  adopting_ = std::make_shared<size_t>(1);
  const auto last = [left = adopting_] { --*left; };
  adopt_sandbox(newest->id, last);
  for (const auto& c : found.containers)
    if (c.sandbox_id == newest->id) {
      ++*adopting_;
      adopt_container(c.id, last);
    }
}

void pod_actor::discard(const std::string& sandbox) {
  containers().stop_sandbox(sandbox, here<void>([this, sandbox](auto stopped) {
                              if (stopped)
                                containers().remove_sandbox(sandbox, [](auto) {});
                            }));
}

void pod_actor::adopt_sandbox(const std::string& id, std::function<void()> done) {
  containers().get_sandbox(id, here<runtime::sandbox_status>([this, id, done](auto s) {
                             // Only what is certainly gone may be made anew.
                             if (!s && s.error().why != api::reason::not_found) {
                               this->delayed_send(this, retry_delay, continuation{[this, id, done] {
                                                    adopt_sandbox(id, done);
                                                  }});
                               return;
                             }
                             if (s)
                               state_.adopt_sandbox(*s);
                             done();
                           }));
}

void pod_actor::adopt_container(const std::string& id, std::function<void()> done) {
  containers().get_container(id, here<runtime::container_status>([this, id, done](auto s) {
                               if (!s && s.error().why != api::reason::not_found) {
                                 this->delayed_send(
                                     this, retry_delay,
                                     continuation{[this, id, done] { adopt_container(id, done); }});
                                 return;
                               }
                               if (s) {
                                 if (s->state == runtime::container_state::exited)
                                   s->message = message_of(*s);
                                 state_.adopt_container(*s);
                               }
                               done();
                             }));
}

void pod_actor::observe(const pod_observation& o) {
  for (const auto& c : state_.containers()) {
    if (c.phase != container_phase::running && c.phase != container_phase::stopping)
      continue;
    const bool runs = std::any_of(o.containers.begin(), o.containers.end(), [&](const auto& s) {
      return s.id == c.id && s.state == runtime::container_state::running;
    });
    if (!runs)
      check_container(c.id);
  }
  bool ready = false;
  for (const auto& s : o.sandboxes) {
    if (s.id == state_.sandbox_id())
      ready = s.state == runtime::sandbox_state::ready;
    else if (s.metadata.attempt < state_.sandbox_attempt())
      discard(s.id); // one that was given up, and came after all
  }
  if (!ready && !state_.sandbox_id().empty())
    check_sandbox();
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
  state_.rest();
}

void pod_actor::arm_timer() {
  const auto at = now();
  const auto due = state_.next_due(at);
  // An earlier tick that is on its way arms the next one.
  if (!due || (armed_ && *armed_ <= *due))
    return;
  armed_ = due;
  this->delayed_send(this, *due - at, pod_tick{++tick_});
}

void pod_actor::publish() {
  auto body = status_patch(state_.status(now()), state_.pod().status);
  const auto fingerprint = std::hash<std::string>{}(body);
  if (fingerprint == published_)
    return;
  published_ = fingerprint;
  const auto& o = state_.object();
  this->send(deps_.node, pod_status_changed{o.ns(), o.name(), o.uid(), std::move(body)});
}

void pod_actor::tell_again() {
  if (std::exchange(telling_again_, true))
    return;
  this->delayed_send(this, settle_delay, continuation{[this] {
                       telling_again_ = false;
                       if (state_.told_otherwise())
                         published_ = 0;
                     }});
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
                                  state_.on_volumes(paths.has_value(), now());
                                }));
}

void pod_actor::refresh() {
  if (state_.stage() == pod_stage::finished)
    return;
  this->delayed_send(this, refresh_interval, refresh_volumes{});
  if (state_.stage() != pod_stage::running)
    return;
  deps_.ports->volumes->prepare(state_.pod_ptr(), here<volume_paths>([this](auto paths) {
                                  if (paths)
                                    volumes_ = std::move(*paths);
                                }));
}

api::result<std::string> pod_actor::runtime_handler() const {
  const auto& name = state_.pod().spec.runtime_class_name;
  if (name.empty())
    return std::string{};
  const auto found = deps_.ports->state->get("runtimeclasses.node.k8s.io", {}, name);
  if (!found)
    return api::fail(api::not_found("runtimeclasses.node.k8s.io", name));
  const auto doc = found->parse();
  return std::string{api::json::get_string(doc, "handler")};
}

api::result<runtime::sandbox_config> pod_actor::sandbox_config(uint32_t attempt) const {
  const auto& pod = state_.pod();
  if (auto name = kernel_hostname(pod, *deps_.ports->facts); !name)
    return api::fail(std::move(name.error()));
  auto handler = runtime_handler();
  if (!handler) {
    handler.error().message = "failed to get sandbox runtime: " + handler.error().message;
    return api::fail(std::move(handler.error()));
  }
  // The runtime that we stand on has no user namespaces.
  if (pod.spec.host_users == false)
    return api::fail(api::bad_request(
        handler->empty()
            ? "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
            : "can't set `spec.hostUsers: false`, RuntimeClass handler \"" + *handler +
                  "\" does not support user namespaces"));
  auto config = make_sandbox_config(pod, attempt, *deps_.ports->facts);
  config.runtime_handler = std::move(*handler);
  return config;
}

void pod_actor::perform(const run_sandbox& a) {
  auto made = sandbox_config(a.attempt);
  if (!made) {
    tell({"Warning",
          "FailedCreatePodSandBox",
          "Failed to create pod sandbox: " + made.error().message,
          {}});
    state_.on_sandbox_failed(made.error().message, now());
    return;
  }
  auto config = std::move(*made);
  containers().run_sandbox(std::move(config), here<std::string>([this](auto id) {
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
  containers().stop_sandbox(a.id, here<void>([this, id = a.id](auto stopped) {
                              if (stopped) {
                                take_exits(id);
                                return;
                              }
                              spdlog::warn("pod {}: cannot stop sandbox: {}",
                                           state_.object().name(), stopped.error().message);
                              this->delayed_send(this, retry_delay, continuation{[this] {
                                                   state_.on_sandbox_stopped(false, now());
                                                 }});
                            }));
}

// Removing the sandbox removes its containers: how they ended is asked before.
void pod_actor::take_exits(const std::string& sandbox) {
  auto left = std::make_shared<size_t>(1);
  const auto last = [this, left, sandbox] {
    if (--*left > 0)
      return;
    containers().remove_sandbox(
        sandbox, here<void>([this](auto) { state_.on_sandbox_stopped(true, now()); }));
  };
  for (const auto& c : state_.containers()) {
    if (c.phase != container_phase::running && c.phase != container_phase::stopping)
      continue;
    ++*left;
    containers().get_container(
        c.id, here<runtime::container_status>([this, last, id = c.id](auto s) {
          const bool ended = s && s->state == runtime::container_state::exited;
          if (ended)
            s->message = message_of(*s);
          state_.on_exited(id, ended ? &*s : nullptr, now());
          last();
        }));
  }
  last();
}

void pod_actor::perform(const remove_container& a) {
  containers().remove_container(a.id, [](auto) {});
  if (!a.log_path.empty() && !deps_.ports->facts->data_dir.empty())
    deps_.ports->volumes->run([path = a.log_path] { runtime::remove_log(path); });
}

void pod_actor::perform(const release_pod&) {
  publish();
  release();
}

void pod_actor::release() {
  const bool deleted = state_.deleting();
  if (forgotten_ || (released_ && !deleted))
    return;
  released_ = true;
  forgotten_ = deleted;
  auto done = here<void>([this](auto ok) {
    const auto& o = state_.object();
    if (!ok)
      spdlog::warn("pod {}: {}", o.name(), ok.error().message);
    this->send(deps_.node, pod_released{o.ns(), o.name(), o.uid()});
  });
  // An ended pod that the API still has shows its logs.
  if (deleted)
    deps_.ports->volumes->remove(state_.object().uid(), std::move(done));
  else
    deps_.ports->volumes->release(state_.object().uid(), std::move(done));
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
  const auto& pod = state_.object().name();
  const auto& spec = state_.pod().spec;
  const bool several = spec.containers.size() + spec.init_containers.size() > 1;
  if (q.container.empty() && several) {
    res.failure =
        api::bad_request("a container name must be specified for pod " + pod +
                         ", choose one of: " + names_of(spec.containers) +
                         (spec.init_containers.empty() ? ""
                                                       : " or one of the init containers: " +
                                                             names_of(spec.init_containers)));
    return res;
  }
  const auto i = std::find_if(all.begin(), all.end(), [&](const auto& c) {
    return q.container.empty() ? c.role == container_role::regular : c.spec.name == q.container;
  });
  if (i == all.end()) {
    res.failure = api::bad_request("container " + q.container + " is not valid for pod " + pod);
    return res;
  }
  const auto title = "container \"" + i->spec.name + "\" in pod \"" + pod + "\"";
  if (!i->instances) {
    const bool pulls =
        i->waiting_reason == "ErrImagePull" || i->waiting_reason == "ImagePullBackOff";
    res.failure = api::bad_request(
        q.previous ? "previous terminated " + title + " not found"
                   : title + " is waiting to start: " +
                         (pulls ? "trying and failing to pull image" : i->waiting_reason));
    return res;
  }
  // While it waits to be restarted, the instance that ended last is the previous one.
  const bool waits = i->phase == container_phase::exited && !i->waiting_reason.empty();
  if (q.previous && !waits && i->attempt == 0) {
    res.failure = api::bad_request("previous terminated " + title + " not found");
    return res;
  }
  res.ok = true;
  res.id = i->id;
  res.log_path = log_path(*i, q.previous && !waits ? i->attempt - 1 : i->attempt);
  res.running = !q.previous && i->phase == container_phase::running;
  return res;
}

std::string pod_actor::log_path(const container_record& c, uint32_t attempt) const {
  if (attempt == c.attempt && !c.log_path.empty())
    return c.log_path;
  return pod_log_directory(*deps_.ports->facts, state_.pod().metadata) + "/" + c.spec.name + "/" +
         std::to_string(attempt) + ".log";
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
