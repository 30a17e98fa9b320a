#include "api/object/object.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

constexpr std::string_view pod = R"({"apiVersion":"v1","kind":"Pod","metadata":{
  "name":"web","namespace":"default","uid":"u-1","generation":3,
  "annotations":{"trap":"\"resourceVersion\":\"\"","resourceVersion":""},
  "labels":{"z":"1","a":"2"},"finalizers":["x/y"],"deletionTimestamp":"2026-01-01T00:00:00Z",
  "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"o","controller":true}]},
  "spec":{"nodeName":"n1","cpu":1.5}})";

} // namespace

BOOST_AUTO_TEST_SUITE(object_model)

BOOST_AUTO_TEST_CASE(seals_a_draft_with_its_revision) {
  auto doc = json::parse(pod);
  BOOST_REQUIRE(doc.has_value());
  auto d = make_draft("pods", *doc);
  BOOST_TEST(d.bytes.substr(d.revision_pos - 19, 20) == R"("resourceVersion":"")");
  BOOST_TEST(d.meta.revision == 0u);
  auto o = seal(std::move(d), 18446744073709551615u);
  BOOST_TEST(o->revision() == 18446744073709551615u);
  auto parsed = o->parse();
  BOOST_TEST(json::get_string(*json::find(parsed, "metadata"), "resourceVersion") ==
             "18446744073709551615");
  // Neither the annotation of that name nor its text is touched.
  BOOST_TEST(json::get_string(*json::at(parsed, {"metadata", "annotations"}), "resourceVersion") ==
             "");
  BOOST_TEST(json::at(parsed, {"spec", "cpu"})->GetDouble() == 1.5);
}

BOOST_AUTO_TEST_CASE(reads_identity_once) {
  auto doc = json::parse(pod);
  auto o = seal(make_draft("pods", *doc), 7);
  const auto& m = o->meta();
  BOOST_TEST(m.ns == "default");
  BOOST_TEST(m.name == "web");
  BOOST_TEST(m.uid == "u-1");
  BOOST_TEST(m.generation == 3);
  BOOST_TEST(m.node_name == "n1");
  BOOST_TEST(m.deleting);
  BOOST_TEST(m.has_finalizers);
  BOOST_REQUIRE_EQUAL(m.labels.size(), 2u);
  BOOST_TEST(m.labels[0].first == "a");
  BOOST_TEST(*find_label(m.labels, "z") == "1");
  BOOST_TEST(find_label(m.labels, "y") == nullptr);
  BOOST_REQUIRE_EQUAL(m.owners.size(), 1u);
  BOOST_TEST(m.owners[0].controller);
  BOOST_TEST(m.owners[0].api_version == "apps/v1");
}

BOOST_AUTO_TEST_CASE(loads_what_it_sealed) {
  auto doc = json::parse(pod);
  auto o = seal(make_draft("pods", *doc), 42);
  auto again = load_object("pods", o->bytes());
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST((*again)->revision() == 42u);
  BOOST_TEST((*again)->bytes() == o->bytes());
  BOOST_TEST((*again)->meta().labels == o->meta().labels);
}

BOOST_AUTO_TEST_CASE(refuses_bytes_that_are_no_stored_object) {
  for (auto bad : {"", "[]", "{}", R"({"metadata":{"name":"x"}})",
                   R"({"metadata":{"name":"x","resourceVersion":"1z"}})",
                   R"({"metadata":{"resourceVersion":"1"}})"})
    BOOST_TEST(!load_object("pods", bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(tolerates_metadata_of_any_shape) {
  for (auto odd : {"5", "{}", R"({"metadata":5})", R"({"metadata":{"labels":[1],"name":{}}})",
                   R"({"metadata":{"ownerReferences":[1,null]},"spec":[]})"}) {
    auto doc = json::parse(odd);
    BOOST_REQUIRE(doc.has_value());
    auto d = make_draft("pods", *doc);
    auto o = seal(std::move(d), 5);
    BOOST_TEST(json::at(o->parse(), {"metadata", "resourceVersion"})->GetString() == "5");
  }
}

BOOST_AUTO_TEST_CASE(keys_name_the_namespace_first) {
  BOOST_TEST(object_key("ns", "n") == "ns/n");
  BOOST_TEST(object_key("", "n") == "n");
}

BOOST_AUTO_TEST_SUITE_END()
