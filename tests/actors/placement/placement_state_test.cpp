// Who plays a role: moves, losses, refusals; and that no two machines are ever told to play one.
#include "actors/placement/placement_state.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <set>

using namespace thespis::actors;
using namespace std::chrono_literals;
namespace api = thespis::api;

namespace {

using verb = placement_state::verb;
using phase = placement_state::phase;

struct placed {
  std::set<std::string> forbidden; ///< machines
  placement_state state{"home", [this](const std::string& machine, const std::string&) {
                          return !forbidden.contains(machine);
                        }};

  placed() {
    state.add_role("scheduler", {}, 0, 0s);
    run(state.host_up("home", {"*"}));
    run(state.host_up("a", {"scheduler", "controller/*"}));
    run(state.host_up("b", {"*"}));
  }

  /// Does what is to be done, at once and with success.
  void run(const placement_state::actions& what) {
    for (const auto& a : what) {
      last = a;
      if (a.what == verb::take)
        run(state.taken(a.role, a.machine, true, {}));
      else if (a.what == verb::leave)
        run(state.left(a.role, a.machine));
    }
  }
  const placement_state::role& scheduler() const { return state.roles().at("scheduler"); }
  std::string holder() const { return scheduler().holder; }
  api::reason refusal(const std::string& role, const std::string& to) {
    auto res = state.move(role, to);
    BOOST_REQUIRE(!res);
    return res.error().why;
  }

  placement_state::action last;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(placement, placed)

BOOST_AUTO_TEST_CASE(a_role_is_homes_until_it_is_moved) {
  BOOST_TEST(holder() == "home");
  run(*state.move("scheduler", "a"));
  BOOST_TEST(holder() == "a");
  BOOST_TEST((last.what == verb::moved));
  run(*state.move("scheduler", "home"));
  BOOST_TEST(holder() == "home");
  BOOST_TEST(scheduler().moves == 2u);
}

BOOST_AUTO_TEST_CASE(the_old_holder_has_left_before_the_new_one_is_told) {
  const auto first = *state.move("scheduler", "a");
  BOOST_REQUIRE(first.size() == 1);
  BOOST_TEST((first[0].what == verb::leave && first[0].machine == "home"));
  BOOST_TEST(state.speaks_for("scheduler") == "home");
  const auto second = state.left("scheduler", "home");
  BOOST_REQUIRE(second.size() == 1);
  BOOST_TEST((second[0].what == verb::take && second[0].machine == "a"));
  BOOST_TEST(state.speaks_for("scheduler") == "a");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_and_changes_nothing) {
  run(state.host_up("c", {"controller/job"}));
  forbidden.insert("b");
  BOOST_TEST((refusal("nothing", "a") == api::reason::not_found));
  BOOST_TEST((refusal("scheduler", "nowhere") == api::reason::not_found));
  BOOST_TEST((refusal("scheduler", "c") == api::reason::bad_request));
  BOOST_TEST((refusal("scheduler", "b") == api::reason::forbidden));
  (void)*state.move("scheduler", "a");
  BOOST_TEST((refusal("scheduler", "home") == api::reason::conflict));
  BOOST_TEST((scheduler().at == phase::leaving));
}

BOOST_AUTO_TEST_CASE(a_lost_machine_keeps_its_role_for_a_while_and_then_another_has_it) {
  run(*state.move("scheduler", "a"));
  run(state.host_down("a", 10s));
  BOOST_TEST(state.speaks_for("scheduler") == "");
  run(state.tick(14s));
  BOOST_TEST((scheduler().at == phase::lost));
  run(state.host_up("a", {"scheduler"}));
  BOOST_TEST(holder() == "a");
  run(state.host_down("a", 20s));
  run(state.tick(25s));
  BOOST_TEST(holder() == "b");
  run(state.host_up("a", {"scheduler"}));
  BOOST_TEST(holder() == "b"); // it does not come back by itself
  run(state.host_down("b", 30s));
  run(state.host_down("a", 30s));
  run(state.tick(35s));
  BOOST_TEST(holder() == "home");
}

BOOST_AUTO_TEST_CASE(a_machine_that_goes_while_the_role_leaves_it_does_not_hold_it_up) {
  run(*state.move("scheduler", "a"));
  (void)*state.move("scheduler", "b");
  run(state.host_down("a", 10s));
  BOOST_TEST(holder() == "b");
  BOOST_TEST((last.what == verb::moved));
}

BOOST_AUTO_TEST_CASE(where_it_should_go_goes_meanwhile) {
  (void)*state.move("scheduler", "a");
  run(state.host_down("a", 10s));
  run(state.left("scheduler", "home"));
  BOOST_TEST(holder() == "home");
  BOOST_TEST((scheduler().at == phase::held));
}

BOOST_AUTO_TEST_CASE(a_machine_that_cannot_play_it_gives_it_back) {
  const auto todo = *state.move("scheduler", "a");
  const auto take = state.left("scheduler", "home");
  const auto then = state.taken("scheduler", "a", false, "no memory");
  BOOST_TEST((then.front().what == verb::failed && then.front().why == "no memory"));
  run(then);
  BOOST_TEST(holder() == "b");
}

BOOST_AUTO_TEST_CASE(rights_that_are_taken_away_end_it) {
  run(*state.move("scheduler", "a"));
  forbidden = {"a"};
  run(state.tick(1s));
  BOOST_TEST(holder() == "b");
  forbidden = {"a", "b"};
  run(state.tick(2s));
  BOOST_TEST(holder() == "home");
}

BOOST_AUTO_TEST_CASE(after_a_start_the_recorded_machine_has_time_to_link) {
  placement_state s{"home", [](const auto&, const auto&) { return true; }};
  s.add_role("scheduler", "a", 3, 0s);
  BOOST_TEST(s.host_up("home", {"*"}).empty());
  BOOST_TEST(s.tick(14s).empty());
  const auto late = s.tick(15s);
  BOOST_REQUIRE(late.size() == 1);
  BOOST_TEST(late[0].machine == "home");
  BOOST_TEST(s.roles().at("scheduler").moves == 4u);
}

BOOST_AUTO_TEST_CASE(a_server_plays_only_what_it_offers) {
  placement_state s{"home", [](const auto&, const auto&) { return true; }};
  s.add_role("scheduler", {}, 0, 0s);
  s.add_role("controller/job", {}, 0, 0s);
  const auto first = s.host_up("home", {"controller/*"});
  BOOST_REQUIRE(first.size() == 1);
  BOOST_TEST(first[0].role == "controller/job");
  BOOST_TEST(s.taken("controller/job", "home", true, {}).empty());
  BOOST_TEST((s.roles().at("scheduler").at == phase::waiting));
  BOOST_TEST(s.speaks_for("scheduler").empty());
  auto refused = s.move("scheduler", "home");
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().message.find("home does not offer scheduler") == 0u);
  // Whoever offers it gets it; when that machine is gone, it waits again.
  const auto second = s.host_up("a", {"scheduler"});
  BOOST_REQUIRE(second.size() == 1);
  BOOST_TEST((second[0].what == verb::take && second[0].machine == "a"));
  BOOST_TEST(s.taken("scheduler", "a", true, {}).empty());
  BOOST_TEST(s.host_down("a", 1s).empty());
  BOOST_TEST(s.tick(20s).empty());
  BOOST_TEST((s.roles().at("scheduler").at == phase::waiting));
}

/// Machines come, go, answer late, or not at all; at no time do two play the role.
BOOST_AUTO_TEST_CASE(never_do_two_play_it) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 dice{seed};
    placement_state s{"home", [](const auto&, const auto&) { return true; }};
    s.add_role("r", {}, 0, 0s);
    std::set<std::string> up, plays;
    std::vector<placement_state::action> open; // asked and not answered
    const auto take = [&](const placement_state::actions& what) {
      for (const auto& a : what)
        if (a.what == verb::take || a.what == verb::leave)
          open.push_back(a);
    };
    placement_state::time now{};
    for (int i = 0; i < 400; ++i) {
      now += std::chrono::milliseconds{dice() % 2000};
      const std::string machine{"abh"[dice() % 3]};
      const auto name = machine == "h" ? "home" : machine;
      switch (dice() % 5) {
      case 0:
        if (up.insert(name).second)
          take(s.host_up(name, {"*"}));
        break;
      case 1:
        if (up.erase(name) > 0) {
          // With the link, what it plays ends and what was asked is not answered.
          plays.erase(name);
          std::erase_if(open, [&](const auto& a) { return a.machine == name; });
          take(s.host_down(name, now));
        }
        break;
      case 2:
        if (auto todo = s.move("r", name))
          take(*todo);
        break;
      case 3:
        take(s.tick(now));
        break;
      default:
        if (!open.empty()) {
          const auto a = open.front();
          open.erase(open.begin());
          if (a.what == verb::take) {
            BOOST_TEST_REQUIRE((plays.empty() || plays == std::set<std::string>{a.machine}));
            plays.insert(a.machine);
            take(s.taken("r", a.machine, true, {}));
          } else {
            plays.erase(a.machine);
            take(s.left("r", a.machine));
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
