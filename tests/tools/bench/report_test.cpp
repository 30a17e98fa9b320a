#include "tools/bench/report.hpp"

#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

using namespace thespis;
using namespace thespis::tools;
using namespace thespis::tools::bench;

namespace {

figure sample(std::string what, double value, double reference, double target, bool less = false) {
  figure f;
  f.what = std::move(what);
  f.value = value;
  f.unit = "/s";
  f.reference = reference;
  f.reference_name = "Kubernetes";
  f.target = target;
  f.less_is_better = less;
  f.note = "a note";
  return f;
}

} // namespace

BOOST_AUTO_TEST_SUITE(bench_report)

BOOST_AUTO_TEST_CASE(a_ratio_above_one_is_always_the_better_one) {
  BOOST_TEST(ratio(sample("rate", 1760, 176, 0)) == 10.0);
  BOOST_TEST(ratio(sample("memory", 100, 600, 0, true)) == 6.0);
  BOOST_TEST(ratio(sample("alone", 100, 0, 0)) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_target_is_reached_from_the_right_side) {
  BOOST_TEST(reached(sample("rate", 2000, 0, 2000)));
  BOOST_TEST(!reached(sample("rate", 1999, 0, 2000)));
  BOOST_TEST(reached(sample("memory", 59, 0, 60, true)));
  BOOST_TEST(!reached(sample("memory", 61, 0, 60, true)));
}

BOOST_AUTO_TEST_CASE(json_keeps_every_figure) {
  const figures all{sample("pods bound", 2345.5, 176, 2000), sample("memory", 42, 657, 60, true),
                    sample("plain", 7, 0, 0)};
  const auto back = from_json(to_json(all));
  BOOST_REQUIRE(back);
  BOOST_REQUIRE_EQUAL(back->size(), 3U);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& b = (*back)[i];
    BOOST_TEST(b.what == all[i].what);
    BOOST_TEST(b.value == all[i].value);
    BOOST_TEST(b.unit == all[i].unit);
    BOOST_TEST(b.reference == all[i].reference);
    BOOST_TEST(b.target == all[i].target);
    BOOST_TEST(b.less_is_better == all[i].less_is_better);
    BOOST_TEST(b.note == all[i].note);
  }
}

BOOST_AUTO_TEST_CASE(json_tells_ratio_and_whether_the_target_is_reached) {
  const auto doc = api::json::parse(to_json({sample("pods bound", 1760, 176, 2000)}));
  BOOST_REQUIRE(doc);
  const auto& f = (*doc)["figures"][0];
  BOOST_TEST(f["ratio"].GetDouble() == 10.0);
  BOOST_TEST(!f["reached"].GetBool());
}

BOOST_AUTO_TEST_CASE(damaged_json_is_refused) {
  BOOST_TEST(!from_json("{}"));
  BOOST_TEST(!from_json("{\"figures\":"));
}

BOOST_AUTO_TEST_CASE(the_table_fits_a_hundred_columns) {
  auto f = sample("a rather long name of something that was measured here", 1234567, 1000, 5000);
  f.note = std::string(40, 'a') + " " + std::string(40, 'b') + " " + std::string(40, 'c');
  f.reference_name = "something else that has a long name";
  std::istringstream lines{to_table({f, sample("x", 0.5, 2, 0)}, palette{})};
  for (std::string line; std::getline(lines, line);)
    BOOST_TEST(display_width(line) <= 100U, line);
}

BOOST_AUTO_TEST_CASE(the_table_shows_figure_ratio_and_verdict) {
  const auto out = to_table({sample("pods bound", 1760, 176, 2000)}, palette{});
  for (const auto* part : {"pods bound", "1,760", "176", "Kubernetes", "10.0×", "2,000", "missed",
                           "pods bound: a note"})
    BOOST_TEST(out.find(part) != std::string::npos, part);
}

BOOST_AUTO_TEST_CASE(small_figures_keep_their_digits) {
  BOOST_TEST(readable(0.812) == "0.81");
  BOOST_TEST(readable(12.34) == "12.3");
  BOOST_TEST(readable(123.4) == "123");
  BOOST_TEST(readable(12345.6) == "12,346");
}

BOOST_AUTO_TEST_SUITE_END()
