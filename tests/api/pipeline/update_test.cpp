#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_config_map : cluster {
  with_config_map() {
    made = ok(create("configmaps", "default",
                     R"({"metadata":{"name":"a","labels":{"x":"1"}},"data":{"k":"v"}})"))
               .object;
  }
  object_ptr made;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(update, with_config_map)

BOOST_AUTO_TEST_CASE(replaces_the_object_and_keeps_its_identity) {
  auto r = ok(update("configmaps", "default", "a",
                     R"({"metadata":{"name":"a","creationTimestamp":null},"data":{"k":"w"}})"));
  BOOST_TEST(r.object->uid() == made->uid());
  BOOST_TEST(r.object->labels().empty());
  BOOST_TEST(text_at(*r.object, {"data", "k"}) == "w");
  BOOST_TEST(text_at(*r.object, {"metadata", "creationTimestamp"}) == "2030-01-02T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(refuses_a_stale_revision) {
  ok(update("configmaps", "default", "a", R"({"metadata":{"name":"a"},"data":{"k":"w"}})"));
  auto r = update("configmaps", "default", "a",
                  R"({"metadata":{"name":"a","resourceVersion":")" +
                      std::to_string(made->revision()) + R"("},"data":{"k":"z"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message ==
             "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
             "please apply your changes to the latest version and try again");
}

BOOST_AUTO_TEST_CASE(is_tried_again_only_when_no_revision_is_named) {
  auto body = [&](const std::string& rv) {
    return R"({"metadata":{"name":"a")" + rv + R"(},"data":{"k":"w"}})";
  };
  auto free = std::get<prepared_write>(
      prepare(make(verb::update, "configmaps", "default", "a", body(""), "")));
  BOOST_TEST(free.retry_on_conflict);
  BOOST_TEST(free.write.expected_revision == made->revision());
  auto bound = std::get<prepared_write>(
      prepare(make(verb::update, "configmaps", "default", "a",
                   body(R"(,"resourceVersion":")" + std::to_string(made->revision()) + "\""), "")));
  BOOST_TEST(!bound.retry_on_conflict);
}

BOOST_AUTO_TEST_CASE(refuses_another_uid) {
  auto r = update("configmaps", "default", "a", R"({"metadata":{"name":"a","uid":"other"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
  BOOST_TEST(r.failure.message.find("Precondition failed: UID in precondition: other, UID in "
                                    "object meta: " +
                                    made->uid()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(patches_only_the_object_that_was_meant) {
  auto c = make(verb::patch, "configmaps", "default", "a", R"({"data":{"k":"w"}})", "");
  c.patch = patch_kind::json_merge;
  c.precondition_uid = "of the one before";
  BOOST_TEST(http_code(send(c).failure.why) == 409);
  c.precondition_uid = made->uid();
  BOOST_TEST(text_at(*ok(send(c)).object, {"data", "k"}) == "w");
}

BOOST_AUTO_TEST_CASE(needs_the_name_of_the_url) {
  auto r = update("configmaps", "default", "a", R"({"metadata":{"name":"b"}})");
  BOOST_TEST(r.failure.message ==
             "the name of the object (b) does not match the name on the URL (a)");
  r = update("configmaps", "default", "a", R"({"metadata":{}})");
  BOOST_TEST(r.failure.message == "the name of the object (a based on URL) was undeterminable: "
                                  "name must be provided");
}

BOOST_AUTO_TEST_CASE(of_nothing_new_writes_nothing) {
  auto revision = state->last;
  auto r = ok(update("configmaps", "default", "a", made->bytes()));
  BOOST_TEST(r.object == made);
  BOOST_TEST(state->last == revision);
}

BOOST_AUTO_TEST_CASE(of_a_missing_object_is_not_found) {
  auto r = update("configmaps", "default", "z", R"({"metadata":{"name":"z"}})");
  BOOST_TEST(http_code(r.failure.why) == 404);
  BOOST_TEST(r.failure.message == "configmaps \"z\" not found");
}

BOOST_AUTO_TEST_CASE(json_patch_merges_and_retries) {
  auto c = make(verb::patch, "configmaps", "default", "a",
                R"([{"op":"replace","path":"/data/k","value":"w"}])", "");
  c.patch = patch_kind::json_patch;
  auto p = prepare(c);
  BOOST_TEST(std::get<prepared_write>(p).retry_on_conflict);
  auto r = ok(send(c));
  BOOST_TEST(text_at(*r.object, {"data", "k"}) == "w");
  BOOST_TEST(text_at(*r.object, {"metadata", "labels", "x"}) == "1");
}

BOOST_AUTO_TEST_CASE(merge_patch_removes_what_is_null) {
  auto r = ok(patch("configmaps", "default", "a",
                    R"({"metadata":{"labels":{"x":null,"y":"2"}},"data":{"l":"m"}})"));
  BOOST_TEST(text_at(*r.object, {"metadata", "labels"}) == R"({"y":"2"})");
  BOOST_TEST(text_at(*r.object, {"data", "k"}) == "v");
  BOOST_TEST(text_at(*r.object, {"data", "l"}) == "m");
}

BOOST_AUTO_TEST_CASE(patch_with_a_stale_revision_is_refused) {
  auto r = patch("configmaps", "default", "a",
                 R"({"metadata":{"resourceVersion":"3"},"data":{"l":"m"}})");
  BOOST_TEST(http_code(r.failure.why) == 409);
}

BOOST_AUTO_TEST_CASE(patch_may_not_change_identity) {
  auto r = patch("configmaps", "default", "a", R"({"metadata":{"uid":"other"}})");
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message ==
             "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is "
             "immutable");
}

BOOST_AUTO_TEST_CASE(patch_must_leave_an_object_of_the_kind) {
  auto r = patch("configmaps", "default", "a", R"({"data":{"k":7}})");
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message.find("cannot unmarshal") != std::string::npos);
  auto c = make(verb::patch, "configmaps", "default", "a", R"({"dota":{"k":"v"}})", "");
  c.patch = patch_kind::json_merge;
  c.validation = validation_level::strict;
  r = send(c);
  BOOST_TEST(http_code(r.failure.why) == 422);
  BOOST_TEST(r.failure.message.find("strict decoding error: unknown field \"dota\"") !=
             std::string::npos);
  c.validation = validation_level::ignore;
  r = ok(send(c));
  BOOST_TEST(text_at(*r.object, {"dota"}) == "");
}

BOOST_AUTO_TEST_CASE(apply_patch_creates_and_then_merges) {
  auto r = ok(patch("configmaps", "default", "new",
                    R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new"},
                        "data":{"a":"1"}})",
                    patch_kind::apply));
  BOOST_TEST(r.created);
  r = ok(patch("configmaps", "default", "new",
               R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new"},
                   "data":{"b":"2"}})",
               patch_kind::apply));
  BOOST_TEST(!r.created);
  // The same manager applies "a" no more.
  BOOST_TEST(text_at(*r.object, {"data"}) == R"({"b":"2"})");
}

BOOST_AUTO_TEST_CASE(of_a_deleted_object_cannot_add_finalizers) {
  ok(patch("configmaps", "default", "a", R"({"metadata":{"finalizers":["example.com/a"]}})"));
  ok(remove("configmaps", "default", "a"));
  auto r = patch("configmaps", "default", "a",
                 R"({"metadata":{"finalizers":["example.com/a","example.com/b"]}})");
  BOOST_TEST(r.failure.message ==
             "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be "
             "added if the object is being deleted, found new finalizers "
             "[]string{\"example.com/b\"}");
}

BOOST_AUTO_TEST_SUITE_END()
