#include "api/text/labels.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;

namespace {

const label_set web{{"app", "web"}, {"tier", "front"}, {"weight", "5"}};

bool matches(std::string_view text, const label_set& labels = web) {
  auto s = parse_label_selector(text);
  BOOST_REQUIRE_MESSAGE(s.has_value(), text);
  return s->matches(labels);
}

std::string message(std::string_view text) {
  auto s = parse_label_selector(text);
  return s ? "accepted: " + s->to_string() : s.error().message;
}

result<label_selector> read(std::string_view text) {
  auto doc = json::parse(text);
  BOOST_REQUIRE(doc.has_value());
  return read_label_selector(&*doc, "spec.selector");
}

} // namespace

BOOST_AUTO_TEST_SUITE(label_selectors)

BOOST_AUTO_TEST_CASE(select_by_equality) {
  BOOST_TEST(matches(""));
  BOOST_TEST(matches("app=web"));
  BOOST_TEST(matches("app==web,tier=front"));
  BOOST_TEST(!matches("app=web,tier=back"));
  BOOST_TEST(matches("app!=db"));
  BOOST_TEST(matches("missing!=x"));
  BOOST_TEST(!matches("missing=x"));
  BOOST_TEST(!matches("app="));
  BOOST_TEST(matches("app=", {{"app", ""}}));
  BOOST_TEST(matches(" app = web , tier "));
}

BOOST_AUTO_TEST_CASE(select_by_set_and_existence) {
  BOOST_TEST(matches("app in (db,web)"));
  BOOST_TEST(!matches("app in (db)"));
  BOOST_TEST(!matches("missing in (db)"));
  BOOST_TEST(matches("app notin (db)"));
  BOOST_TEST(matches("missing notin (db)"));
  BOOST_TEST(matches("app"));
  BOOST_TEST(!matches("!app"));
  BOOST_TEST(matches("!missing"));
  BOOST_TEST(matches("x in (,a)", {{"x", ""}}));
  BOOST_TEST(matches("x in ()", {{"x", ""}}));
  BOOST_TEST(matches("in in (in,notin)", {{"in", "notin"}}));
  BOOST_TEST(matches("notin=in", {{"notin", "in"}}));
}

BOOST_AUTO_TEST_CASE(select_by_order) {
  BOOST_TEST(matches("weight>4"));
  BOOST_TEST(!matches("weight>5"));
  BOOST_TEST(matches("weight<6"));
  BOOST_TEST(!matches("app>1"));
  BOOST_TEST(!matches("missing<1"));
  BOOST_TEST(message("weight>x") ==
             "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
             "operators, the value must be an integer");
}

BOOST_AUTO_TEST_CASE(print_what_parses_to_the_same) {
  for (auto text : {"a=b", "a==b", "a!=b", "a in (b,c)", "a notin (b,c)", "a", "!a", "a>1", "a<1",
                    "a=", "a in (,b)", "a,b=c"})
    BOOST_TEST(message(text) == std::string("accepted: ") + text);
  BOOST_TEST(message("z=1, a in (c,b,c)") == "accepted: a in (b,c),z=1");
}

BOOST_AUTO_TEST_CASE(complain_in_apimachinerys_words) {
  BOOST_TEST(message("a=b,") == "found '', expected: identifier after ','");
  BOOST_TEST(message(",") == "found ',', expected: !, identifier, or 'end of string'");
  BOOST_TEST(message("a b") == "unable to parse requirement: found 'b', expected: in, notin, =, "
                               "==, !=, gt, lt");
  BOOST_TEST(message("a in b") == "unable to parse requirement: found 'b' expected: '('");
  BOOST_TEST(message("a in (b") == "unable to parse requirement: found '', expected: ',' or ')'");
  BOOST_TEST(message("!a in (b)") == "found 'in', expected: ',' or 'end of string'");
  BOOST_TEST(message("!") == "unable to parse requirement: found '', expected: identifier");
  BOOST_TEST(message("a=(") == "unable to parse requirement: found '(', expected: identifier");
  BOOST_TEST(message("a=b=c") == "found '=', expected: ',' or 'end of string'");
  BOOST_TEST(message("_a").starts_with(
      "unable to parse requirement: <nil>: Invalid value: \"_a\": name part must consist of"));
  BOOST_TEST(message("a=-").starts_with(
      "unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid label must be"));
}

BOOST_AUTO_TEST_CASE(survive_any_text) {
  std::mt19937 rng(3);
  const char* parts[] = {"a",  "b/c", "in", "notin", "(", ")", ",",   "=",  "==",  "!",
                         "!=", ">",   "<",  " ",     "1", "-", "x.y", "\t", "\xFF"};
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string text;
    for (unsigned n = rng() % 10; n > 0; --n)
      text += parts[rng() % std::size(parts)];
    auto s = parse_label_selector(text);
    if (!s) {
      BOOST_REQUIRE(s.error().why == reason::bad_request);
      continue;
    }
    ++accepted;
    auto again = parse_label_selector(s->to_string());
    BOOST_REQUIRE_MESSAGE(again.has_value(), text << " printed " << s->to_string());
    BOOST_REQUIRE(again->requirements() == s->requirements());
  }
  BOOST_TEST(accepted > 500);
  BOOST_TEST(message("a in (" + std::string(300'000, ',') + ")").starts_with("accepted"));
}

BOOST_AUTO_TEST_CASE(read_from_the_api_type) {
  auto s = read(R"({"matchLabels":{"tier":"front","app":"web"},
                    "matchExpressions":[{"key":"weight","operator":"In","values":["5","4"]},
                                        {"key":"gone","operator":"DoesNotExist"}]})");
  BOOST_REQUIRE(s.has_value());
  BOOST_TEST(s->matches(web));
  BOOST_TEST(s->to_string() == "app=web,!gone,tier=front,weight in (4,5)");
  BOOST_TEST(!s->matches({{"app", "web"}}));
}

BOOST_AUTO_TEST_CASE(tell_nothing_from_everything) {
  auto nothing = read_label_selector(nullptr);
  BOOST_REQUIRE(nothing.has_value());
  BOOST_TEST(nothing->matches_nothing());
  BOOST_TEST(!nothing->matches(web));
  BOOST_TEST(!nothing->matches({}));
  BOOST_TEST(read("null")->matches_nothing());
  auto everything = read("{}");
  BOOST_TEST(everything->matches_everything());
  BOOST_TEST(everything->matches({}));
  BOOST_TEST(label_selector::from_map(nullptr).matches_everything());
}

BOOST_AUTO_TEST_CASE(name_the_faults_of_the_api_type) {
  auto doc = json::parse(R"({"matchLabels":{"a b":"x y"},"matchExpressions":[
    {"key":"a","operator":"In"},{"key":"a","operator":"Exists","values":["v"]},
    {"key":"","operator":"Gt"},{"key":"a","operator":"In","values":["-"]},5]})");
  BOOST_REQUIRE(doc.has_value());
  auto causes = validate_label_selector(*doc, "spec.selector");
  std::vector<std::string> fields;
  for (const auto& c : causes)
    fields.push_back(c.field);
  BOOST_TEST(fields ==
                 (std::vector<std::string>{"spec.selector.matchLabels", "spec.selector.matchLabels",
                                           "spec.selector.matchExpressions[0].values",
                                           "spec.selector.matchExpressions[1].values",
                                           "spec.selector.matchExpressions[2].operator",
                                           "spec.selector.matchExpressions[2].key",
                                           "spec.selector.matchExpressions[2].key",
                                           "spec.selector.matchExpressions[3].values[0]",
                                           "spec.selector.matchExpressions[4].operator",
                                           "spec.selector.matchExpressions[4].key",
                                           "spec.selector.matchExpressions[4].key"}),
             boost::test_tools::per_element());
  BOOST_TEST(causes[2].message ==
             "Required value: must be specified when `operator` is 'In' or 'NotIn'");
  for (auto bad : {"[]", "5", R"({"matchExpressions":[{"key":"a","operator":"x"}]})"})
    BOOST_TEST(!read(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
