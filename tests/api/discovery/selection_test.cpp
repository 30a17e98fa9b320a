#include "api/discovery/selection.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

object_ptr make(std::string_view resource, std::string text) {
  auto o = load_object(resource, std::move(text));
  BOOST_REQUIRE(o);
  return *o;
}

bool selects(const object_ptr& o, std::string_view labels, std::string_view fields) {
  auto resource = schema::registry::builtin().find_group_resource(o->resource());
  BOOST_REQUIRE(resource);
  auto s = object_selector::parse(*resource, labels, fields);
  BOOST_REQUIRE_MESSAGE(s, s.error().message);
  return s->matches(*o);
}

} // namespace

BOOST_AUTO_TEST_SUITE(selections)

BOOST_AUTO_TEST_CASE(select_by_identity_and_content) {
  auto pod = make("pods", R"({"metadata":{"name":"a","namespace":"n","resourceVersion":"1",
    "labels":{"app":"web"}},"spec":{"nodeName":"n1"},"status":{"phase":"Running"}})");
  BOOST_TEST(selects(pod, "", ""));
  BOOST_TEST(selects(pod, "app=web", "spec.nodeName=n1,metadata.namespace=n"));
  BOOST_TEST(!selects(pod, "app=db", "spec.nodeName=n1"));
  BOOST_TEST(selects(pod, "", "status.phase=Running,status.phase!=Failed"));
  BOOST_TEST(!selects(pod, "", "status.phase!=Running"));
}

BOOST_AUTO_TEST_CASE(absent_fields_have_the_value_of_nothing) {
  auto node = make("nodes", R"({"metadata":{"name":"n","resourceVersion":"1"},"spec":{}})");
  BOOST_TEST(selects(node, "", "spec.unschedulable=false"));
  auto cordoned = make("nodes", R"({"metadata":{"name":"n","resourceVersion":"1"},
    "spec":{"unschedulable":true}})");
  BOOST_TEST(selects(cordoned, "", "spec.unschedulable=true"));
  auto pod = make("pods", R"({"metadata":{"name":"a","namespace":"n","resourceVersion":"1"}})");
  BOOST_TEST(selects(pod, "", "spec.nodeName="));
}

BOOST_AUTO_TEST_CASE(events_are_found_by_who_reports_them) {
  auto old = make("events", R"({"metadata":{"name":"e","namespace":"n","resourceVersion":"1"},
    "source":{"component":"kubelet"}})");
  BOOST_TEST(selects(old, "", "source=kubelet"));
  auto recent = make("events", R"({"metadata":{"name":"e","namespace":"n","resourceVersion":"1"},
    "reportingComponent":"scheduler"})");
  BOOST_TEST(selects(recent, "", "source=scheduler,reportingComponent=scheduler"));
}

BOOST_AUTO_TEST_CASE(events_are_found_by_the_names_of_either_group) {
  auto event = make("events", R"({"metadata":{"name":"e","namespace":"n","resourceVersion":"1"},
    "reason":"Test","reportingComponent":"scheduler","involvedObject":{"name":"p"}})");
  auto resource = schema::registry::builtin().find_group_resource("events.events.k8s.io");
  BOOST_REQUIRE(resource);
  const auto selects_as_v1 = [&](std::string_view fields) {
    auto s = object_selector::parse(*resource, "", fields);
    BOOST_REQUIRE_MESSAGE(s, s.error().message);
    return s->matches(*event);
  };
  BOOST_TEST(selects_as_v1("reportingController=scheduler,regarding.name=p,reason=Test"));
  BOOST_TEST(!selects_as_v1("reportingController=kubelet"));
  BOOST_TEST(!selects_as_v1("regarding.name=q"));
  // Watches name what is stored.
  auto make_matcher = matchers_of(schema::registry::builtin());
  selection s;
  s.field_selector = "reportingController=scheduler,regarding.name=p";
  auto matcher = make_matcher("events", s);
  BOOST_REQUIRE(matcher);
  BOOST_TEST((*matcher)(*event));
  s.field_selector = "regarding.name=q";
  BOOST_TEST(!(*make_matcher("events", s))(*event));
}

BOOST_AUTO_TEST_CASE(matchers_refuse_what_lists_refuse) {
  auto make_matcher = matchers_of(schema::registry::builtin());
  selection s;
  s.field_selector = "spec.color=red";
  auto bad = make_matcher("pods", s);
  BOOST_REQUIRE(!bad);
  BOOST_TEST(bad.error().message == "field label not supported: spec.color");
  s.field_selector = "status.phase=Running";
  BOOST_TEST(make_matcher("pods", s).has_value());
  BOOST_TEST(!make_matcher("nothings", s).has_value());
  s.label_selector = std::string(70'000, 'a');
  BOOST_TEST(!make_matcher("pods", s).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
