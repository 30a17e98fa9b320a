#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_objects : cluster {
  object_ptr config_map(const std::string& metadata = {}) {
    return ok(create("configmaps", "default", R"({"metadata":{"name":"a")" + metadata + "}}"))
        .object;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(removal, with_objects)

BOOST_AUTO_TEST_CASE(takes_the_object_away_at_once) {
  config_map();
  auto r = ok(remove("configmaps", "default", "a"));
  BOOST_TEST(r.removed);
  BOOST_TEST(get("configmaps", "default", "a") == nullptr);
  r = remove("configmaps", "default", "a");
  BOOST_TEST(r.failure.message == "configmaps \"a\" not found");
}

BOOST_AUTO_TEST_CASE(checks_preconditions) {
  auto o = config_map();
  auto r = remove("configmaps", "default", "a", R"({"preconditions":{"uid":"other"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message.find("the UID in the precondition (other) does not match the UID "
                                    "in record (" +
                                    o->uid() + ")") != std::string::npos);
  r = remove("configmaps", "default", "a", R"({"preconditions":{"resourceVersion":"1"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(
      ok(remove("configmaps", "default", "a", R"({"preconditions":{"uid":")" + o->uid() + R"("}})"))
          .removed);
}

BOOST_AUTO_TEST_CASE(refuses_unknown_policies) {
  config_map();
  auto r = remove("configmaps", "default", "a", R"({"propagationPolicy":"Sometimes"})");
  BOOST_TEST(http_code(r.failure.why) == 422);
  r = remove("configmaps", "default", "a",
             R"({"propagationPolicy":"Orphan","orphanDependents":true})");
  BOOST_TEST(http_code(r.failure.why) == 422);
}

BOOST_AUTO_TEST_CASE(waits_for_finalizers_and_ends_with_the_last) {
  config_map(R"(,"finalizers":["example.com/a","example.com/b"])");
  auto r = ok(remove("configmaps", "default", "a"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(r.object->meta().deleting);
  auto since = text_at(*r.object, {"metadata", "deletionTimestamp"});
  BOOST_TEST(since == "2030-01-02T00:00:00Z");
  auto revision = state->last;
  advance(std::chrono::seconds{5});
  r = ok(remove("configmaps", "default", "a"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionTimestamp"}) == since);
  BOOST_TEST(state->last == revision);
  r = ok(patch("configmaps", "default", "a",
               R"({"metadata":{"finalizers":["example.com/b"],"deletionTimestamp":null}})"));
  BOOST_TEST(text_at(*r.object, {"metadata", "deletionTimestamp"}) == since);
  r = ok(patch("configmaps", "default", "a", R"({"metadata":{"finalizers":null}})"));
  BOOST_TEST(r.removed);
  BOOST_TEST(get("configmaps", "default", "a") == nullptr);
}

BOOST_AUTO_TEST_CASE(leaves_dependents_to_the_collector_as_the_policy_says) {
  config_map();
  auto r = ok(remove("configmaps", "default", "a", R"({"propagationPolicy":"Foreground"})"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(text_at(*r.object, {"metadata", "finalizers"}) == R"(["foregroundDeletion"])");
  r = ok(remove("configmaps", "default", "a", R"({"propagationPolicy":"Orphan"})"));
  BOOST_TEST(text_at(*r.object, {"metadata", "finalizers"}) == R"(["orphan"])");
  r = ok(remove("configmaps", "default", "a", R"({"propagationPolicy":"Background"})"));
  BOOST_TEST(r.removed);
}

BOOST_AUTO_TEST_CASE(of_a_namespace_waits_for_finalize) {
  ok(create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  auto r = ok(remove("namespaces", "", "n"));
  BOOST_TEST(!r.removed);
  BOOST_TEST(text_at(*r.object, {"status", "phase"}) == "Terminating");
  BOOST_TEST(text_at(*r.object, {"spec", "finalizers"}) == R"(["kubernetes"])");
  r = ok(update("namespaces", "", "n", R"({"metadata":{"name":"n"},"spec":{}})"));
  BOOST_TEST(!r.removed);
  r = ok(update("namespaces", "", "n", R"({"metadata":{"name":"n"},"spec":{"finalizers":[]}})",
                "finalize"));
  BOOST_TEST(r.removed);
  BOOST_TEST(get("namespaces", "", "n") == nullptr);
}

BOOST_AUTO_TEST_CASE(of_a_namespace_that_must_stay_is_forbidden) {
  auto r = remove("namespaces", "", "default");
  BOOST_TEST(r.failure.message ==
             "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

BOOST_AUTO_TEST_CASE(dry_run_removes_nothing) {
  config_map();
  auto c = make(verb::remove, "configmaps", "default", "a", "", "");
  c.dry_run = true;
  BOOST_TEST(ok(send(c)).removed);
  BOOST_TEST(get("configmaps", "default", "a") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
