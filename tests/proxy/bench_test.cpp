// The measurement itself works; what it measures depends on the machine.
#include "proxy/data/bench.hpp"
#include "proxy/kernel_lab.hpp"

#include <cstdlib>

using namespace thespis;

BOOST_AUTO_TEST_SUITE(bench, *boost::unit_test::precondition(thespis::test::takes_namespaces))

BOOST_AUTO_TEST_CASE(services_can_be_programmed_and_changed) {
  // THESPIS_BENCH_SERVICES=10000 gives the figures that count.
  const char* wish = std::getenv("THESPIS_BENCH_SERVICES");
  auto figures = proxy::program_from_nothing(wish ? std::strtoul(wish, nullptr, 10) : 200);
  BOOST_REQUIRE_MESSAGE(figures, figures.error().message);
  BOOST_TEST_MESSAGE(proxy::to_string(*figures));
  BOOST_TEST(figures->from_nothing > 0);
  BOOST_TEST(figures->change > 0);
  BOOST_TEST(!proxy::program_from_nothing(0));
}

BOOST_AUTO_TEST_SUITE_END()
