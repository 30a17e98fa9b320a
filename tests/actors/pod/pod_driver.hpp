// Drives a pod_state on a virtual clock, in place of the actor and the runtime.
//
//   pod_driver d{R"(spec: {containers: [{name: main, image: "web:1"}]})"};
//   d.settle();                       // until it asks for nothing more
//   d.end("main", 1);                 // its process ends
//   d.advance(10s);
#pragma once

#include "actors/pod/pod_state.hpp"
#include "api/object/typed.hpp"
#include "api/schema/schema.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace thespis::test {

using namespace std::chrono_literals;
using namespace thespis::actors;

/// A pod of that name in namespace "default". `text` holds its spec, and more of its metadata and
/// status where a test wants it. Fields that the API would have defaulted are filled in.
inline api::object_ptr make_pod(std::string_view text) {
  auto doc = api::yaml::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, "bad test text: " << text);
  auto& a = doc->GetAllocator();
  api::json::set(*doc, "apiVersion", "v1", a);
  api::json::set(*doc, "kind", "Pod", a);
  auto& meta = api::json::ensure_object(*doc, "metadata", a);
  api::json::set(meta, "name", "web", a);
  api::json::set(meta, "namespace", "default", a);
  api::json::set(meta, "uid", "u-1", a);
  auto& spec = api::json::ensure_object(*doc, "spec", a);
  if (!spec.HasMember("restartPolicy"))
    api::json::set(spec, "restartPolicy", "Always", a);
  return api::seal(api::make_draft("pods", *doc), 1);
}

class pod_driver {
public:
  using time = pod_state::time;

  explicit pod_driver(std::string_view text)
      : now{std::chrono::hours{24 * 20000}}, state{make_pod(text), "192.0.2.1", now} {}

  time now;
  pod_state state;

  // What happened.
  std::vector<std::string> log; ///< "start main", "stop main 30", "sandbox 0", "probe main"
  std::vector<emit_event> events;
  std::vector<std::string> removed;
  bool released = false;

  // What is to happen.
  std::map<std::string, std::string> refuse; ///< container -> waiting reason of its start
  std::map<probe_kind, bool> probes{
      {probe_kind::startup, true}, {probe_kind::liveness, true}, {probe_kind::readiness, true}};
  std::set<std::string> held; ///< kinds of action that are left without an answer
  bool volumes = true;
  bool sandboxes = true;
  std::vector<pod_action> unanswered;

  size_t index(const std::string& name) const {
    const auto& all = state.containers();
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].spec.name == name)
        return i;
    BOOST_FAIL("no container " << name);
    return 0;
  }
  const container_record& container(const std::string& name) const {
    return state.containers()[index(name)];
  }

  void settle() {
    for (int i = 0; i < 10'000; ++i) {
      const auto actions = state.step(now);
      check();
      if (actions.empty())
        return;
      for (const auto& a : actions)
        std::visit([this](const auto& what) { perform(what); }, a);
    }
    BOOST_FAIL("the pod does not come to rest");
  }

  void advance(std::chrono::nanoseconds d) {
    const auto until = now + d;
    settle();
    while (true) {
      const auto due = state.next_due(now);
      if (!due || *due > until)
        break;
      now = *due;
      settle();
    }
    now = until;
    settle();
  }

  /// The container's process ends.
  void end(const std::string& name, int code, const std::string& reason = {}) {
    runtime::container_status s;
    s.exit_code = code;
    s.reason = reason;
    s.finished_at = now.time_since_epoch().count();
    state.on_exited(container(name).id, &s, now);
    settle();
  }

  void update(std::string_view text, resize_verdict verdict = resize_verdict::fits) {
    state.update(make_pod(text), now);
    state.decide_resize(verdict, "of the node");
    settle();
  }

  size_t count(const std::string& entry) const {
    return static_cast<size_t>(std::count(log.begin(), log.end(), entry));
  }
  bool told(const std::string& reason, const std::string& message) const {
    return std::any_of(events.begin(), events.end(),
                       [&](const auto& e) { return e.reason == reason && e.message == message; });
  }

  api::v1::pod_status status() const { return state.status(now); }
  std::string phase() const { return status().phase; }
  api::v1::container_status status_of(const std::string& name) const {
    const auto s = status();
    for (const auto* all :
         {&s.container_statuses, &s.init_container_statuses, &s.ephemeral_container_statuses})
      for (const auto& c : *all)
        if (c.name == name)
          return c;
    BOOST_FAIL("no status of " << name);
    return {};
  }
  /// "running", "waiting CrashLoopBackOff", "terminated 1 Error".
  std::string shown(const std::string& name) const {
    const auto c = status_of(name);
    if (c.state->running)
      return "running";
    if (c.state->waiting)
      return "waiting " + c.state->waiting->reason;
    return "terminated " + std::to_string(c.state->terminated->exit_code) + " " +
           c.state->terminated->reason;
  }
  /// "True", "False ContainersNotReady".
  std::string condition(const std::string& type) const {
    for (const auto& c : status().conditions)
      if (c.type == type)
        return c.status + (c.reason.empty() ? "" : " " + c.reason);
    return "none";
  }

  /// What holds at all times, whatever the runtime does.
  void check() const {
    bool alive = false;
    for (const auto& c : state.containers()) {
      alive |= c.alive();
      BOOST_REQUIRE(!c.creating || c.phase == container_phase::starting);
      if (c.phase == container_phase::running || c.phase == container_phase::stopping)
        BOOST_REQUIRE(!c.id.empty() && c.instances);
      if (c.ready())
        BOOST_REQUIRE(c.alive());
    }
    if (state.stage() == pod_stage::finished)
      BOOST_REQUIRE(!alive && state.sandbox_id().empty());
    const auto s = state.status(now);
    const std::set<std::string> phases{"Pending", "Running", "Succeeded", "Failed"};
    BOOST_REQUIRE(phases.contains(s.phase));
    for (const auto* all : {&s.container_statuses, &s.init_container_statuses})
      for (const auto& c : *all)
        BOOST_REQUIRE_EQUAL(1, int{c.state->running.has_value()} +
                                   int{c.state->waiting.has_value()} +
                                   int{c.state->terminated.has_value()});
  }

  void perform(const prepare_volumes&) {
    log.push_back("volumes");
    if (!hold("volumes", prepare_volumes{}))
      state.on_volumes(volumes, now);
  }
  void perform(const run_sandbox& a) {
    log.push_back("sandbox " + std::to_string(a.attempt));
    if (hold("sandbox", a))
      return;
    if (sandboxes)
      state.on_sandbox_started("sb-" + std::to_string(a.attempt), {"10.42.0.5"});
    else
      state.on_sandbox_failed("no network", now);
  }
  void perform(const stop_sandbox& a) {
    log.push_back("stop " + a.id);
    if (hold("stop sandbox", a))
      return;
    for (const auto& c : state.containers())
      if (c.phase == container_phase::running || c.phase == container_phase::stopping)
        state.on_exited(c.id, nullptr, now);
    state.on_sandbox_stopped(true, now);
  }
  void perform(const start_container& a) {
    const auto& c = state.containers()[a.index];
    log.push_back("start " + c.spec.name);
    if (hold("start", a))
      return;
    const auto refused = refuse.find(c.spec.name);
    if (refused != refuse.end() && refused->second != "RunContainerError") {
      state.on_container_failed(a.index, refused->second, "because", now);
      return;
    }
    if (!state.begin_create(a.index))
      return;
    state.on_container_created(a.index, c.spec.name + "-" + std::to_string(serial_++));
    if (refused != refuse.end()) {
      state.on_container_failed(a.index, refused->second, "because", now);
      return;
    }
    runtime::container_status s;
    s.state = runtime::container_state::running;
    s.started_at = now.time_since_epoch().count();
    s.image = c.spec.image;
    s.log_path = "/logs/" + c.id;
    state.on_container_started(a.index, s, now);
  }
  void perform(const stop_container& a) {
    const auto& c = state.containers()[a.index];
    log.push_back("stop " + c.spec.name + " " + std::to_string(a.grace.count()));
    if (hold("stop", a))
      return;
    runtime::container_status s;
    s.exit_code = 143;
    s.finished_at = now.time_since_epoch().count();
    state.on_exited(c.id, &s, now);
  }
  void perform(const remove_container& a) { removed.push_back(a.id); }
  void perform(const resize_container& a) {
    log.push_back("resize " + state.containers()[a.index].spec.name);
    if (!hold("resize", a))
      state.on_resized(a.index, state.containers()[a.index].id, a.resources, true, {});
  }
  void perform(const run_probe& a) {
    log.push_back("probe " + state.containers()[a.index].spec.name);
    if (!hold("probe", a))
      state.on_probe(a.index, a.kind, probes[a.kind], "no answer", now);
  }
  void perform(const emit_event& e) { events.push_back(e); }
  void perform(const release_pod&) {
    BOOST_REQUIRE(!released);
    released = true;
  }

private:
  bool hold(const std::string& kind, pod_action a) {
    if (!held.contains(kind))
      return false;
    unanswered.push_back(std::move(a));
    return true;
  }

  int serial_ = 0;
};

} // namespace thespis::test
