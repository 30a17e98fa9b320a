// What the base actor's counters cost: the same actor on our base and on bare CAF, side by side.
#include "runtime/actor_base.hpp"
#include "runtime/actor_system.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "tools/bench/bench.hpp"

#include <future>
#include <thread>

#include <ctime>

namespace thespis::tools::bench {

using namespace std::chrono_literals;

namespace {

struct tick {
  uint64_t n = 0;
};
struct how_many {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tick& x) {
  return f(x.n);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, how_many&) {
  return f();
}

// clang-format off
using counting_handle = caf::typed_actor<
  caf::reacts_to<tick>,
  caf::replies_to<how_many>::with<uint64_t>>;
// clang-format on

/// The same behaviour on either base.
template <class Base>
class counting_actor : public Base {
public:
  using Base::Base;
  typename Base::behavior_type make_behavior() override {
    return {[this](const tick& t) { sum_ += t.n; }, [this](const how_many&) { return sum_; }};
  }

private:
  uint64_t sum_ = 0;
};

class on_our_base : public counting_actor<runtime::actor_base<counting_handle>> {
public:
  explicit on_our_base(caf::actor_config& cfg) : counting_actor(cfg, "bench") {}
};

class on_bare_caf : public counting_actor<counting_handle::base> {
public:
  explicit on_bare_caf(caf::actor_config& cfg) : counting_actor(cfg) {}
};

constexpr auto request_deadline = 60s;
constexpr auto round = 100ms;

/// Sends bursts of `burst` ticks and a question, until the time is over; tells messages a second.
class driver_actor : public caf::event_based_actor {
public:
  driver_actor(caf::actor_config& cfg, counting_handle target, uint64_t burst,
               std::shared_ptr<std::promise<double>> done)
      : event_based_actor(cfg), target_(std::move(target)), burst_(burst), done_(std::move(done)) {}

  caf::behavior make_behavior() override {
    begin_ = std::chrono::steady_clock::now();
    cpu_ = cpu_now();
    next();
    return {[](caf::unit_t) {}};
  }

private:
  /// Seconds of the worker's own time: what else runs on the machine takes none of it.
  static double cpu_now() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  }

  void next() {
    for (uint64_t i = 0; i < burst_; ++i)
      this->send(target_, tick{1});
    this->request(target_, request_deadline, how_many{}).then([this](uint64_t) {
      sent_ += burst_ + 1;
      if (std::chrono::steady_clock::now() - begin_ < round) {
        next();
        return;
      }
      done_->set_value(static_cast<double>(sent_) / (cpu_now() - cpu_));
      this->quit();
    });
  }

  counting_handle target_;
  const uint64_t burst_;
  std::shared_ptr<std::promise<double>> done_;
  std::chrono::steady_clock::time_point begin_;
  double cpu_ = 0;
  uint64_t sent_ = 0;
};

/// Messages a second in one round.
double rate(caf::actor_system& sys, const counting_handle& target, uint64_t burst) {
  auto done = std::make_shared<std::promise<double>>();
  auto res = done->get_future();
  sys.spawn<driver_actor>(target, burst, done);
  return res.get();
}

struct side_by_side {
  double ours = 0;
  double bare = 0;
};

/// The best round of each: whatever else runs on the machine only takes time away.
side_by_side compare(caf::actor_system& sys, uint64_t burst, int rounds) {
  const counting_handle ours = sys.spawn<on_our_base>();
  const counting_handle bare = sys.spawn<on_bare_caf>();
  side_by_side res;
  for (int i = 0; i < rounds; ++i) {
    res.bare = std::max(res.bare, rate(sys, bare, burst));
    res.ours = std::max(res.ours, rate(sys, ours, burst));
  }
  caf::anon_send_exit(ours, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(bare, caf::exit_reason::user_shutdown);
  return res;
}

constexpr size_t many_actors = 100'000;
constexpr int looks = 5;
constexpr auto look_deadline = 60s;

/// Of how many cores' time a `top` of a second and a `ps` take, once a second, among many actors.
double cost_of_looking(caf::actor_system& sys) {
  std::vector<counting_handle> many;
  for (size_t i = 0; i < many_actors; ++i)
    many.push_back(sys.spawn<on_our_base>());
  runtime::introspector_deps deps;
  deps.machine = "bench";
  deps.env.clock = runtime::system_clock_port();
  const auto introspector = sys.spawn<runtime::introspector_actor>(deps);
  caf::scoped_actor self{sys};
  const auto look = [&] {
    self->request(introspector, look_deadline, runtime::window_query{"", 1000, 20})
        .receive([](const runtime::actor_rows&) {}, [](const caf::error&) {});
    self->request(introspector, look_deadline,
                  runtime::actor_query{"", runtime::actor_order::mailbox, 100})
        .receive([](const runtime::actor_rows&) {}, [](const caf::error&) {});
  };
  look(); // whatever the spawns left to be done
  const auto begin = std::chrono::steady_clock::now();
  const auto used = runtime::facts_of_this_process().cpu_ns;
  for (int i = 0; i < looks; ++i)
    look();
  const auto spent = std::chrono::steady_clock::now() - begin;
  const auto cpu = runtime::facts_of_this_process().cpu_ns - used;
  for (const auto& a : many)
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(introspector, caf::exit_reason::user_shutdown);
  return static_cast<double>(cpu) / static_cast<double>(spent / 1ns);
}

} // namespace

api::result<figures> measure_actors(const context& c) {
  // One worker, so that no wake-up of another thread blurs what a message costs.
  runtime::system_config cfg{1};
  caf::actor_system sys{cfg};
  const int rounds = std::max(1, c.opts.seconds * 2);
  c.log.say("one-way messages");
  const auto burst = compare(sys, 1000, rounds);
  c.log.say("round trips");
  const auto trips = compare(sys, 0, rounds);
  figure one_way;
  one_way.what = "actor messages";
  one_way.value = burst.ours;
  one_way.unit = "/s";
  one_way.reference = burst.bare;
  one_way.reference_name = "bare CAF";
  one_way.target = burst.bare * 0.9;
  one_way.note = "one sender, one receiver, one thread; with the counters of `thespis shell`";
  figure trip;
  trip.what = "actor round trip";
  trip.value = 1e6 / trips.ours;
  trip.unit = "µs";
  trip.reference = 1e6 / trips.bare;
  trip.reference_name = "bare CAF";
  trip.target = trip.reference * 1.1;
  trip.less_is_better = true;
  c.log.say("looking at " + std::to_string(many_actors) + " actors");
  figure looking;
  looking.what = "looking at 100,000 actors";
  looking.value = cost_of_looking(sys) * 100 /
                  static_cast<double>(std::max(1U, std::thread::hardware_concurrency()));
  looking.unit = "% of the machine";
  looking.target = 1;
  looking.less_is_better = true;
  looking.note = "a `top` of a second and a `ps`, once a second";
  return figures{one_way, trip, looking};
}

} // namespace thespis::tools::bench
