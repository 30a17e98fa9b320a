#include "actors/framework/work_queue.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::actors;
using namespace std::chrono_literals;

namespace {

const object_id a{"ns", "a"};
const object_id b{"ns", "b"};

} // namespace

BOOST_AUTO_TEST_SUITE(work_queue_of_keys)

BOOST_AUTO_TEST_CASE(a_key_waits_once_however_often_it_is_added) {
  work_queue q;
  q.add(a);
  q.add(b);
  q.add(a);
  BOOST_TEST(q.size() == 2);
  BOOST_TEST((q.take() == a));
  BOOST_TEST((q.take() == b));
  BOOST_TEST(!q.take());
}

BOOST_AUTO_TEST_CASE(a_running_key_is_taken_again_only_when_it_finished) {
  work_queue q;
  q.add(a);
  q.take();
  q.add(a);
  BOOST_TEST(!q.take());
  BOOST_TEST(q.running() == 1);
  q.finish(a);
  BOOST_TEST((q.take() == a));
  q.finish(a);
  BOOST_TEST(q.running() == 0);
  BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE(back_off_doubles_up_to_its_limit_and_ends_with_a_success) {
  work_queue q{{10ms, 60ms}};
  const auto fail_once = [&] {
    q.add(a);
    q.take();
    return q.fail(a);
  };
  BOOST_TEST((fail_once() == 10ms));
  BOOST_TEST((fail_once() == 20ms));
  BOOST_TEST((fail_once() == 40ms));
  BOOST_TEST((fail_once() == 60ms));
  for (int i = 0; i < 100; ++i)
    BOOST_TEST((fail_once() == 60ms));
  q.add(a);
  q.take();
  q.finish(a);
  BOOST_TEST(q.failures(a) == 0);
  BOOST_TEST((fail_once() == 10ms));
}

BOOST_AUTO_TEST_CASE(a_change_during_a_failing_run_is_not_lost) {
  work_queue q;
  q.add(a);
  q.take();
  q.add(a);
  q.fail(a);
  BOOST_TEST((q.take() == a));
}

BOOST_AUTO_TEST_CASE(a_huge_limit_does_not_overflow) {
  work_queue q{{5ms, std::chrono::hours{24 * 365 * 200}}};
  for (int i = 0; i < 200; ++i) {
    q.add(a);
    q.take();
    BOOST_TEST((q.fail(a) > 0ms));
  }
}

BOOST_AUTO_TEST_SUITE_END()
