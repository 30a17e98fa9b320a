#include "api/error.hpp"
#include "api/text/quote.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(speak_kubernetes_words) {
  BOOST_TEST(not_found("pods", "x").message == R"(pods "x" not found)");
  BOOST_TEST(already_exists("deployments.apps", "x").message ==
             R"(deployments.apps "x" already exists)");
  BOOST_TEST(conflict("pods", "x", "stale").message ==
             R"(Operation cannot be fulfilled on pods "x": stale)");
  BOOST_TEST(forbidden("pods", "x", "no").message == R"(pods "x" is forbidden: no)");
  BOOST_TEST(forbidden("pods", "", "no").message == "pods is forbidden: no");
  BOOST_TEST(forbidden("", "", "no").message == "forbidden: no");
  BOOST_TEST(internal_error("boom").message == "Internal error occurred: boom");
}

BOOST_AUTO_TEST_CASE(invalid_joins_distinct_causes) {
  BOOST_TEST(invalid("Pod", "x", {}).message == R"(Pod "x" is invalid)");
  BOOST_TEST(invalid("Pod", "x", {required("spec.a")}).message ==
             R"(Pod "x" is invalid: spec.a: Required value)");
  auto twice = invalid("Pod", "x", {required("spec.a"), required("spec.a")});
  BOOST_TEST(twice.message == R"(Pod "x" is invalid: spec.a: Required value)");
  BOOST_TEST(twice.causes.size() == 2u);
  auto e = invalid("Deployment.apps", "",
                   {required("a", "must be there"), invalid_value("b", "-1", "too small")});
  BOOST_TEST(e.message == "Deployment.apps \"\" is invalid: [a: Required value: must be there, "
                          "b: Invalid value: -1: too small]");
  BOOST_TEST(e.kind == "Deployment");
  BOOST_TEST(e.group == "apps");
}

BOOST_AUTO_TEST_CASE(causes_carry_their_type_and_words) {
  auto c = not_supported("p", "\"X\"", {"TCP", "UDP"});
  BOOST_TEST(c.reason == "FieldValueNotSupported");
  BOOST_TEST(c.message == R"(Unsupported value: "X": supported values: "TCP", "UDP")");
  BOOST_TEST(duplicate("p", "\"a\"").message == R"(Duplicate value: "a")");
  BOOST_TEST(field_forbidden("p", "why").message == "Forbidden: why");
  BOOST_TEST(too_long("p", 63).message == "Too long: may not be more than 63 bytes");
  BOOST_TEST(too_many("p", 5, 3).message == "Too many: 5: must have at most 3 items");
  BOOST_TEST(field_not_found("p", "\"v\"").message == R"(Not found: "v")");
  BOOST_TEST(type_invalid("p", "1", "must be a string").reason == "FieldValueTypeInvalid");
}

BOOST_AUTO_TEST_CASE(status_has_kubernetes_shape) {
  BOOST_TEST(to_status_json(not_found("deployments.apps", "x")) ==
             R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
             R"("message":"deployments.apps \"x\" not found","reason":"NotFound",)"
             R"("details":{"name":"x","group":"apps","kind":"deployments"},"code":404})");
  BOOST_TEST(to_status_json(bad_request("no")) ==
             R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
             R"("message":"no","reason":"BadRequest","code":400})");
  auto e = invalid("Pod", "x", {required("spec.a")});
  e.retry_after_seconds = 2;
  BOOST_TEST(
      to_status_json(e).find(
          R"("details":{"name":"x","kind":"Pod","causes":[{"reason":"FieldValueRequired",)"
          R"("message":"Required value","field":"spec.a"}],"retryAfterSeconds":2},"code":422)") !=
      std::string::npos);
  BOOST_TEST(success_status_json("x", "", "pods", "u") ==
             R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success",)"
             R"("details":{"name":"x","kind":"pods","uid":"u"}})");
}

BOOST_AUTO_TEST_CASE(every_reason_has_its_code) {
  BOOST_TEST(http_code(reason::unknown) == 500);
  BOOST_TEST(http_code(reason::unauthorized) == 401);
  BOOST_TEST(http_code(reason::conflict) == 409);
  BOOST_TEST(http_code(reason::expired) == 410);
  BOOST_TEST(http_code(reason::unsupported_media_type) == 415);
  BOOST_TEST(http_code(reason::server_timeout) == 500);
  BOOST_TEST(http_code(reason::timeout) == 504);
  BOOST_TEST(to_string(reason::method_not_allowed) == "MethodNotAllowed");
  BOOST_TEST(to_string(reason::unknown).empty());
}

BOOST_AUTO_TEST_CASE(quotes_as_go) {
  BOOST_TEST(quote_go("a\"b\\c\n\x01\x7F") == R"("a\"b\\c\n\x01\x7f")");
  BOOST_TEST(quote_go("\xFFz\xE2\x82\xAC") == "\"\\xffz\xE2\x82\xAC\"");
  BOOST_TEST(quote_go("") == "\"\"");
}

BOOST_AUTO_TEST_SUITE_END()
