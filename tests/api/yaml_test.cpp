#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;

namespace {

/// The document as JSON, or its error.
std::string converted(std::string_view text) {
  auto doc = yaml::parse(text);
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
  auto doc = yaml::parse(text);
  return !doc && doc.error().why == reason::bad_request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(yaml_text)

BOOST_AUTO_TEST_CASE(reads_a_manifest) {
  BOOST_TEST(converted("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: {app: web}\n"
                       "spec:\n  containers:\n  - name: a\n    args: [\"-c\", 'x: y']\n"
                       "    env:\n    - name: T\n      value: |\n        two\n        lines\n"
                       "# a comment\n") ==
             R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web"}},)"
             R"("spec":{"containers":[{"name":"a","args":["-c","x: y"],)"
             R"("env":[{"name":"T","value":"two\nlines\n"}]}]}})");
  BOOST_TEST(converted("a: |\n  two\n  lines\nb: >-\n  one\n  line\n") ==
             R"({"a":"two\nlines\n","b":"one line"})");
  BOOST_TEST(converted("{\"a\": [1, 2.5, null, true], \"b\": \"\\u00e9\"}") ==
             "{\"a\":[1,2.5,null,true],\"b\":\"\xC3\xA9\"}");
}

BOOST_AUTO_TEST_CASE(types_plain_scalars_as_kubectl_does) {
  const std::pair<const char*, const char*> cases[] = {
      {"1", "1"},
      {"-5", "-5"},
      {"+5", "5"},
      {"010", "8"},
      {"0o10", "8"},
      {"0x1F", "31"},
      {"0b101", "5"},
      {"1_000", "1000"},
      {"-0x10", "-16"},
      {"1.5", "1.5"},
      {"1e3", "1000"},
      {".5", "0.5"},
      {"1.", "1"},
      {"08", "8"},
      {"true", "true"},
      {"Yes", "true"},
      {"on", "true"},
      {"y", "true"},
      {"NO", "false"},
      {"off", "false"},
      {"n", "false"},
      {"null", "null"},
      {"~", "null"},
      {"Null", "null"},
      {"'1'", "\"1\""},
      {"\"yes\"", "\"yes\""},
      {"1.2.3", "\"1.2.3\""},
      {"1Gi", "\"1Gi\""},
      {"0x", "\"0x\""},
      {"2026-01-01", "\"2026-01-01\""},
      {"tRUE", "\"tRUE\""},
      {"-", "[null]"},
      {"!!str 5", "\"5\""},
      {"!!int 5", "5"},
      {"! 5", "\"5\""},
      {"1:30", "\"1:30\""},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709552000"}};
  for (auto [text, expected] : cases)
    BOOST_TEST(converted("v: " + std::string(text == std::string("-") ? "\n- " : text)) ==
                   "{\"v\":" + std::string(expected) + "}",
               text << ": " << converted("v: " + std::string(text)));
}

BOOST_AUTO_TEST_CASE(spells_keys_as_strings) {
  BOOST_TEST(converted("1: a\ntrue: b\n'2': c\n0.5: d\n") ==
             R"({"1":"a","true":"b","2":"c","0.5":"d"})");
  BOOST_TEST(refused("~: x"));
  BOOST_TEST(refused("? [a]\n: b\n"));
  BOOST_TEST(refused("? {a: b}\n: c\n"));
}

BOOST_AUTO_TEST_CASE(tells_of_repeated_keys_where_the_last_one_wins) {
  std::vector<std::string> found;
  const auto doc = yaml::parse("a: 1\nb: {c: 1, c: 2}\na: [3]\na: 4\n", {}, &found);
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(json::to_string(*doc) == R"({"a":4,"b":{"c":2}})");
  const std::vector<std::string> expected = {R"(line 2: key "c" already set in map)",
                                             R"(line 3: key "a" already set in map)",
                                             R"(line 4: key "a" already set in map)"};
  BOOST_TEST(found == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(names_lines_in_errors) {
  BOOST_TEST(converted("a: 1\nb: 2\na: 3\n") ==
             "error: error converting YAML to JSON: yaml: line 3: key \"a\" already set in map");
  BOOST_TEST(converted("a: 1\n  b: 2\n")
                 .starts_with("error: error converting YAML to JSON: yaml: line 2: "));
  BOOST_TEST(converted("x:\n  a: &anchor 1\n").find("line 2: anchors are not supported") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(refuses_what_json_cannot_say_or_budgets_forbid) {
  for (auto bad : {"a: &x [1]\nb: *x\n",
                   "b: *x",
                   "<<: {a: 1}",
                   "a: .inf",
                   "a: .nan",
                   "a: -.Inf",
                   "a: !!int x",
                   "a: !!bool 1",
                   "a: !custom b",
                   "a: !!binary aGk=",
                   "a: !!set {x}",
                   "{a: 1, a: 2}",
                   "a: 1\n---\nb: 2\n",
                   "\xFF",
                   "a: \xC3",
                   "[1, 2",
                   "{a: 1",
                   "a: 'x",
                   "a: \"\\q\"",
                   "\t- a",
                   "@a",
                   "a: b: c",
                   "- a\nb: c",
                   "a: ]"})
    BOOST_TEST(refused(bad), bad << ": " << converted(bad));
  BOOST_TEST(refused(std::string_view("\0a\0:\0 \0b", 8)));
}

BOOST_AUTO_TEST_CASE(bounds_depth_nodes_and_bytes) {
  BOOST_TEST(!refused(repeat("[", 64) + repeat("]", 64)));
  BOOST_TEST(refused(repeat("[", 65) + repeat("]", 65)));
  BOOST_TEST(refused(repeat("[", 1'000'000)));
  BOOST_TEST(refused(repeat("{a: ", 500'000)));
  BOOST_TEST(refused(repeat("- ", 1'000'000)));
  BOOST_TEST(refused(repeat("? ", 1'000'000)));
  BOOST_TEST(refused("[" + repeat("1,", 100'001) + "]"));
  BOOST_TEST(!refused("[" + repeat("1,", 50'000) + "]"));
  auto big = yaml::parse(std::string(3 * 1024 * 1024 + 1, ' '));
  BOOST_REQUIRE(!big);
  BOOST_TEST(http_code(big.error().why) == 413);
}

BOOST_AUTO_TEST_CASE(takes_long_strings) {
  std::string text(2'900'000, 'x');
  for (auto form : {"a: " + text, "a: '" + text + "'", "a: |\n  " + text}) {
    auto doc = yaml::parse(form);
    BOOST_REQUIRE(doc.has_value());
    BOOST_TEST(json::get_string(*doc, "a").substr(0, text.size()) == text);
  }
}

BOOST_AUTO_TEST_CASE(reads_streams_of_documents) {
  auto all = yaml::parse_all("---\na: 1\n---\n# nothing\n---\n- 2\n...\n---\n");
  BOOST_REQUIRE(all.has_value());
  BOOST_REQUIRE_EQUAL(all->size(), 2u);
  BOOST_TEST(json::to_string((*all)[0]) == R"({"a":1})");
  BOOST_TEST(json::to_string((*all)[1]) == "[2]");
  BOOST_TEST(yaml::parse_all("").value().empty());
  BOOST_TEST(yaml::parse("").value().IsNull());
  BOOST_TEST(!yaml::parse_all("a: 1\n---\n[").has_value());
}

BOOST_AUTO_TEST_CASE(writes_block_style) {
  auto doc = json::parse(R"({"a":{"b":[{"c":1,"d":{"e":"x y"}},[1,2],{}],"f":[]},"g":"yes",)"
                         R"("h":"a: b","i":null,"j":"","k":"line\n","8":"0x10","l":"v1.2-x"})");
  BOOST_REQUIRE(doc.has_value());
  BOOST_TEST(yaml::to_yaml(*doc) == "a:\n  b:\n  - c: 1\n    d:\n      e: x y\n  - - 1\n    - 2\n"
                                    "  - {}\n  f: []\ng: \"yes\"\nh: \"a: b\"\ni: null\nj: \"\"\n"
                                    "k: \"line\\n\"\n\"8\": \"0x10\"\nl: v1.2-x\n");
  BOOST_TEST(yaml::to_yaml(json::value()) == "null\n");
}

/// Characters that YAML gives a meaning to, and some that it does not.
// clang-format off
const std::string alphabet[] = {
    "a", "Z", "0", " ", ":", "#", "-", "\n", "'", "\"", "\\", "\t", ",", "[", "{", "!", "&", "*",
    "%", "|", ">", "@", "`", "~", "\xC3\xA9", "\x7F", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF",
    "=", ".", "\xF0\x9F\x98\x80", "\x01", "y", "e", "_"};
// clang-format on

std::string random_text(std::mt19937& rng) {
  std::string s;
  for (unsigned n = rng() % 6; n > 0; --n)
    s += alphabet[rng() % std::size(alphabet)];
  return s;
}

json::value random_value(std::mt19937& rng, int depth, json::allocator& a) {
  switch (rng() % (depth > 0 ? 8 : 5)) {
  case 0:
    return json::value(static_cast<int64_t>(rng()) - 1'000'000'000);
  case 1:
    return json::value(rng() % 1000 / 8.0);
  case 2:
    return rng() % 2 ? json::value(true) : json::value();
  case 3:
  case 4:
    return json::make_string(random_text(rng), a);
  case 5: {
    json::value list(rapidjson::kArrayType);
    for (unsigned i = rng() % 4; i > 0; --i)
      list.PushBack(random_value(rng, depth - 1, a), a);
    return list;
  }
  default: {
    json::value obj(rapidjson::kObjectType);
    for (unsigned i = rng() % 4; i > 0; --i)
      json::set(obj, random_text(rng), random_value(rng, depth - 1, a), a);
    return obj;
  }
  }
}

BOOST_AUTO_TEST_CASE(what_it_writes_it_reads_back) {
  std::mt19937 rng(41);
  for (int i = 0; i < 3000; ++i) {
    json::document doc;
    json::value list(rapidjson::kArrayType);
    list.PushBack(random_value(rng, 4, doc.GetAllocator()), doc.GetAllocator());
    auto written = yaml::to_yaml(list);
    auto again = yaml::parse(written);
    BOOST_REQUIRE_MESSAGE(again.has_value(), written << again.error().message);
    BOOST_REQUIRE_MESSAGE(json::equal(list, *again), json::to_string(list)
                                                         << "\n"
                                                         << written << json::to_string(*again));
  }
}

BOOST_AUTO_TEST_CASE(survives_mutated_text) {
  std::mt19937 rng(43);
  const std::string seed = "a:\n- b: 'c'\n  d: {e: [1, \"x\"]}\n- |\n  text\n---\nf: >-\n  y\n";
  for (int i = 0; i < 5000; ++i) {
    auto text = seed;
    for (unsigned k = 0, n = 1 + rng() % 5; k < n; ++k) {
      size_t at = rng() % text.size();
      if (rng() % 2)
        text[at] = "-:[]{},'\"|>&*!%#?\n\t x"[rng() % 22];
      else
        text.insert(at, 1, "-:[]{},'\"|>&*!%#?\n\t x"[rng() % 22]);
    }
    auto all = yaml::parse_all(text);
    if (!all)
      BOOST_REQUIRE(all.error().why == reason::bad_request);
  }
}

BOOST_AUTO_TEST_SUITE_END()
