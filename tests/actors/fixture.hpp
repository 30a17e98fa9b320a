// A whole cluster's actors in one thread, on a virtual clock, from a seed: the one fixture for
// deterministic actor tests.
//
//   cluster_fixture f;                 // store, registries and request bridge run
//   f.run_controller([] { return make_deployment_controller(); });
//   f.create("apiVersion: apps/v1 ...");
//   f.settle();                        // until nobody has anything to do
//   f.advance(10min);                  // every timer on the way, in order
#pragma once

#include "actors/framework/controller_actor.hpp"
#include "actors/messages.hpp"
#include "api/discovery/selection.hpp"
#include "api/object/typed.hpp"
#include "api/pipeline/computed.hpp"
#include "api/pipeline/pipeline.hpp"
#include "api/schema/schema.hpp"
#include "api/text/time.hpp"
#include "api/yaml.hpp"
#include "runtime/actor_system.hpp"
#include "runtime/environment.hpp"
#include "runtime/registry/registry_actor.hpp"
#include "runtime/requests/requests_actor.hpp"
#include "runtime/store/store_actor.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::test {

using namespace std::chrono_literals;

/// CAF as in production, but every message waits for `settle`.
class test_config : public runtime::system_config {
public:
  test_config() : system_config(1) {
    set("scheduler.policy", caf::atom("testing"));
    actors::register_actor_messages(*this);
  }
};

/// The wall clock of a run: noon of some day, plus the time that the test advanced.
class virtual_clock final : public runtime::clock_port {
public:
  explicit virtual_clock(const caf::detail::test_actor_clock& actors)
      : actors_(actors), begin_(actors.now()) {}
  runtime::wall_time now() const override {
    return runtime::wall_time{std::chrono::hours{24 * 365 * 56 + 12}} +
           std::chrono::duration_cast<std::chrono::nanoseconds>(actors_.now() - begin_);
  }

private:
  const caf::detail::test_actor_clock& actors_;
  caf::actor_clock::time_point begin_;
};

struct fixture_options {
  uint64_t seed = 1;
  /// Run the ready actors in an order that the seed decides, instead of first come first served.
  bool shuffle = false;
  runtime::window_limits window = {};
  std::vector<std::string> service_cidrs = {"10.43.0.0/16"};
};

class cluster_fixture {
public:
  explicit cluster_fixture(fixture_options options = {})
      : options_(options), system_(config_),
        scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
        order_(options.seed) {
    env_.clock = std::make_shared<virtual_clock>(scheduler_.clock());
    env_.random = std::make_shared<runtime::random_port>(options.seed);
    env_.roles = std::make_shared<runtime::directory>();
    state_ = std::make_shared<runtime::snapshots>();
    start_store();
    start_registries();
    start_requests();
    settle();
    create("{apiVersion: v1, kind: Namespace, metadata: {name: default}}");
  }

  // All actors end before the system does, or it would wait for them for ever.
  ~cluster_fixture() {
    for (auto& a : actors_)
      caf::anon_send_exit(a, caf::exit_reason::kill);
    actors_.clear();
    env_.roles->clear();
    drain();
    scheduler_.clock().cancel_all();
  }

  cluster_fixture(const cluster_fixture&) = delete;
  cluster_fixture& operator=(const cluster_fixture&) = delete;

  caf::actor_system& system() { return system_; }
  const runtime::environment& env() const { return env_; }
  const runtime::snapshots& state() const { return *state_; }
  runtime::wall_time now() const { return env_.clock->now(); }
  std::string timestamp() const { return api::format_time(now()); }

  // -- time ------------------------------------------------------------------------------------

  /// Runs until no actor has a message. Fails the test when that takes for ever.
  void settle() {
    for (int i = 0; i < 2'000'000; ++i)
      if (!step())
        return;
    BOOST_FAIL("the actors do not come to rest");
  }

  /// Lets one actor handle one message. False when there is none to be handled.
  bool step() {
    auto& jobs = scheduler_.jobs;
    if (jobs.empty())
      return false;
    if (options_.shuffle && jobs.size() > 1)
      std::swap(jobs.front(), jobs[order_() % jobs.size()]);
    scheduler_.run_once();
    return true;
  }

  /// Moves the clock, stopping at every timer on the way to let the actors act on it.
  void advance(std::chrono::nanoseconds d) {
    auto& clock = scheduler_.clock();
    const auto until = clock.now() + d;
    settle();
    while (!clock.schedule().empty() && clock.schedule().begin()->first <= until) {
      const auto due = clock.schedule().begin()->first;
      clock.advance_time(std::max(due - clock.now(), caf::actor_clock::duration_type{0}));
      settle();
    }
    clock.advance_time(until - clock.now());
    settle();
  }

  /// Runs until an actor is about to handle a `T`, and loses that message. False when none comes.
  template <class T>
  bool drop_next() {
    for (int i = 0; i < 100'000; ++i) {
      for (auto* job : scheduler_.jobs)
        if (auto* a = dynamic_cast<caf::scheduled_actor*>(job))
          if (const auto* e = a->mailbox().peek(); e && e->content().match_elements<T>()) {
            drop consumer;
            a->mailbox().new_round(1, consumer);
            return true;
          }
      if (!step())
        return false;
    }
    return false;
  }

  // -- actors ----------------------------------------------------------------------------------

  template <class Actor, class Deps>
  auto spawn(Deps deps) {
    auto res = system_.spawn<Actor>(std::move(deps));
    actors_.push_back(caf::actor_cast<caf::actor>(res));
    return res;
  }

  /// Ends this actor, too, before the system ends.
  void look_after(caf::actor a) { actors_.push_back(std::move(a)); }

  /// Starts an actor in a role, in place of who plays it.
  template <class Actor, class Deps>
  auto play(std::string_view role, Deps deps) {
    auto res = spawn<Actor>(std::move(deps));
    env_.roles->put(std::string{role}, caf::actor_cast<caf::strong_actor_ptr>(res));
    return res;
  }

  actors::controller_handle
  run_controller(std::function<std::unique_ptr<actors::reconciler>()> make,
                 actors::back_off_limits back_off = {}) {
    auto res =
        spawn<actors::controller_actor>(actors::controller_deps{env_, std::move(make), back_off});
    settle();
    return res;
  }

  void start_registry(const std::string& resource) {
    play<runtime::registry_actor>(
        runtime::registry_role(resource),
        runtime::registry_deps{resource, state_, api::matchers_of(api::schema::registry::builtin()),
                               options_.window});
  }

  /// Kills who plays the role, without a successor.
  void kill(std::string_view role) {
    if (const auto a = env_.roles->find<caf::actor>(role))
      caf::anon_send_exit(a, caf::exit_reason::kill);
    env_.roles->erase(std::string{role});
    settle();
  }

  // -- objects ---------------------------------------------------------------------------------

  /// Sends one call through the request bridge; does not settle before, only until it is answered.
  runtime::call_outcome send(api::call c) {
    if (c.user.name.empty())
      c.user = {"tester", {}, {"system:masters"}};
    caf::scoped_actor self{system_};
    const auto requests = env_.roles->find<runtime::requests_handle>(runtime::requests_role);
    runtime::call_batch batch;
    batch.calls.push_back(std::move(c));
    auto answer = self->request(requests, 600s, std::move(batch));
    settle();
    runtime::call_outcome res;
    answer.receive([&](runtime::call_outcomes& o) { res = std::move(o.outcomes.front()); },
                   [&](const caf::error& e) { BOOST_FAIL(system_.render(e)); });
    return res;
  }

  api::object_ptr must(api::call c) {
    auto res = send(std::move(c));
    BOOST_REQUIRE_MESSAGE(res.ok, res.failure.message);
    return res.object.ptr;
  }

  /// Creates the object of a YAML or JSON text, in namespace "default" unless it names one.
  api::object_ptr create(std::string_view text) { return must(call_for(api::verb::create, text)); }
  /// Replaces the object that the text names.
  api::object_ptr update(std::string_view text) { return must(call_for(api::verb::update, text)); }

  template <class T>
  api::object_ptr create_object(const T& x) {
    return must(actors::create_call(x));
  }

  /// A JSON merge patch, written as YAML or JSON.
  api::object_ptr patch(std::string_view resource, std::string_view name, std::string_view text,
                        std::string_view subresource = {}, std::string_view ns = "default") {
    return must(actors::patch_call(std::string{resource}, {std::string{ns}, std::string{name}},
                                   api::json::to_string(parse(text)), std::string{subresource}));
  }

  void remove(std::string_view resource, std::string_view name, std::string_view ns = "default",
              api::propagation policy = api::propagation::background, int64_t grace = -1) {
    api::call c;
    c.verb = api::verb::remove;
    c.resource = resource;
    c.ns = ns;
    c.name = name;
    c.policy = policy;
    c.grace_seconds = grace;
    must(std::move(c));
  }

  api::object_ptr get(std::string_view resource, std::string_view name,
                      std::string_view ns = "default") const {
    return state_->get(resource, ns, name);
  }

  template <class T>
  T get(std::string_view name, std::string_view ns = "default") const {
    const auto o = state_->get(T::resource_name, ns, name);
    BOOST_REQUIRE_MESSAGE(o, "no " << T::kind_name << " " << name);
    return *api::typed<T>(*o);
  }

  template <class T>
  std::vector<T> list(std::string_view ns = "default") const {
    std::vector<T> res;
    for (const auto& o : state_->list(T::resource_name, ns).objects)
      res.push_back(*api::typed<T>(*o));
    return res;
  }

  size_t count(std::string_view resource, std::string_view ns = "default") const {
    return state_->list(resource, ns).objects.size();
  }

  static api::json::document parse(std::string_view text) {
    auto doc = api::yaml::parse(text);
    BOOST_REQUIRE_MESSAGE(doc, "bad test text: " << text);
    return std::move(*doc);
  }

private:
  /// Takes one message and forgets it.
  struct drop {
    bool dropped = false;
    caf::intrusive::task_result take() {
      if (std::exchange(dropped, true))
        return caf::intrusive::task_result::skip;
      return caf::intrusive::task_result::stop_all;
    }
    template <class Key, class Queue>
    caf::intrusive::task_result operator()(const Key&, Queue&, caf::mailbox_element&) {
      return take();
    }
    template <class Key, class Outer, class Slot, class Queue>
    caf::intrusive::task_result operator()(const Key&, Outer&, Slot, Queue&,
                                           caf::mailbox_element&) {
      return take();
    }
  };

  static api::call call_for(api::verb v, std::string_view text) {
    auto doc = parse(text);
    const auto version = std::string{api::json::get_string(doc, "apiVersion")};
    const auto slash = version.find('/');
    const auto type = api::schema::registry::builtin().find_kind(
        slash == std::string::npos ? "" : version.substr(0, slash),
        slash == std::string::npos ? version : version.substr(slash + 1),
        api::json::get_string(doc, "kind"));
    BOOST_REQUIRE_MESSAGE(type, "unknown kind in: " << text);
    const auto& meta = api::json::ensure_object(doc, "metadata", doc.GetAllocator());
    api::call c;
    c.verb = v;
    c.resource = type->group_resource();
    c.ns = type->namespaced ? api::json::get_string(meta, "namespace", "default") : "";
    if (v != api::verb::create)
      c.name = api::json::get_string(meta, "name");
    c.body = api::json::to_string(doc);
    return c;
  }

  void start_store() {
    play<runtime::store_actor>(
        runtime::store_role,
        runtime::store_deps{runtime::make_memory_engine(), state_, env_.roles, false});
  }

  void start_registries() {
    for (const auto& r : api::schema::registry::builtin().resources())
      if (r->has_verb("list") && !api::is_computed(*r))
        start_registry(r->group_resource());
  }

  void start_requests() {
    api::pipeline_deps deps;
    deps.service_cidrs = options_.service_cidrs;
    deps.state = state_;
    deps.now = [clock = env_.clock] { return clock->now(); };
    deps.new_uid = [random = env_.random] { return random->uuid(); };
    deps.random_suffix = [random = env_.random](size_t n) { return random->suffix(n); };
    play<runtime::requests_actor>(
        runtime::requests_role,
        runtime::requests_deps{std::make_shared<const api::pipeline>(std::move(deps)), env_.roles});
  }

  void drain() {
    while (step()) {
    }
  }

  const fixture_options options_;
  test_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  std::mt19937_64 order_;
  runtime::environment env_;
  std::shared_ptr<runtime::snapshots> state_;
  std::vector<caf::actor> actors_;
};

} // namespace thespis::test
