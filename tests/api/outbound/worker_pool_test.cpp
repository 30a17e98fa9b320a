#include "api/outbound/worker_pool.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using thespis::api::outbound::worker_pool;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(workers)

BOOST_AUTO_TEST_CASE(run_side_by_side_and_take_no_more_than_they_may_queue) {
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::atomic<int> ran{0};
  std::promise<void> both;
  {
    worker_pool pool(2, 2);
    auto blocked = [&] {
      if (++ran == 2)
        both.set_value();
      open.wait();
    };
    BOOST_TEST(pool.post(blocked));
    BOOST_TEST(pool.post(blocked));
    BOOST_REQUIRE((both.get_future().wait_for(60s) == std::future_status::ready));
    auto quick = [&] { ++ran; };
    BOOST_TEST(pool.post(quick));
    BOOST_TEST(pool.post(quick));
    BOOST_TEST(!pool.post(quick));
    BOOST_TEST(ran == 2);
    gate.set_value();
  }
  BOOST_TEST(ran == 4);
}

BOOST_AUTO_TEST_SUITE_END()
