#include "api/text/fields.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace thespis::api;

namespace {

std::string message(std::string_view text) {
  auto s = parse_field_selector(text);
  return s ? "accepted: " + s->to_string() : s.error().message;
}

bool matches(std::string_view text) {
  static const std::map<std::string, std::string, std::less<>> object{
      {"metadata.name", "x"}, {"status.phase", "Running"}, {"odd", "a,b=c\\d"}};
  auto s = parse_field_selector(text);
  BOOST_REQUIRE_MESSAGE(s.has_value(), text);
  return s->matches([](std::string_view field) {
    auto it = object.find(field);
    return it == object.end() ? std::string{} : it->second;
  });
}

} // namespace

BOOST_AUTO_TEST_SUITE(field_selectors)

BOOST_AUTO_TEST_CASE(match_values_of_fields) {
  BOOST_TEST(matches(""));
  BOOST_TEST(matches(",,"));
  BOOST_TEST(matches("metadata.name=x"));
  BOOST_TEST(matches("metadata.name==x,status.phase!=Failed"));
  BOOST_TEST(!matches("metadata.name=x,status.phase!=Running"));
  BOOST_TEST(matches("spec.nodeName="));
  BOOST_TEST(!matches("spec.nodeName!="));
  BOOST_TEST(matches("odd=a\\,b\\=c\\\\d"));
}

BOOST_AUTO_TEST_CASE(print_what_parses_to_the_same) {
  BOOST_TEST(message("a==b,c!=d") == "accepted: a=b,c!=d");
  BOOST_TEST(message("a=x\\,y\\=z\\\\") == "accepted: a=x\\,y\\=z\\\\");
}

BOOST_AUTO_TEST_CASE(complain_in_apimachinerys_words) {
  BOOST_TEST(message("abc") == "invalid selector: 'abc'; can't understand 'abc'");
  BOOST_TEST(message("a=b=c") == "invalid field selector: unescaped character in value: 61");
  BOOST_TEST(message("a=b\\x") == "invalid field selector: invalid escape sequence: \\x");
  BOOST_TEST(message("a=b\\") == "invalid field selector: invalid escape sequence: \\");
}

BOOST_AUTO_TEST_CASE(name_their_exact_values) {
  auto s = parse_field_selector("spec.nodeName=n1,metadata.name!=x");
  BOOST_REQUIRE(s.has_value());
  BOOST_TEST(s->exact("spec.nodeName").value_or("") == "n1");
  BOOST_TEST(!s->exact("metadata.name").has_value());
}

BOOST_AUTO_TEST_CASE(refuse_unsupported_fields) {
  auto s = *parse_field_selector("metadata.name=a,spec.nodeName=b");
  BOOST_TEST(check_fields(s, {"spec.nodeName"}).has_value());
  BOOST_TEST(check_fields(s, {"status.phase"}).error().message ==
             "field label not supported: spec.nodeName");
  BOOST_TEST(check_fields(s, {}).error().message ==
             "\"spec.nodeName\" is not a known field selector: only \"metadata.name\", "
             "\"metadata.namespace\"");
}

BOOST_AUTO_TEST_SUITE_END()
