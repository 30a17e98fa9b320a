#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;

namespace {

std::string round_trip(std::string_view text) {
  auto doc = json::parse(text);
  return doc ? json::to_string(*doc) : "error: " + doc.error().message;
}

std::string repeat(std::string_view s, size_t n) {
  std::string out;
  out.reserve(s.size() * n);
  for (size_t i = 0; i < n; ++i)
    out += s;
  return out;
}

bool refused(std::string_view text) {
  auto doc = json::parse(text);
  return !doc && doc.error().why == reason::bad_request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_text)

BOOST_AUTO_TEST_CASE(keeps_64_bit_integers_exact) {
  for (auto n : {"9223372036854775807", "-9223372036854775808", "18446744073709551615", "0"})
    BOOST_TEST(round_trip(n) == n);
  auto doc = json::parse(R"({"n":9007199254740993})");
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(json::get_int(*doc, "n") == 9007199254740993);
}

BOOST_AUTO_TEST_CASE(writes_doubles_as_go_does) {
  BOOST_TEST(round_trip("1e3") == "1000");
  BOOST_TEST(round_trip("1.50") == "1.5");
  BOOST_TEST(round_trip("1e21") == "1e+21");
  BOOST_TEST(round_trip("1e-7") == "1e-7");
  BOOST_TEST(round_trip("0.1") == "0.1");
  BOOST_TEST(round_trip("1e-99999") == "0");
  BOOST_TEST(round_trip("18446744073709551616") == "18446744073709552000");
  BOOST_TEST(round_trip("-1e20") == "-100000000000000000000");
  BOOST_TEST(round_trip("-9.5e15") == "-9500000000000000");
  auto doc = json::parse("1.5");
  BOOST_TEST(json::to_pretty_string(*doc) == "1.5");
}

BOOST_AUTO_TEST_CASE(refuses_numbers_beyond_double) {
  BOOST_TEST(refused("1e99999"));
  BOOST_TEST(refused("-1e99999"));
  BOOST_TEST(refused("[1e309]"));
  BOOST_TEST(refused(std::string(5000, '9')));
  BOOST_TEST(refused("1e2147483648"));
  BOOST_TEST(refused("1e99999999999999999999"));
  BOOST_TEST(!refused("1e-99999999999999999999"));
  for (auto bad : {"01", "+1", "1.", ".5", "1e", "NaN", "Infinity", "-", "0x10"})
    BOOST_TEST(refused(bad), bad);
}

BOOST_AUTO_TEST_CASE(bounds_depth_without_recursion) {
  BOOST_TEST(!refused(repeat("[", 128) + repeat("]", 128)));
  BOOST_TEST(refused(repeat("[", 129) + repeat("]", 129)));
  BOOST_TEST(refused(repeat("[", 1'000'000)));
  BOOST_TEST(refused(repeat("{\"a\":", 500'000)));
  auto doc = json::parse(repeat("[", 1000) + repeat("]", 1000));
  BOOST_REQUIRE(!doc);
  BOOST_TEST(doc.error().message.find("exceeded max depth of 128") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bounds_size) {
  std::string text = "\"" + std::string(3 * 1024 * 1024 - 2, 'x') + "\"";
  BOOST_TEST(json::parse(text).has_value());
  text += " ";
  auto doc = json::parse(text);
  BOOST_REQUIRE(!doc);
  BOOST_TEST(http_code(doc.error().why) == 413);
}

BOOST_AUTO_TEST_CASE(refuses_invalid_utf8) {
  for (std::string_view bad :
       {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE2\x82\"",
        "\"\x80\"", "\"abcdefghijklmnop\xC3\""})
    BOOST_TEST(refused(bad));
  BOOST_TEST(round_trip("\"\xE2\x82\xAC\xF0\x9F\x98\x80\"") == "\"\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

BOOST_AUTO_TEST_CASE(refuses_lone_surrogates) {
  BOOST_TEST(refused(R"("\ud800")"));
  BOOST_TEST(refused(R"("\udc00")"));
  BOOST_TEST(refused(R"("\ud800\ud800")"));
  BOOST_TEST(refused(R"({"\udfff":1})"));
  BOOST_TEST(round_trip(R"("\ud83d\ude00")") == "\"\xF0\x9F\x98\x80\"");
}

BOOST_AUTO_TEST_CASE(keeps_nul_inside_strings_and_refuses_it_outside) {
  auto doc = json::parse(R"({"a\u0000b":"x\u0000y"})");
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(json::get_string(*doc, std::string_view("a\0b", 3)).size() == 3u);
  BOOST_TEST(json::to_string(*doc) == R"({"a\u0000b":"x\u0000y"})");
  BOOST_TEST(refused(std::string_view("{}\0garbage", 10)));
  BOOST_TEST(refused(std::string_view("\"a\0b\"", 5)));
}

BOOST_AUTO_TEST_CASE(refuses_malformed_text_in_gos_words) {
  auto message = [](std::string_view t) { return round_trip(t); };
  BOOST_TEST(message("") == "error: json parse error: unexpected end of JSON input");
  BOOST_TEST(message("{\"a\":") == "error: json parse error: unexpected end of JSON input");
  BOOST_TEST(message("{a:1}").find("invalid character 'a' looking for beginning of object key") !=
             std::string::npos);
  BOOST_TEST(message("{} x").find("invalid character 'x' after top-level value") !=
             std::string::npos);
  for (auto bad :
       {"{,}", "[1,]", "{\"a\":1,}", "'a'", "nul", "//x\n1", "\"\t\"", "\"\\x\"", "\xEF\xBB\xBF{}"})
    BOOST_TEST(refused(bad), bad);
}

BOOST_AUTO_TEST_CASE(names_duplicate_keys_with_their_path) {
  auto doc = json::parse(R"({"spec":{"list":[{},{"x":{"k":1,"k":2}}]}})");
  BOOST_REQUIRE(!doc);
  BOOST_TEST(doc.error().message == R"(json parse error: duplicate field "spec.list[1].x.k")");

  json::limits lenient;
  lenient.refuse_duplicate_keys = false;
  std::vector<std::string> found;
  doc = json::parse(R"({"a":1,"b":{"c":1,"c":2,"c":3},"a":{"d":4}})", lenient, &found);
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(json::to_string(*doc) == R"({"a":{"d":4},"b":{"c":3}})");
  BOOST_TEST(found == (std::vector<std::string>{"a", "b.c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(finds_a_duplicate_among_very_many_keys) {
  std::string text = "{";
  for (int i = 0; i < 150'000; ++i)
    text += "\"k" + std::to_string(i) + "\":0,";
  BOOST_TEST(json::parse(text + "\"z\":0}").has_value());
  auto doc = json::parse(text + "\"k77777\":0}");
  BOOST_REQUIRE(!doc);
  BOOST_TEST(doc.error().message == R"(json parse error: duplicate field "k77777")");
}

BOOST_AUTO_TEST_CASE(readers_fall_back_on_other_types) {
  auto doc = json::parse(R"({"s":5,"i":"x","b":1,"big":18446744073709551615,"a":[1]})");
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(json::get_string(*doc, "s", "f") == "f");
  BOOST_TEST(json::get_int(*doc, "i", 7) == 7);
  BOOST_TEST(json::get_int(*doc, "big", 7) == 7);
  BOOST_TEST(json::get_bool(*doc, "b", true));
  BOOST_TEST(json::get_string(json::value(), "s").empty());
  BOOST_TEST(json::at(*doc, {"a", "b"}) == nullptr);
  BOOST_TEST(json::at(*doc, {"s", "t", "u"}) == nullptr);
  BOOST_TEST(json::as_string(*json::find(*doc, "a")).empty());
}

BOOST_AUTO_TEST_CASE(writers_replace_append_and_erase) {
  auto doc = *json::parse(R"({"a":1,"b":2,"c":3})");
  auto& al = doc.GetAllocator();
  json::set(doc, "b", "x", al);
  json::set(doc, "", std::string_view{}, al);
  json::erase(doc, "a");
  json::erase(doc, "missing");
  json::set(json::ensure_object(doc, "m", al), "k", json::value(true), al);
  BOOST_TEST(json::to_string(doc) == R"({"b":"x","c":3,"":"","m":{"k":true}})");
}

BOOST_AUTO_TEST_CASE(compares_without_regard_to_member_order) {
  auto eq = [](std::string_view a, std::string_view b) {
    return json::equal(*json::parse(a), *json::parse(b));
  };
  BOOST_TEST(eq(R"({"a":1,"b":[1,{"c":2}]})", R"({"b":[1,{"c":2}],"a":1})"));
  BOOST_TEST(!eq(R"({"a":1})", R"({"a":2})"));
  BOOST_TEST(!eq(R"({"a":1})", R"({"b":1})"));
  BOOST_TEST(!eq("[1,2]", "[2,1]"));
  BOOST_TEST(!eq("[1]", "[1,1]"));
  BOOST_TEST(!eq("null", "false"));
  BOOST_TEST(!eq("\"1\"", "1"));
  BOOST_TEST(!eq("-1", "18446744073709551615"));
  BOOST_TEST(eq("1", "1.0"));
  std::string forward = "{", backward = "{";
  for (int i = 0; i < 50'000; ++i) {
    forward += (i ? ",\"" : "\"") + std::to_string(i) + "\":1";
    backward += (i ? ",\"" : "\"") + std::to_string(49'999 - i) + "\":1";
  }
  BOOST_TEST(eq(forward + "}", backward + "}"));
}

BOOST_AUTO_TEST_CASE(pretty_prints_with_two_spaces) {
  BOOST_TEST(json::to_pretty_string(*json::parse(R"({"a":[1],"b":{}})")) ==
             "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
}

BOOST_AUTO_TEST_CASE(survives_mutated_text) {
  std::mt19937 rng(7);
  const std::string seed = R"({"a":[1,-2.5e3,"\u00e9\n",true,null],"b":{"c":"d\\","e":{}}})";
  for (int i = 0; i < 20'000; ++i) {
    auto text = seed;
    for (unsigned k = 0, n = 1 + rng() % 4; k < n; ++k) {
      size_t at = rng() % text.size();
      switch (rng() % 3) {
      case 0:
        text[at] = static_cast<char>(rng());
        break;
      case 1:
        text.erase(at, 1 + rng() % 3);
        break;
      default:
        text.insert(at, 1, "{}[],:\"\\0u"[rng() % 10]);
      }
      if (text.empty())
        text = "x";
    }
    auto doc = json::parse(text);
    if (!doc)
      continue;
    // What is accepted must survive its own serialization unchanged.
    auto once = json::to_string(*doc);
    auto again = json::parse(once);
    BOOST_REQUIRE(again.has_value());
    BOOST_REQUIRE(json::equal(*doc, *again));
    BOOST_REQUIRE(json::to_string(json::parse_trusted(once)) == once);
  }
}

BOOST_AUTO_TEST_SUITE_END()
