#include "api/rest/listing_cache.hpp"
#include "fixture.hpp"

using namespace thespis::api;
using namespace thespis::test;

namespace {

constexpr const char* pods = "/api/v1/namespaces/default/pods?";

std::string invalid_options(const std::string& causes) {
  return "ListOptions.meta.k8s.io \"\" is invalid: " + causes;
}

struct refusal {
  std::string query;
  std::string causes;
};

/// What Kubernetes' documentation says of resourceVersion and resourceVersionMatch.
const std::vector<refusal> refusals = {
    {"resourceVersionMatch=Exact", "resourceVersionMatch: Forbidden: resourceVersionMatch is "
                                   "forbidden unless resourceVersion is provided"},
    {"resourceVersionMatch=Exact&resourceVersion=0",
     "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for "
     "resourceVersion \"0\""},
    {"resourceVersionMatch=Newest&resourceVersion=1",
     "resourceVersionMatch: Unsupported value: \"Newest\": supported values: \"Exact\", "
     "\"NotOlderThan\", \"\""},
    {"resourceVersionMatch=Exact&resourceVersion=1&continue=x",
     "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is "
     "provided"},
    {"resourceVersionMatch=Newest", "[resourceVersionMatch: Forbidden: resourceVersionMatch is "
                                    "forbidden unless resourceVersion is provided, "
                                    "resourceVersionMatch: Unsupported value: \"Newest\": "
                                    "supported values: \"Exact\", \"NotOlderThan\", \"\"]"},
    {"sendInitialEvents=false",
     "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"},
    {"watch=1&sendInitialEvents=true",
     "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
     "NotOlderThan"},
    {"watch=1&resourceVersionMatch=NotOlderThan",
     "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
     "sendInitialEvents is provided"},
    {"watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
     "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch "
     "to NotOlderThan, resourceVersionMatch: Unsupported value: \"Exact\": supported values: "
     "\"NotOlderThan\"]"},
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(list_options, rest_fixture)

BOOST_AUTO_TEST_CASE(refuses_what_makes_no_sense_together) {
  for (const auto& r : refusals) {
    // A token that is none is refused before; a good one shows the combination.
    auto query = r.query;
    if (auto at = query.find("continue=x"); at != query.npos)
      query.replace(at + 9, 1, rest::continue_token{1, "default/a"}.encode());
    BOOST_TEST_CONTEXT(r.query)
    check_status(get(pods + query), 422, "Invalid", invalid_options(r.causes));
  }
}

BOOST_AUTO_TEST_CASE(reads_numbers_as_go_does) {
  check_status(get(std::string(pods) + "resourceVersion=-1"), 400, "BadRequest",
               "Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax");
  check_status(get(std::string(pods) + "resourceVersion=18446744073709551616"), 400, "BadRequest",
               "Invalid value: \"18446744073709551616\": strconv.ParseUint: parsing "
               "\"18446744073709551616\": value out of range");
  check_status(get(std::string(pods) + "limit=ten"), 400, "BadRequest",
               "strconv.ParseInt: parsing \"ten\": invalid syntax");
}

BOOST_AUTO_TEST_CASE(a_negative_limit_is_none) {
  add_pod("default", "a");
  add_pod("default", "b");
  auto list = get_json(std::string(pods) + "limit=-1");
  BOOST_TEST(json::find(list, "items")->Size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_watch_of_one_object_selects_no_other) {
  const std::string path =
      "/api/v1/watch/namespaces/default/pods/a?timeoutSeconds=1&fieldSelector=";
  check_status(get(path + "metadata.name%3Db"), 400, "BadRequest",
               "fieldSelector metadata.name doesn't match requested name");
  BOOST_TEST(get(path + "metadata.name%3D%3Da").status == 200);
}

BOOST_AUTO_TEST_CASE(resources_have_no_head) {
  BOOST_TEST(request("HEAD", "/api/v1/namespaces/default/pods").status == 405);
  BOOST_TEST(request("HEAD", "/healthz").status == 200);
}

BOOST_AUTO_TEST_CASE(the_options_of_a_collections_deletion_hold_though_it_is_empty) {
  check_status(request("DELETE", "/api/v1/namespaces/default/configmaps",
                       R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Up"})"),
               422, "Invalid");
}

BOOST_AUTO_TEST_SUITE_END()
