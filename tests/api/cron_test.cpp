#include "api/text/cron.hpp"

#include <boost/test/unit_test.hpp>

using thespis::api::check_cron;

BOOST_AUTO_TEST_SUITE(cron)

BOOST_AUTO_TEST_CASE(accepts_what_cron_does) {
  for (auto good : {"* * * * *", "0 0 1 1 0", "*/15 0-6,18-23 * jan-MAR mon", "5/10 ? * * ?",
                    "0  12 * *  1-5", "@hourly", "@every 1h30m"})
    BOOST_TEST(check_cron(good) == "", good);
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong) {
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
