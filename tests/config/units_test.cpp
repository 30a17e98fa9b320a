#include "config/units.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::config;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(units)

BOOST_AUTO_TEST_CASE(durations_read_as_go_writes_them) {
  BOOST_CHECK(parse_duration("40s") == 40s);
  BOOST_CHECK(parse_duration("1m30s") == 90s);
  BOOST_CHECK(parse_duration("1.5h") == 90min);
  BOOST_CHECK(parse_duration("250ms") == 250ms);
  BOOST_CHECK(parse_duration("0") == 0s);
  for (const auto* bad : {"", "5", "s", "-1s", "1d", "1s2", "1..5s", "0.5ms", "999999999h", "1 s"})
    BOOST_CHECK_MESSAGE(!parse_duration(bad), bad);
}

BOOST_AUTO_TEST_CASE(durations_survive_a_round_trip) {
  for (auto d :
       {duration{0}, duration{1}, duration{90'000}, duration{3'600'000}, duration{3'661'001}})
    BOOST_CHECK(parse_duration(to_string(d)) == d);
}

BOOST_AUTO_TEST_CASE(sizes_know_both_families_of_units) {
  BOOST_CHECK(parse_bytes("3Mi") == 3 << 20);
  BOOST_CHECK(parse_bytes("10M") == 10'000'000);
  BOOST_CHECK(parse_bytes("17") == 17);
  for (const auto* bad : {"", "Mi", "-1", "1.5Mi", "1Xi", "9999999999Gi", "1 Mi"})
    BOOST_CHECK_MESSAGE(!parse_bytes(bad), bad);
  BOOST_CHECK_EQUAL(bytes_to_string(3 << 20), "3Mi");
  BOOST_CHECK_EQUAL(bytes_to_string(1500), "1500");
  BOOST_CHECK_EQUAL(bytes_to_string(0), "0");
}

BOOST_AUTO_TEST_CASE(ranges_know_what_they_hold) {
  auto range = parse_ranges("10.42.0.0/16");
  BOOST_REQUIRE(range);
  const auto holds = [&](const char* ip) { return range->contains(*thespis::api::parse_ip(ip)); };
  BOOST_CHECK(holds("10.42.255.255"));
  BOOST_CHECK(!holds("10.43.0.0"));
  BOOST_CHECK(!holds("fd42::1"));
  BOOST_CHECK(range->overlaps(*parse_ranges("10.42.3.0/24")));
  BOOST_CHECK(parse_ranges("10.42.3.0/24")->overlaps(*range));
  BOOST_CHECK(!range->overlaps(*parse_ranges("10.43.0.0/16")));
  BOOST_CHECK(parse_ranges("0.0.0.0/0")->overlaps(*range));
  BOOST_CHECK_EQUAL(to_string(*range), "10.42.0.0/16");
  for (const auto* bad : {"10.42.0.0", "10.42.0.0/", "10.42.0.0/33", "10.42.0.1/16", "x/8",
                          "10.0.0.0/-1", "fd42::1/64", "fd42::/129"})
    BOOST_CHECK_MESSAGE(!parse_ranges(bad), bad);
}

BOOST_AUTO_TEST_CASE(ranges_are_of_one_family_or_of_both) {
  const auto both = parse_ranges("fd42::/56,10.42.0.0/16");
  BOOST_REQUIRE(both);
  BOOST_CHECK_EQUAL(to_string(*both), "fd42::/56,10.42.0.0/16");
  BOOST_CHECK_EQUAL(both->texts().front(), "fd42::/56");
  BOOST_CHECK_EQUAL(both->of_family(true)->to_string(), "10.42.0.0/16");
  BOOST_CHECK_EQUAL(both->of_family(false)->to_string(), "fd42::/56");
  BOOST_CHECK(both->contains(*thespis::api::parse_ip("fd42::7")));
  BOOST_CHECK(both->overlaps(*parse_ranges("fd42:0:0:3::/64")));
  BOOST_CHECK(!both->overlaps(*parse_ranges("10.43.0.0/16,fd43::/108")));
  BOOST_CHECK(!parse_ranges("fd42::/56")->of_family(true));
  for (const auto* bad :
       {"10.42.0.0/16,10.44.0.0/16", "fd42::/56,fd43::/56", "10.42.0.0/16,", ",fd42::/56",
        "10.42.0.0/16, fd42::/56", "10.42.0.0/16,fd42::/56,10.44.0.0/16"})
    BOOST_CHECK_MESSAGE(!parse_ranges(bad), bad);
}

BOOST_AUTO_TEST_CASE(port_ranges_are_ordered) {
  BOOST_CHECK((parse_port_range("30000-32767") == port_range{30000, 32767}));
  BOOST_CHECK((parse_port_range("80-80") == port_range{80, 80}));
  for (const auto* bad : {"", "80", "0-5", "10-5", "1-65536", "1-2-3", "-"})
    BOOST_CHECK_MESSAGE(!parse_port_range(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
