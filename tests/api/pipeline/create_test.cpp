#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

BOOST_FIXTURE_TEST_SUITE(create, cluster)

BOOST_AUTO_TEST_CASE(gives_a_new_object_its_identity) {
  auto r = ok(create("configmaps", "default",
                     R"({"metadata":{"name":"a","uid":"mine","generation":7,
                     "creationTimestamp":"1999-01-01T00:00:00Z","managedFields":[{}]},
                     "data":{"k":"v"}})"));
  BOOST_TEST(r.created);
  BOOST_TEST(r.object->name() == "a");
  BOOST_TEST(r.object->ns() == "default");
  BOOST_TEST(r.object->revision() == state->last);
  BOOST_TEST(r.object->uid() == "uid-2");
  BOOST_TEST(text_at(*r.object, {"metadata", "creationTimestamp"}) == "2030-01-02T00:00:00Z");
  BOOST_TEST(text_at(*r.object, {"metadata", "generation"}) == "");
  BOOST_TEST(text_at(*r.object, {"metadata", "managedFields"}) == "");
  BOOST_TEST(text_at(*r.object, {"kind"}) == "ConfigMap");
  BOOST_TEST(text_at(*r.object, {"apiVersion"}) == "v1");
}

BOOST_AUTO_TEST_CASE(refuses_an_object_of_another_namespace) {
  auto r = create("configmaps", "default", R"({"metadata":{"name":"a","namespace":"other"}})");
  BOOST_TEST(!r.ok);
  BOOST_TEST(r.failure.message == "the namespace of the provided object does not match the "
                                  "namespace sent on the request");
  BOOST_TEST(http_code(r.failure.why) == 400);
}

BOOST_AUTO_TEST_CASE(refuses_another_kind_or_version) {
  auto r = create("configmaps", "default",
                  R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}})");
  BOOST_TEST(r.failure.message ==
             "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) "
             "to (v1.ConfigMap): unknown conversion");
  r = create("configmaps", "default",
             R"({"kind":"ConfigMap","apiVersion":"v2","metadata":{"name":"a"}})");
  BOOST_TEST(r.failure.message == "the API version in the data (v2) does not match the expected "
                                  "API version (v1)");
}

BOOST_AUTO_TEST_CASE(needs_the_namespace) {
  auto r = create("configmaps", "nowhere", R"({"metadata":{"name":"a"}})");
  BOOST_TEST(r.failure.message == "namespaces \"nowhere\" not found");
  BOOST_TEST(http_code(r.failure.why) == 404);
}

BOOST_AUTO_TEST_CASE(adds_nothing_to_a_terminating_namespace) {
  ok(create("namespaces", "", R"({"metadata":{"name":"going"}})"));
  ok(remove("namespaces", "", "going"));
  auto r = create("configmaps", "going", R"({"metadata":{"name":"a"}})");
  BOOST_TEST(http_code(r.failure.why) == 403);
  BOOST_TEST(r.failure.message ==
             "configmaps \"a\" is forbidden: unable to create new content in namespace going "
             "because it is being terminated");
  BOOST_REQUIRE(r.failure.causes.size() == 1);
  BOOST_TEST(r.failure.causes[0].reason == "NamespaceTerminating");
}

BOOST_AUTO_TEST_CASE(refuses_a_resource_version) {
  auto r = create("configmaps", "default", R"({"metadata":{"name":"a","resourceVersion":"5"}})");
  BOOST_TEST(r.failure.message == "resourceVersion should not be set on objects to be created");
}

BOOST_AUTO_TEST_CASE(needs_a_name) {
  auto r = create("configmaps", "default", R"({"metadata":{}})");
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message ==
             "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is "
             "required");
}

BOOST_AUTO_TEST_CASE(generates_a_name_that_is_free) {
  ok(create("configmaps", "default", R"({"metadata":{"name":"web-10001"}})"));
  auto r = ok(create("configmaps", "default", R"({"metadata":{"generateName":"web-"}})"));
  BOOST_TEST(r.object->name() == "web-10000");
  r = ok(create("configmaps", "default", R"({"metadata":{"generateName":"web-"}})"));
  BOOST_TEST(r.object->name() == "web-10002");
}

BOOST_AUTO_TEST_CASE(asks_for_another_try_when_a_generated_name_is_taken_meanwhile) {
  auto p = prepare(make(verb::create, "configmaps", "default", "",
                        R"({"metadata":{"generateName":"web-"}})", ""));
  BOOST_TEST(std::get<prepared_write>(p).retry_on_exists);
}

BOOST_AUTO_TEST_CASE(refuses_a_name_that_is_taken) {
  ok(create("configmaps", "default", R"({"metadata":{"name":"a"}})"));
  auto r = create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message == "configmaps \"a\" already exists");
}

BOOST_AUTO_TEST_CASE(dry_run_writes_nothing) {
  auto c = make(verb::create, "configmaps", "default", "", R"({"metadata":{"name":"a"}})", "");
  c.dry_run = true;
  auto r = ok(send(c));
  BOOST_TEST(r.object->name() == "a");
  BOOST_TEST(r.created);
  BOOST_TEST(get("configmaps", "default", "a") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
