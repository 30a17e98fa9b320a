#include "api/text/cron.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;

namespace {

/// The first `n` times after `from`, joined.
std::string times(std::string_view schedule, std::string_view from, int n,
                  const std::string& zone = "") {
  std::string why;
  const auto s = api::cron_schedule::parse(schedule, why);
  if (!s)
    return why;
  auto t = *api::parse_time(from);
  std::string res;
  for (int i = 0; i < n; ++i) {
    const auto next = s->next(t, zone);
    if (!next)
      return res + "never";
    t = *next;
    res += api::format_time(t) + " ";
  }
  return res;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cron)

BOOST_AUTO_TEST_CASE(steps_through_fields) {
  BOOST_TEST(times("*/20 * * * *", "2026-03-01T10:00:30Z", 3) ==
             "2026-03-01T10:20:00Z 2026-03-01T10:40:00Z 2026-03-01T11:00:00Z ");
  BOOST_TEST(times("5 8,20 * * *", "2026-12-31T20:05:00Z", 2) ==
             "2027-01-01T08:05:00Z 2027-01-01T20:05:00Z ");
  BOOST_TEST(times("0 0 31 * *", "2026-01-31T00:00:00Z", 2) ==
             "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z ");
  BOOST_TEST(times("0 12 * FEB mon-tue", "2026-02-28T00:00:00Z", 1) == "2027-02-01T12:00:00Z ");
  BOOST_TEST(times("0 0 29 2 *", "2026-01-01T00:00:00Z", 1) == "2028-02-29T00:00:00Z ");
  BOOST_TEST(times("0 0 30 2 *", "2026-01-01T00:00:00Z", 1) == "never");
}

BOOST_AUTO_TEST_CASE(either_day_will_do_when_both_are_named) {
  BOOST_TEST(times("0 0 13 * 5", "2026-03-01T00:00:00Z", 3) ==
             "2026-03-06T00:00:00Z 2026-03-13T00:00:00Z 2026-03-20T00:00:00Z ");
  BOOST_TEST(times("0 0 */10 * 5", "2026-03-01T00:00:00Z", 1) == "2026-03-06T00:00:00Z ");
}

BOOST_AUTO_TEST_CASE(knows_descriptors) {
  BOOST_TEST(times("@hourly", "2026-03-01T10:00:00Z", 1) == "2026-03-01T11:00:00Z ");
  BOOST_TEST(times("@weekly", "2026-03-02T10:00:00Z", 1) == "2026-03-08T00:00:00Z ");
  BOOST_TEST(times("@yearly", "2026-03-02T10:00:00Z", 1) == "2027-01-01T00:00:00Z ");
  BOOST_TEST(times("@every 90s", "2026-03-02T10:00:00Z", 2) ==
             "2026-03-02T10:01:30Z 2026-03-02T10:03:00Z ");
}

BOOST_AUTO_TEST_CASE(keeps_to_its_time_zone) {
  BOOST_TEST(times("0 9 * * *", "2026-07-01T00:00:00Z", 1, "Asia/Tokyo") ==
             "2026-07-02T00:00:00Z ");
  // Two o'clock is skipped on the 29th of March, and comes twice on the 25th of October.
  BOOST_TEST(times("30 2 * * *", "2026-03-28T12:00:00Z", 2, "Europe/Berlin") ==
             "2026-03-30T00:30:00Z 2026-03-31T00:30:00Z ");
  BOOST_TEST(times("30 2 * * *", "2026-10-24T12:00:00Z", 2, "Europe/Berlin") ==
             "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z ");
  BOOST_TEST(times("0 9 * * *", "2026-07-01T00:00:00Z", 1, "Nowhere/Never") == "never");
}

BOOST_AUTO_TEST_CASE(accepts_what_cron_does) {
  for (auto good : {"* * * * *", "0 0 1 1 0", "*/15 0-6,18-23 * jan-MAR mon", "5/10 ? * * ?",
                    "0  12 * *  1-5", "@hourly", "@every 1h30m"})
    BOOST_TEST(api::check_cron(good) == "", good);
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong) {
  using api::check_cron;
  BOOST_TEST(check_cron("") == "empty spec string");
  BOOST_TEST(check_cron("* * * *") == "expected exactly 5 fields, found 4: [* * * *]");
  BOOST_TEST(check_cron("* 24 * * *") == "end of range (24) above maximum (23): 24");
  BOOST_TEST(check_cron("* * 0 * *") == "beginning of range (0) below minimum (1): 0");
  BOOST_TEST(check_cron("9-5 * * * *") == "beginning of range (9) beyond end of range (5): 9-5");
  BOOST_TEST(check_cron("*/0 * * * *") == "step of range should be a positive number: */0");
  BOOST_TEST(check_cron("1-2-3 * * * *") == "too many hyphens: 1-2-3");
  BOOST_TEST(check_cron("1/2/3 * * * *") == "too many slashes: 1/2/3");
  BOOST_TEST(check_cron("x * * * *") ==
             "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
  BOOST_TEST(check_cron("@often") == "unrecognized descriptor: @often");
}

BOOST_AUTO_TEST_SUITE_END()
