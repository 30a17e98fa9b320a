#include "api/text/time.hpp"

#include "api/text/stamp.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;
using namespace std::chrono_literals;

namespace {

std::string round_trip(std::string_view text) {
  auto t = parse_time(text);
  return t ? format_micro_time(*t) : "refused";
}

std::string go(std::string_view text) {
  auto d = parse_duration(text);
  return d ? format_duration(*d) : "refused";
}

} // namespace

BOOST_AUTO_TEST_SUITE(times)

BOOST_AUTO_TEST_CASE(read_rfc_3339) {
  BOOST_TEST(round_trip("2026-01-31T23:59:59Z") == "2026-01-31T23:59:59.000000Z");
  BOOST_TEST(round_trip("2024-02-29T00:00:00.123456789Z") == "2024-02-29T00:00:00.123456Z");
  BOOST_TEST(round_trip("2026-01-01T00:30:00+01:00") == "2025-12-31T23:30:00.000000Z");
  BOOST_TEST(round_trip("2026-01-01T00:30:00.5-05:30") == "2026-01-01T06:00:00.500000Z");
  BOOST_TEST(round_trip("1969-12-31T23:59:59.9Z") == "1969-12-31T23:59:59.900000Z");
  BOOST_TEST(parse_time("1970-01-01T00:00:01.000000001999Z")->time_since_epoch().count() ==
             1'000'000'001);
}

BOOST_AUTO_TEST_CASE(refuse_what_is_no_time) {
  for (auto bad : {"", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z",
                   "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
                   "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z",
                   "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00",
                   "2026-01-01T00:00:00+24:00", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z",
                   "26-01-01T00:00:00Z", "-026-01-01T00:00:00Z"})
    BOOST_TEST(!parse_time(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(stamps_are_of_any_year) {
  const auto again = [](std::string_view text) {
    const auto t = parse_stamp(text);
    return t ? format_micro_time(*t) : "refused";
  };
  BOOST_TEST(again("0001-01-01T00:00:02Z") == "0001-01-01T00:00:02.000000Z");
  BOOST_TEST(again("0000-01-01T00:00:00Z") == "0000-01-01T00:00:00.000000Z");
  BOOST_TEST(again("9999-12-31T23:59:59.999999999Z") == "9999-12-31T23:59:59.999999Z");
  BOOST_TEST(again("0000-01-01T00:00:00+00:01") == "refused");
  BOOST_TEST(again("9999-12-31T23:59:59-00:01") == "refused");
  BOOST_TEST(again("2026-02-30T00:00:00Z") == "refused");
  BOOST_TEST(format_time(*parse_stamp("0001-01-01T00:00:02.9Z")) == "0001-01-01T00:00:02Z");
}

BOOST_AUTO_TEST_CASE(write_whole_seconds_rounded_down) {
  BOOST_TEST(format_time(time_point{1'999'999'999ns}) == "1970-01-01T00:00:01Z");
  BOOST_TEST(format_time(time_point{-1ns}) == "1969-12-31T23:59:59Z");
  BOOST_TEST(format_micro_time(time_point{-1ns}) == "1969-12-31T23:59:59.999999Z");
}

BOOST_AUTO_TEST_CASE(times_survive_the_round_trip) {
  std::mt19937_64 rng(23);
  for (int i = 0; i < 10'000; ++i) {
    auto t = std::chrono::floor<std::chrono::microseconds>(time_point{
        std::chrono::nanoseconds{static_cast<int64_t>(rng() >> 1) - (int64_t{1} << 61)}});
    BOOST_REQUIRE(parse_time(format_micro_time(t)) == time_point{t});
  }
}

BOOST_AUTO_TEST_CASE(read_and_write_go_durations) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0s"},
      {"1s", "1s"},
      {"90s", "1m30s"},
      {"1h", "1h0m0s"},
      {"1h2m3.5s", "1h2m3.5s"},
      {"-250ms", "-250ms"},
      {"1.5us", "1.5\xC2\xB5s"},
      {"1500\xC2\xB5s", "1.5ms"},
      {"3\xCE\xBCs", "3\xC2\xB5s"},
      {"7ns", "7ns"},
      {"+5m", "5m0s"},
      {".5s", "500ms"},
      {"1.s", "1s"},
      {"24h", "24h0m0s"},
      {"0.0000000001s", "0s"},
      {"2562047h47m16.854775807s", "2562047h47m16.854775807s"}};
  for (auto [text, expected] : cases)
    BOOST_TEST(go(text) == expected, text << ": " << go(text));
  for (auto bad : {"", "1", "s", "1x", "-", "1h-2m", "1 s", "1d", ".s", "2562048h",
                   "99999999999999999999999s", "1..5s", "0x1s"})
    BOOST_TEST(go(bad) == "refused", bad << ": " << go(bad));
  BOOST_TEST(go(std::string(100'000, '9') + "s") == "refused");
}

BOOST_AUTO_TEST_CASE(durations_survive_the_round_trip) {
  std::mt19937_64 rng(29);
  for (int i = 0; i < 10'000; ++i) {
    auto d = std::chrono::nanoseconds{static_cast<int64_t>(rng()) >> (rng() % 50 + 1)};
    BOOST_REQUIRE_MESSAGE(parse_duration(format_duration(d)) == d, format_duration(d));
  }
}

BOOST_AUTO_TEST_CASE(ages_read_as_kubectls) {
  const std::pair<std::chrono::seconds, const char*> cases[] = {
      {-2s, "<invalid>"}, {-1s, "0s"},       {0s, "0s"},    {119s, "119s"},   {120s, "2m"},
      {125s, "2m5s"},     {599s, "9m59s"},   {600s, "10m"}, {179min, "179m"}, {180min, "3h"},
      {190min, "3h10m"},  {479min, "7h59m"}, {8h, "8h"},    {47h, "47h"},     {48h, "2d"},
      {123h, "5d3h"},     {191h, "7d23h"},   {192h, "8d"},  {17519h, "729d"}, {17520h, "2y"},
      {17544h, "2y1d"},   {70080h, "8y"}};
  for (auto [d, expected] : cases)
    BOOST_TEST(human_duration(d) == expected, d.count() << ": " << human_duration(d));
}

BOOST_AUTO_TEST_SUITE_END()
