#include "api/text/quantity.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;

namespace {

std::string canonical(std::string_view text) {
  auto q = parse_quantity(text);
  return q ? q->to_string() : "error: " + q.error().message;
}

quantity q(std::string_view text) {
  auto v = parse_quantity(text);
  BOOST_REQUIRE_MESSAGE(v.has_value(), text);
  return *v;
}

} // namespace

BOOST_AUTO_TEST_SUITE(quantities)

BOOST_AUTO_TEST_CASE(have_a_canonical_form) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},
      {"0.0", "0"},
      {"-0", "0"},
      {"0Ki", "0"},
      {"1", "1"},
      {"+1", "1"},
      {"-1", "-1"},
      {"100m", "100m"},
      {"0.1", "100m"},
      {".5", "500m"},
      {"1.", "1"},
      {"1.5", "1500m"},
      {"1000m", "1"},
      {"12000m", "12"},
      {"1200m", "1200m"},
      {"1000", "1k"},
      {"1000k", "1M"},
      {"1500k", "1500k"},
      {"1.5k", "1500"},
      {"1Ki", "1Ki"},
      {"1024Ki", "1Mi"},
      {"1.5Gi", "1536Mi"},
      {"0.5Gi", "512Mi"},
      {"1023", "1023"},
      {"512Ki", "512Ki"},
      {"1e3", "1e3"},
      {"1E3", "1e3"},
      {"10e2", "1e3"},
      {"1e-3", "1e-3"},
      {"1.5e3", "1500"},
      {"1e0", "1"},
      {"1e+3", "1e3"},
      {"1E", "1E"},
      {"1000E", "1000E"},
      {"1n", "1n"},
      {"1u", "1u"},
      {"0.5n", "1n"},
      {"-0.5n", "-1n"},
      {"1.0000000001", "1000000001n"},
      {"0.5Ki", "512"},
      {"0.0001Ki", "102400u"},
      {"007", "7"},
      {"9223372036854775807", "9223372036854775807"},
      {"8Ei", "9223372036854775807"},
      {"100Ei", "9223372036854775807"},
      {"-8Ei", "-9223372036854775807"},
      {"100E", "100E"},
      {"123456789012345678901234567890", "10000000000E"}};
  for (auto [text, expected] : cases)
    BOOST_TEST(canonical(text) == expected, text << ": " << canonical(text));
}

BOOST_AUTO_TEST_CASE(refuse_in_kubernetes_words) {
  constexpr auto regex = "error: quantities must match the regular expression "
                         "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  for (auto bad : {"", " 1", "1 ", "a", "--1", "1..2", "1.2.3", "1x", "1Gib", "1Ki5x", "0x10", "+",
                   ".", "1,5", "\xC2\xB5"})
    BOOST_TEST(canonical(bad) == regex, bad << ": " << canonical(bad));
  for (auto bad : {"1KiB", "1GG", "1mm", "1K", "1Ki5", "1e", "1e+", "1e-+5", "1k5", "1i", "1-5",
                   "1e99999999999999999999"})
    BOOST_TEST(canonical(bad).starts_with("error: "), bad << ": " << canonical(bad));
  BOOST_TEST(canonical("1K") == "error: unable to parse quantity's suffix");
}

BOOST_AUTO_TEST_CASE(clamp_instead_of_overflowing) {
  BOOST_TEST(canonical("1e99999") == "10e27");
  BOOST_TEST(canonical("-1e99999") == "-10e27");
  BOOST_TEST(canonical("1e-99999") == "1e-9");
  BOOST_TEST(canonical("1e9223372036854775807") == "10e27");
  auto big = q("1e99999");
  for (int i = 0; i < 100; ++i)
    big += big;
  BOOST_TEST((big == q("1e99999")));
  BOOST_TEST(big.value() == INT64_MAX);
  BOOST_TEST((-big).milli_value() == INT64_MIN);
  BOOST_TEST(canonical(std::string(3'000'000, '9')).size() < 20u);
  BOOST_TEST(canonical("0." + std::string(3'000'000, '0') + "1") == "1n");
  BOOST_TEST(canonical("1." + std::string(300'000, '3') + "Ki") == "1365333333334n");
}

BOOST_AUTO_TEST_CASE(round_away_from_zero_to_whole_units) {
  BOOST_TEST(q("1500m").value() == 2);
  BOOST_TEST(q("-1500m").value() == -2);
  BOOST_TEST(q("1u").milli_value() == 1);
  BOOST_TEST(q("2").milli_value() == 2000);
  BOOST_TEST(q("1Gi").value() == 1073741824);
  BOOST_TEST(quantity::of_milli(1500).to_string() == "1500m");
  BOOST_TEST(quantity::of(1 << 20, quantity::notation::binary_si).to_string() == "1Mi");
}

BOOST_AUTO_TEST_CASE(compare_by_value) {
  BOOST_TEST((q("1Ki") == q("1024")));
  BOOST_TEST((q("1k") < q("1Ki")));
  BOOST_TEST((q("-1") < q("0")));
  BOOST_TEST((q("0.1") == q("100m")));
  BOOST_TEST(q("-3").sign() == -1);
}

BOOST_AUTO_TEST_CASE(add_and_subtract_exactly) {
  BOOST_TEST((q("0.1") + q("0.2")).to_string() == "300m");
  BOOST_TEST((q("1Gi") + q("512Mi")).to_string() == "1536Mi");
  BOOST_TEST((quantity{} + q("1Ki")).to_string() == "1Ki");
  BOOST_TEST((q("1Gi") - q("1Gi")).to_string() == "0");
  BOOST_TEST((q("1") - q("1500m")).to_string() == "-500m");
}

BOOST_AUTO_TEST_CASE(read_from_json) {
  auto doc = json::parse(R"({"s":"100m","i":2,"d":0.5,"bad":"x","list":[]})");
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(get_quantity(*doc, "s").to_string() == "100m");
  BOOST_TEST(get_quantity(*doc, "i").to_string() == "2");
  BOOST_TEST(get_quantity(*doc, "d").to_string() == "500m");
  BOOST_TEST(get_quantity(*doc, "bad").is_zero());
  BOOST_TEST(get_quantity(*doc, "none").is_zero());
  BOOST_TEST(!read_quantity(*json::find(*doc, "list")).has_value());
}

BOOST_AUTO_TEST_CASE(canonical_form_keeps_the_value) {
  std::mt19937_64 rng(17);
  const char* suffixes[] = {"n", "u",  "m",  "",   "k",  "M",  "G",
                            "T", "Ki", "Mi", "Gi", "Ti", "e3", "e-2"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = rng() % 4 ? "" : "-";
    text += std::to_string(rng() % 100'000);
    if (rng() % 2)
      text += "." + std::to_string(rng() % 100'000);
    text += suffixes[rng() % std::size(suffixes)];
    auto v = q(text);
    auto printed = v.to_string();
    BOOST_REQUIRE_MESSAGE(q(printed) == v, text << " printed " << printed);
    BOOST_REQUIRE(q(printed).to_string() == printed);
    auto w = quantity::of_milli(static_cast<int64_t>(rng() % 1'000'000));
    BOOST_REQUIRE((v + w - w == v));
  }
}

BOOST_AUTO_TEST_SUITE_END()
