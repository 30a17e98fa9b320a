// What an attacker writes into a policy costs little and ends nothing.

#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>

using namespace thespis::api;
using namespace thespis::api::cel;
using namespace thespis::api::cel::test;

namespace {

std::string repeat(std::string_view s, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i)
    out += s;
  return out;
}

constexpr auto limit_message = "expression recursion limit exceeded: 250";
constexpr auto cost_message = "error: operation cancelled: actual cost limit exceeded";

} // namespace

BOOST_AUTO_TEST_SUITE(cel_hostile)

BOOST_AUTO_TEST_CASE(bounds_nesting) {
  BOOST_TEST(complaint(repeat("(", 5000) + "1" + repeat(")", 5000)) == limit_message);
  BOOST_TEST(complaint(repeat("[", 40000)) == limit_message);
  BOOST_TEST(complaint(repeat("{'a': ", 10000)) == limit_message);
  BOOST_TEST(complaint("x" + repeat(".a", 40000)) == limit_message);
  BOOST_TEST(complaint("1" + repeat(" + 1", 20000)) == limit_message);
  BOOST_TEST(complaint(repeat("x.map(a, ", 5000) + "1" + repeat(")", 5000)) == limit_message);
  BOOST_TEST(complaint(repeat("true ? 1 : ", 9000) + "1") == limit_message);
  BOOST_TEST(eval(repeat("-", 50000) + "1") == "1");
  BOOST_TEST(eval(repeat("true && ", 10000) + "false") == "false");
  std::string chained = "x";
  for (int n = 0; n < 100; ++n)
    chained = "(" + chained + repeat(".a", 200) + ")";
  BOOST_TEST(complaint(chained) == limit_message);
}

BOOST_AUTO_TEST_CASE(bounds_length) {
  BOOST_TEST(complaint("'" + repeat("a", 100'000) + "'") ==
             "expression code point size exceeds limit: size: 100002, limit 100000");
}

BOOST_AUTO_TEST_CASE(compiles_long_expressions_in_bounded_time) {
  std::string sums;
  for (int n = 0; n < 3000; ++n)
    sums += (n == 0 ? "" : " && ") + std::string{"[1].all(i, i + 1 > 0)"};
  BOOST_TEST(eval(sums) == "true");
}

BOOST_AUTO_TEST_CASE(stops_nested_comprehensions) {
  std::string list = "[" + repeat("1,", 100) + "1]";
  std::string nested = "true";
  for (auto v : {"a", "b", "c", "d", "e"})
    nested = list + ".all(" + v + ", " + nested + ")";
  BOOST_TEST(eval(nested) == cost_message);
  BOOST_TEST(eval(list + ".exists(a, " + list + ".exists(b, " + list + ".exists(c, " + list +
                  ".exists(d, 1/0 > 2))))") == cost_message);
}

BOOST_AUTO_TEST_CASE(bounds_what_is_built) {
  std::string text = "cel.bind(s0, 'aaaaaaaaaa', ";
  for (int n = 1; n < 60; ++n)
    text += "cel.bind(s" + std::to_string(n) + ", s" + std::to_string(n - 1) + " + s" +
            std::to_string(n - 1) + ", ";
  text += "size(s59)" + repeat(")", 60);
  BOOST_TEST(eval(text) == cost_message);
  std::string lists = "cel.bind(s0, [1, 2, 3], ";
  for (int n = 1; n < 60; ++n)
    lists += "cel.bind(s" + std::to_string(n) + ", s" + std::to_string(n - 1) + " + s" +
             std::to_string(n - 1) + ", ";
  lists += "size(s59)" + repeat(")", 60);
  BOOST_TEST(eval(lists).starts_with("error: operation cancelled: "));
  BOOST_TEST(eval("'%.999999999f'.format([1.0])").starts_with("error: could not parse"));
  BOOST_TEST(eval("lists.range(900000000)").starts_with("error: "));
}

BOOST_AUTO_TEST_CASE(survives_hostile_patterns) {
  BOOST_TEST(eval("'" + repeat("a", 5000) + "'.matches('(a*)*b')") == "false");
  BOOST_TEST(eval("'a'.matches('((a{1,1000}){1,1000}){1,1000}' + '')")
                 .starts_with("error: error parsing regexp: "));
}

BOOST_AUTO_TEST_CASE(finds_keys_of_large_maps_quickly) {
  std::string document = "{";
  for (int n = 0; n < 60000; ++n)
    document += (n == 0 ? "\"k" : ",\"k") + std::to_string(n) + "\":1";
  document += "}";
  BOOST_TEST(eval("x.all(k, x[k] == 1)", document) == "true");
}

BOOST_AUTO_TEST_CASE(is_shared_by_threads) {
  auto p = plain().compile("x.a.filter(i, i > 1).map(i, string(i) + 'z').join(',') == '2z,3z'");
  auto document = *json::parse(R"({"a":[1,2,3]})");
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        evaluation run;
        auto x = run.from_json(document, nullptr);
        good += p->evaluate({&x, 1}, run).is_true();
      }
    });
  for (auto& t : threads)
    t.join();
  BOOST_TEST(good == 2000);
}

BOOST_AUTO_TEST_SUITE_END()
