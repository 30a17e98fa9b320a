#include "proxy/balance/chooser.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::proxy;
using namespace thespis::proxy::balance;
using namespace std::chrono_literals;

namespace {

using thespis::api::ip_address;

const backend a{ip_address::v4(1), 80}, b{ip_address::v4(2), 80}, c{ip_address::v4(3), 80};

flow flow_of(uint16_t port, protocol proto = protocol::tcp) {
  return {ip_address::v4(100), ip_address::v4(200), port, 80, proto};
}

struct fixture {
  std::mt19937 engine{7};
  time_point now{};
  chooser it{[this](uint32_t n) { return static_cast<uint32_t>(engine() % n); }};
  uint16_t port = 1;

  backend place(reach from = reach::everywhere, uint64_t client = 0) {
    const auto i = it.choose(from, client, now);
    BOOST_REQUIRE(i);
    return it.endpoints(from)[*i];
  }
  /// Begins a flow and returns it with its endpoint.
  std::pair<flow, backend> open(uint64_t client = 0) {
    const auto where = place(reach::everywhere, client);
    const auto f = flow_of(port++);
    it.begin(f, where, now);
    return {f, where};
  }
  void fail(const backend& where, flow_news how = flow_news::refused) {
    const auto f = flow_of(port++);
    it.begin(f, where, now);
    it.learn(f, where, how, now);
  }
  std::map<backend, int> draw(int n) {
    std::map<backend, int> seen;
    for (int i = 0; i < n; ++i)
      ++seen[place()];
    return seen;
  }
  uint32_t outstanding(const backend& of) { return it.loads().at(of).outstanding; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(chooser_suite, fixture)

BOOST_AUTO_TEST_CASE(has_nothing_to_choose_from_without_endpoints) {
  BOOST_TEST(!it.choose(reach::everywhere, 0, now));
  it.set({a}, {}, 0s);
  BOOST_TEST(!it.choose(reach::here, 0, now));
  BOOST_TEST((place() == a));
}

BOOST_AUTO_TEST_CASE(spreads_evenly_while_loads_are_equal) {
  it.set({a, b, c}, {}, 0s);
  for (const auto& [where, n] : draw(3000)) {
    BOOST_TEST(n > 850);
    BOOST_TEST(n < 1150);
  }
}

BOOST_AUTO_TEST_CASE(keeps_flows_level_and_avoids_the_endpoint_whose_flows_last) {
  it.set({a, b, c}, {}, 0s);
  std::vector<std::pair<flow, backend>> slow;
  int to_a = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto [f, where] = open();
    if (where == a)
      ++to_a; // its flows never end
    else
      it.learn(f, where, flow_news::ended, now);
  }
  BOOST_TEST(to_a < 10);
  BOOST_TEST(outstanding(a) == static_cast<uint32_t>(to_a));
  BOOST_TEST(outstanding(b) == 0U);
}

BOOST_AUTO_TEST_CASE(never_draws_the_most_loaded_of_two) {
  it.set({a, b}, {}, 0s);
  it.acquire(a);
  for (const auto& [where, n] : draw(100))
    BOOST_TEST((where == b));
  it.release(a, false, now);
  BOOST_TEST(draw(100).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_policy_of_local_chooses_among_those_here) {
  it.set({a, b, c}, {b}, 0s);
  for (int i = 0; i < 20; ++i)
    BOOST_TEST((place(reach::here) == b));
}

BOOST_AUTO_TEST_CASE(a_client_sticks_until_the_timeout_after_its_last_flow) {
  it.set({a, b, c}, {}, 10s);
  const auto first = place(reach::everywhere, 42);
  for (int i = 0; i < 30; ++i) {
    now += 9s;
    BOOST_TEST((place(reach::everywhere, 42) == first));
  }
  std::set<backend> seen;
  for (int i = 0; i < 60; ++i) {
    now += 11s;
    seen.insert(place(reach::everywhere, 42));
  }
  BOOST_TEST(seen.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_client_leaves_an_endpoint_that_is_gone_and_then_sticks_to_the_new_one) {
  it.set({a, b, c}, {}, 10s);
  const auto first = place(reach::everywhere, 42);
  std::vector<backend> left;
  for (const auto& e : {a, b, c})
    if (e != first)
      left.push_back(e);
  it.set(left, {}, 10s);
  const auto second = place(reach::everywhere, 42);
  it.set({a, b, c}, {}, 10s);
  for (int i = 0; i < 20; ++i)
    BOOST_TEST((place(reach::everywhere, 42) == second));
}

BOOST_AUTO_TEST_CASE(ejects_an_endpoint_that_refuses_and_tries_it_again_with_growing_pauses) {
  it.set({a, b}, {}, 0s);
  fail(a);
  BOOST_TEST(!it.loads().at(a).ejected);
  fail(a);
  BOOST_TEST(it.loads().at(a).ejected);
  BOOST_TEST(draw(50).count(a) == 0U);
  for (const auto pause : {1000ms, 2000ms, 4000ms}) {
    now += pause - 1ms;
    BOOST_TEST(draw(50).count(a) == 0U);
    now += 1ms;
    const auto [f, where] = open();
    BOOST_TEST((where == a));            // one trial
    BOOST_TEST(draw(50).count(a) == 0U); // and no other meanwhile
    it.learn(f, where, flow_news::refused, now);
  }
  now += 8s;
  const auto [f, where] = open();
  BOOST_TEST((where == a));
  it.learn(f, where, flow_news::answered, now);
  it.learn(f, where, flow_news::ended, now);
  BOOST_TEST(!it.loads().at(a).ejected);
  BOOST_TEST(draw(50).count(a) == 1U);
}

BOOST_AUTO_TEST_CASE(the_pause_does_not_grow_beyond_a_minute) {
  it.set({a, b}, {}, 0s);
  for (int i = 0; i < 40; ++i) {
    fail(a);
    if (!it.loads().at(a).ejected)
      continue;
    BOOST_TEST((it.loads().at(a).back_at - now <= 60s));
    now = it.loads().at(a).back_at;
    it.choose(reach::everywhere, 0, now);
  }
  BOOST_TEST((it.loads().at(a).back_at <= now + 60s));
}

BOOST_AUTO_TEST_CASE(ejects_an_endpoint_that_does_not_answer_in_time) {
  it.set({a, b}, {}, 0s);
  it.begin(flow_of(1), a, now);
  it.begin(flow_of(2), a, now);
  it.begin(flow_of(3), b, now);
  it.learn(flow_of(3), b, flow_news::answered, now);
  now += 2999ms;
  it.advance(now);
  BOOST_TEST(!it.loads().at(a).ejected);
  now += 1ms;
  it.advance(now);
  BOOST_TEST(it.loads().at(a).ejected);
  BOOST_TEST(it.loads().at(b).failures == 0U);
  BOOST_TEST(outstanding(a) == 2U); // the client may still be trying
  it.learn(flow_of(1), a, flow_news::unanswered, now);
  it.learn(flow_of(2), a, flow_news::unanswered, now);
  BOOST_TEST(outstanding(a) == 0U);
  BOOST_TEST(it.loads().at(a).failures == 2U);
}

BOOST_AUTO_TEST_CASE(silence_of_udp_is_no_failure_where_nobody_ever_answers) {
  it.set({a, b}, {}, 0s);
  for (uint16_t i = 0; i < 5; ++i)
    it.begin(flow_of(i, protocol::udp), a, now);
  now += 1h;
  it.advance(now);
  BOOST_TEST(!it.loads().at(a).ejected);
  for (uint16_t i = 0; i < 5; ++i)
    it.learn(flow_of(i, protocol::udp), a, flow_news::unanswered, now);
  BOOST_TEST(!it.loads().at(a).ejected);
  BOOST_TEST(outstanding(a) == 0U);
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_leaves_datagrams_unanswered_is_ejected_until_it_answers) {
  it.set({a, b}, {}, 0s);
  const auto ends = [&](uint16_t number, const backend& where, flow_news how) {
    it.begin(flow_of(number, protocol::udp), where, now);
    it.learn(flow_of(number, protocol::udp), where, how, now);
  };
  ends(1, b, flow_news::ended);
  ends(2, a, flow_news::unanswered);
  BOOST_TEST(!it.loads().at(a).ejected);
  ends(3, a, flow_news::unanswered);
  BOOST_TEST(it.loads().at(a).ejected);
  BOOST_TEST((draw(50) == std::map<backend, int>{{b, 50}}));
  now += 1s;
  BOOST_TEST((place() == a)); // tried again
  ends(4, a, flow_news::ended);
  BOOST_TEST(!it.loads().at(a).ejected);
}

BOOST_AUTO_TEST_CASE(chooses_among_all_when_all_are_ejected) {
  it.set({a, b}, {}, 0s);
  for (const auto& e : {a, b})
    for (int i = 0; i < 2; ++i)
      fail(e);
  BOOST_TEST(draw(100).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_success_between_failures_starts_the_count_anew) {
  it.set({a, b}, {}, 0s);
  for (int i = 0; i < 10; ++i) {
    fail(a);
    it.learn(flow_of(900), a, flow_news::answered, now);
  }
  BOOST_TEST(!it.loads().at(a).ejected);
}

BOOST_AUTO_TEST_CASE(remembers_an_endpoint_that_left_until_its_last_flow_ended) {
  it.set({a, b}, {}, 0s);
  it.begin(flow_of(1), a, now);
  it.set({b}, {}, 0s);
  BOOST_TEST(outstanding(a) == 1U);
  it.learn(flow_of(1), a, flow_news::ended, now);
  BOOST_TEST(it.loads().count(a) == 0U);
}

BOOST_AUTO_TEST_CASE(an_old_flow_of_the_same_ports_does_not_end_its_successor) {
  it.set({a, b}, {}, 0s);
  it.begin(flow_of(1), a, now);
  it.begin(flow_of(1), b, now);
  BOOST_TEST(outstanding(a) == 0U);
  it.learn(flow_of(1), a, flow_news::ended, now);
  BOOST_TEST(outstanding(b) == 1U);
}

BOOST_AUTO_TEST_CASE(follows_a_bounded_number_of_flows) {
  chooser small{[](uint32_t) { return 0U; }, {.followed_flows = 10}};
  small.set({a}, {}, 0s);
  for (uint16_t i = 0; i < 1000; ++i)
    small.begin(flow_of(i), a, now);
  BOOST_TEST(small.followed() == 10U);
  BOOST_TEST(small.loads().at(a).outstanding == 10U);
  BOOST_TEST(small.choose(reach::everywhere, 0, now).has_value());
}

BOOST_AUTO_TEST_CASE(a_recount_replaces_all_but_what_began_since) {
  it.set({a, b}, {}, 0s);
  it.begin(flow_of(1), a, now);
  it.begin(flow_of(2), a, now);
  const auto as_of = now;
  now += 1s;
  it.begin(flow_of(3), b, now);
  it.recount({{flow_of(2), a}, {flow_of(4), b}}, as_of);
  BOOST_TEST(outstanding(a) == 1U);
  BOOST_TEST(outstanding(b) == 2U);
  BOOST_TEST(it.followed() == 3U);
}

BOOST_AUTO_TEST_CASE(affinity_forgets_the_oldest_client_beyond_its_capacity) {
  affinity_table t{2};
  for (uint64_t client = 0; client < 3; ++client)
    t.remember(client, a, now);
  BOOST_TEST(t.size() == 2U);
  BOOST_TEST(!t.find(0, now, 10s));
  BOOST_TEST(t.find(2, now, 10s).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
