#include "runtime/cri/simulated_runtime.hpp"
#include "runtime/cri/simulated_state.hpp"
#include "runtime/cri/timer_thread.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace thespis;
using namespace thespis::runtime;
using namespace std::chrono_literals;

namespace {

/// Time that moves only when told to.
class virtual_time {
public:
  simulation_ports ports() {
    return {[this] { return now_; },
            [this](std::chrono::nanoseconds delay, std::function<void()> fn) {
              queue_.emplace(std::pair{now_ + delay.count(), order_++}, std::move(fn));
            }};
  }

  void advance(std::chrono::nanoseconds d) {
    const auto end = now_ + d.count();
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
      auto next = queue_.extract(queue_.begin());
      now_ = next.key().first;
      next.mapped()();
    }
    now_ = end;
  }

  size_t waiting() const { return queue_.size(); }

private:
  unix_nanos now_ = 1'000'000'000'000;
  uint64_t order_ = 0;
  std::map<std::pair<unix_nanos, uint64_t>, std::function<void()>> queue_;
};

struct simulated_node {
  explicit simulated_node(simulated_options options = {}) { restart(std::move(options)); }

  void restart(simulated_options options) {
    node = std::make_unique<simulated_runtime>(time.ports(), std::move(options));
  }

  template <class T, class Start>
  api::result<T> await(Start start) {
    std::optional<api::result<T>> result;
    start([&](api::result<T> r) {
      BOOST_REQUIRE(!result.has_value()); // exactly once
      result = std::move(r);
    });
    BOOST_REQUIRE(!result.has_value()); // never before the call returned
    for (int i = 0; i < 10'000 && !result; ++i)
      time.advance(10ms);
    BOOST_REQUIRE(result.has_value());
    return std::move(*result);
  }

  template <class T, class Start>
  T must(Start start) {
    auto r = await<T>(std::move(start));
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().message));
    if constexpr (!std::is_void_v<T>)
      return std::move(*r);
  }

  static sandbox_config pod(const std::string& name) {
    sandbox_config c;
    c.metadata = {name, name + "-uid", "default", 0};
    c.labels = {{"app", name}};
    return c;
  }

  std::string run(const sandbox_config& c) {
    return must<std::string>([&](auto cb) { node->run_sandbox(c, cb); });
  }

  std::string start(const std::string& box, const sandbox_config& pod, container_config c = {}) {
    if (c.name.empty())
      c.name = "main";
    c.image = "example/app:v1";
    const auto id = must<std::string>([&](auto cb) { node->create_container(box, c, pod, cb); });
    must<void>([&](auto cb) { node->start_container(id, cb); });
    return id;
  }

  container_status status(const std::string& id) {
    return must<container_status>([&](auto cb) { node->get_container(id, cb); });
  }

  sandbox_status box_status(const std::string& id) {
    return must<sandbox_status>([&](auto cb) { node->get_sandbox(id, cb); });
  }

  virtual_time time;
  std::unique_ptr<simulated_runtime> node;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(simulated_containers, simulated_node)

BOOST_AUTO_TEST_CASE(runs_containers_until_they_are_stopped) {
  const auto config = pod("web");
  const auto box = run(config);
  BOOST_TEST(box_status(box).ips == std::vector<std::string>{"10.42.0.2"});
  const auto id = start(box, config);
  time.advance(24h);
  BOOST_TEST((status(id).state == container_state::running));
  must<void>([&](auto cb) { node->stop_container(id, 30s, cb); });
  const auto ended = status(id);
  BOOST_TEST((ended.state == container_state::exited));
  BOOST_TEST(ended.exit_code == 0);
  BOOST_TEST(ended.reason == "Completed");
  BOOST_TEST(ended.finished_at - ended.started_at >= std::chrono::nanoseconds{24h}.count());
}

BOOST_AUTO_TEST_CASE(ends_containers_as_annotated_and_tells_the_listener) {
  std::vector<std::string> ended;
  node->on_exit([&](std::string id) { ended.push_back(std::move(id)); });
  auto config = pod("job");
  config.annotations = {{simulation::exit_after, "5s"},
                        {std::string{simulation::exit_code} + ".main", "3"}};
  const auto box = run(config);
  const auto id = start(box, config);
  time.advance(4s);
  BOOST_TEST(ended.empty());
  time.advance(2s);
  BOOST_TEST(ended == std::vector{id});
  BOOST_TEST(status(id).exit_code == 3);
  BOOST_TEST(status(id).reason == "Error");
  container_config other;
  other.name = "other";
  const auto second = start(box, config, other);
  time.advance(6s);
  BOOST_TEST(status(second).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(lets_containers_end_that_are_expected_to) {
  const auto config = pod("init");
  container_config c;
  c.expected_to_end = true;
  const auto id = start(run(config), config, c);
  time.advance(1s);
  BOOST_TEST((status(id).state == container_state::exited));
  BOOST_TEST(status(id).exit_code == 0);
}

BOOST_AUTO_TEST_CASE(kills_containers_slower_than_their_grace) {
  auto config = pod("slow");
  config.annotations = {{simulation::stop_after, "20s"}};
  const auto box = run(config);
  const auto patient = start(box, config);
  must<void>([&](auto cb) { node->stop_container(patient, 30s, cb); });
  BOOST_TEST(status(patient).exit_code == 0);
  const auto killed = start(box, config);
  must<void>([&](auto cb) { node->stop_container(killed, 10s, cb); });
  BOOST_TEST(status(killed).exit_code == 137);
  const auto at_once = start(box, config);
  must<void>([&](auto cb) { node->stop_container(at_once, 0s, cb); });
  BOOST_TEST(status(at_once).exit_code == 137);
}

BOOST_AUTO_TEST_CASE(fails_starts_and_commands_as_annotated) {
  auto config = pod("broken");
  config.annotations = {{std::string{simulation::start_error} + ".bad", "no such program"},
                        {simulation::exec_code, "1"}};
  const auto box = run(config);
  container_config c;
  c.name = "bad";
  const auto id = must<std::string>([&](auto cb) { node->create_container(box, c, config, cb); });
  const auto started = await<void>([&](auto cb) { node->start_container(id, cb); });
  BOOST_REQUIRE(!started.has_value());
  BOOST_TEST(started.error().message.find("no such program") != std::string::npos);
  BOOST_TEST(status(id).reason == "StartError");
  const auto good = start(box, config);
  const auto r = must<exec_result>([&](auto cb) { node->exec_sync(good, {"probe"}, 1s, cb); });
  BOOST_TEST(r.exit_code == 1);
}

BOOST_AUTO_TEST_CASE(gives_addresses_once_and_takes_them_back) {
  restart({.seed = 1, .pod_cidr = "10.9.8.0/29"}); // five for pods
  std::vector<std::string> boxes;
  std::set<std::string> ips;
  for (int i = 0; i < 5; ++i) {
    boxes.push_back(run(pod("p" + std::to_string(i))));
    ips.insert(box_status(boxes.back()).ips.front());
  }
  BOOST_TEST(
      ips == (std::set<std::string>{"10.9.8.2", "10.9.8.3", "10.9.8.4", "10.9.8.5", "10.9.8.6"}),
      boost::test_tools::per_element());
  const auto full = await<std::string>([&](auto cb) { node->run_sandbox(pod("p5"), cb); });
  BOOST_TEST(!full.has_value());
  must<void>([&](auto cb) { node->stop_sandbox(boxes[2], cb); });
  BOOST_TEST((box_status(boxes[2]).state == sandbox_state::not_ready));
  BOOST_TEST(box_status(run(pod("p6"))).ips.front() == "10.9.8.4");
  auto host = pod("host");
  host.security.namespaces.network = namespace_mode::node;
  BOOST_TEST(box_status(run(host)).ips.empty());
}

BOOST_AUTO_TEST_CASE(stopping_a_sandbox_kills_its_containers_and_removing_it_forgets_them) {
  const auto config = pod("gone");
  const auto box = run(config);
  const auto id = start(box, config);
  must<void>([&](auto cb) { node->stop_sandbox(box, cb); });
  BOOST_TEST(status(id).exit_code == 137);
  must<void>([&](auto cb) { node->remove_sandbox(box, cb); });
  const auto r = await<container_status>([&](auto cb) { node->get_container(id, cb); });
  BOOST_REQUIRE(!r.has_value());
  BOOST_TEST((r.error().why == api::reason::not_found));
  must<void>([&](auto cb) { node->remove_sandbox(box, cb); });
}

BOOST_AUTO_TEST_CASE(filters_lists) {
  const auto a = pod("a");
  const auto b = pod("b");
  const auto box_a = run(a);
  const auto box_b = run(b);
  start(box_a, a);
  const auto id = start(box_b, b);
  must<void>([&](auto cb) { node->stop_container(id, 1s, cb); });
  container_filter running;
  running.state = container_state::running;
  BOOST_TEST(must<std::vector<container_summary>>([&](auto cb) {
               node->list_containers(running, cb);
             }).size() == 1U);
  sandbox_filter labelled;
  labelled.labels = {{"app", "b"}};
  const auto boxes =
      must<std::vector<sandbox_summary>>([&](auto cb) { node->list_sandboxes(labelled, cb); });
  BOOST_REQUIRE(boxes.size() == 1U);
  BOOST_TEST(boxes.front().id == box_b);
}

BOOST_AUTO_TEST_CASE(pulls_images_except_missing_ones) {
  restart({.missing_images = {"example/none:v1"}});
  const auto absent =
      must<std::optional<image_info>>([&](auto cb) { node->get_image("example/app:v1", cb); });
  BOOST_TEST(!absent.has_value());
  const auto id = must<std::string>([&](auto cb) { node->pull_image("example/app:v1", {}, cb); });
  const auto present = must<std::optional<image_info>>([&](auto cb) { node->get_image(id, cb); });
  BOOST_REQUIRE(present.has_value());
  BOOST_TEST(present->tags == std::vector<std::string>{"example/app:v1"});
  const auto none =
      await<std::string>([&](auto cb) { node->pull_image("example/none:v1", {}, cb); });
  BOOST_REQUIRE(!none.has_value());
  BOOST_TEST((none.error().why == api::reason::not_found));
}

BOOST_AUTO_TEST_CASE(is_the_same_again_with_the_same_seed) {
  const auto story = [](uint64_t seed) {
    simulated_node s{{.seed = seed, .failure_rate = 0.3}};
    std::string told;
    for (int i = 0; i < 20; ++i) {
      const auto r = s.await<std::string>(
          [&](auto cb) { s.node->run_sandbox(pod("p" + std::to_string(i)), cb); });
      told += (r ? *r : r.error().message) + ";";
    }
    return told;
  };
  const auto first = story(7);
  BOOST_TEST(story(7) == first);
  BOOST_TEST(story(8) != first);
  BOOST_TEST(first.find("simulated failure") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(fails_every_call_while_not_reachable) {
  node->set_reachable(false);
  const auto r = await<runtime_version>([&](auto cb) { node->get_version(cb); });
  BOOST_REQUIRE(!r.has_value());
  BOOST_TEST((r.error().why == api::reason::service_unavailable));
  node->set_reachable(true);
  BOOST_TEST(must<runtime_version>([&](auto cb) { node->get_version(cb); }).name == "simulated");
}

BOOST_AUTO_TEST_CASE(completes_calls_under_way_when_it_ends) {
  std::vector<api::reason> outcomes;
  node->run_sandbox(pod("late"), [&](api::result<std::string> r) {
    outcomes.push_back(r ? api::reason::unknown : r.error().why);
  });
  node.reset();
  BOOST_REQUIRE(outcomes.size() == 1U);
  BOOST_TEST((outcomes.front() == api::reason::service_unavailable));
  time.advance(1h); // its timers find nothing
  BOOST_TEST(outcomes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(crashes_on_demand) {
  std::vector<std::string> ended;
  node->on_exit([&](std::string id) { ended.push_back(std::move(id)); });
  const auto config = pod("crash");
  const auto box = run(config);
  const auto id = start(box, config);
  BOOST_TEST(node->end_container(id, 139, "OOMKilled"));
  BOOST_TEST(!node->end_container(id, 1));
  BOOST_TEST(status(id).reason == "OOMKilled");
  BOOST_TEST(node->end_sandbox(box));
  BOOST_TEST((box_status(box).state == sandbox_state::not_ready));
  BOOST_TEST(ended == (std::vector{id, box}));
}

BOOST_AUTO_TEST_CASE(idle_pods_need_no_timers) {
  for (int i = 0; i < 200; ++i) {
    const auto config = pod("idle" + std::to_string(i));
    start(run(config), config);
  }
  time.advance(1min);
  BOOST_TEST(time.waiting() == 0U);
}

BOOST_AUTO_TEST_CASE(reads_durations_as_go_writes_them) {
  using simulated::parse_duration;
  BOOST_TEST((parse_duration("1m30s") == 90s));
  BOOST_TEST((parse_duration("250ms") == 250ms));
  BOOST_TEST((parse_duration("1.5s") == 1500ms));
  BOOST_TEST((parse_duration("0") == 0s));
  for (const char* bad : {"", "5", "s", "-1s", "1x", "1s2", "999999h999999h"})
    BOOST_TEST(!parse_duration(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(a_pod_of_two_ranges_has_an_address_of_each) {
  restart({.seed = 1, .pod_cidr = "10.9.8.0/29,fd42::/64"});
  const auto ips = box_status(run(pod("p"))).ips;
  BOOST_TEST(ips == (std::vector<std::string>{"10.9.8.2", "fd42::2"}),
             boost::test_tools::per_element());
  const auto next = await<void>([&](auto cb) { node->set_pod_cidr("10.9.9.0/24,nonsense", cb); });
  BOOST_TEST(!next.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(timer)

BOOST_AUTO_TEST_CASE(runs_functions_in_order_of_their_times) {
  timer_thread timer;
  std::vector<int> order;
  std::promise<void> last;
  timer.schedule_after(30ms, [&] {
    order.push_back(3);
    last.set_value();
  });
  timer.schedule_after(1ms, [&] { order.push_back(1); });
  timer.schedule_after(2ms, [&] { order.push_back(2); });
  BOOST_REQUIRE(last.get_future().wait_for(1min) == std::future_status::ready);
  BOOST_TEST(order == (std::vector{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(drops_what_is_not_due_at_its_end) {
  bool ran = false;
  {
    timer_thread timer;
    timer.schedule_after(1h, [&] { ran = true; });
  }
  BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_SUITE_END()
