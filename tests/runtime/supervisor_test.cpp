#include "runtime/supervisor.hpp"

#include "actors/fixture.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

using mortal_handle = caf::typed_actor<caf::reacts_to<caf::ok_atom>>;

/// Dies of the first message.
class mortal_actor : public runtime::actor_base<mortal_handle> {
public:
  explicit mortal_actor(caf::actor_config& cfg) : actor_base(cfg, "mortal") {}
  behavior_type make_behavior() override {
    return {[this](caf::ok_atom) { this->quit(caf::sec::runtime_error); }};
  }
};

struct supervisor_fixture : cluster_fixture {
  supervisor_fixture() {
    supervisor = system().spawn<runtime::supervisor_actor>(env().roles,
                                                           runtime::restart_limits{100ms, 1s, 60s});
    look_after(caf::actor_cast<caf::actor>(supervisor));
    const auto spec = std::make_shared<const runtime::child_spec>(runtime::child_spec{
        "mortal", [this](caf::local_actor& self) {
          ++starts;
          return caf::actor_cast<caf::strong_actor_ptr>(self.spawn<mortal_actor>());
        }});
    caf::anon_send(supervisor, runtime::supervise{spec});
    settle();
  }

  mortal_handle child() const { return env().roles->find<mortal_handle>("mortal"); }

  void die() {
    BOOST_REQUIRE(child());
    caf::anon_send(child(), caf::ok_atom::value);
    settle();
  }

  runtime::supervisor_handle supervisor;
  int starts = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(supervisor, supervisor_fixture)

BOOST_AUTO_TEST_CASE(a_child_that_dies_takes_its_role_back) {
  BOOST_TEST(starts == 1);
  die();
  BOOST_TEST(!child());
  advance(100ms);
  BOOST_TEST(!!child());
  BOOST_TEST(starts == 2);
}

BOOST_AUTO_TEST_CASE(a_child_that_keeps_dying_waits_longer_each_time) {
  for (const auto wait : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    die();
    advance(wait - 1ms);
    BOOST_TEST(!child());
    advance(1ms);
    BOOST_TEST(!!child());
  }
}

BOOST_AUTO_TEST_CASE(a_long_life_is_forgiven) {
  for (int i = 0; i < 5; ++i) {
    die();
    advance(1s);
  }
  advance(61s);
  die();
  advance(100ms);
  BOOST_TEST(!!child());
}

BOOST_AUTO_TEST_CASE(a_dismissed_child_stays_dead) {
  caf::anon_send(supervisor, runtime::dismiss{"mortal"});
  advance(1min);
  BOOST_TEST(!child());
  BOOST_TEST(starts == 1);
}

BOOST_AUTO_TEST_SUITE_END()
