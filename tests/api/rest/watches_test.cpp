#include "api/crd/definition.hpp"
#include "fixture.hpp"

using namespace thespis::test;
namespace json = thespis::api::json;

namespace {

struct frequent_bookmarks : rest_fixture {
  frequent_bookmarks() : rest_fixture(std::chrono::milliseconds{50}) {}
};

std::string type_of(const json::value& e) {
  return text_at(e, {"type"});
}

std::string name_of(const json::value& e) {
  return text_at(e, {"object", "metadata", "name"});
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(watches, rest_fixture)

BOOST_AUTO_TEST_CASE(a_watch_without_revision_begins_with_the_present) {
  add_pod("default", "web");
  watch_client w(*this, "/api/v1/namespaces/default/pods?watch=true");
  BOOST_TEST(w.status == 200);
  auto e = w.next();
  BOOST_TEST(type_of(e) == "ADDED");
  BOOST_TEST(name_of(e) == "web");
  add_pod("default", "web", R"({"a":"b"})");
  e = w.next();
  BOOST_TEST(type_of(e) == "MODIFIED");
  BOOST_TEST(text_at(e, {"object", "metadata", "labels", "a"}) == "b");
}

BOOST_AUTO_TEST_CASE(a_watch_resumes_after_a_revision) {
  auto one = add_pod("default", "one");
  add_pod("default", "two");
  watch_client w(*this, "/api/v1/pods?watch=1&resourceVersion=" + std::to_string(one->revision()));
  BOOST_TEST(name_of(w.next()) == "two");
  add_pod("default", "three");
  BOOST_TEST(name_of(w.next()) == "three");
}

BOOST_AUTO_TEST_CASE(a_watch_sees_what_enters_and_leaves_its_selection) {
  watch_client w(*this, "/api/v1/pods?watch=true&labelSelector=app%3Dweb");
  add_pod("default", "db", R"({"app":"db"})");
  add_pod("default", "x", R"({"app":"web"})");
  auto e = w.next();
  BOOST_TEST(type_of(e) == "ADDED");
  BOOST_TEST(name_of(e) == "x");
  add_pod("default", "x", R"({"app":"db"})");
  BOOST_TEST(type_of(w.next()) == "DELETED");
}

BOOST_AUTO_TEST_CASE(narrow_selections_reach_the_backend_as_such) {
  watch_client w(*this, "/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1");
  add_pod("default", "a", "{}", "n2");
  add_pod("default", "b", "{}", "n1");
  BOOST_TEST(name_of(w.next()) == "b");
}

BOOST_AUTO_TEST_CASE(legacy_watch_paths_work) {
  add_pod("default", "a");
  add_pod("default", "b");
  watch_client w(*this, "/api/v1/watch/namespaces/default/pods/b");
  BOOST_TEST(name_of(w.next()) == "b");
}

BOOST_AUTO_TEST_CASE(a_deletion_ends_up_in_the_watch) {
  request("POST", "/api/v1/namespaces/default/configmaps",
          R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"}})");
  watch_client w(*this, "/api/v1/configmaps?watch=true");
  BOOST_TEST(type_of(w.next()) == "ADDED");
  BOOST_TEST(request("DELETE", "/api/v1/namespaces/default/configmaps/c").status == 200);
  auto e = w.next();
  BOOST_TEST(type_of(e) == "DELETED");
  BOOST_TEST(name_of(e) == "c");
}

BOOST_AUTO_TEST_CASE(an_expired_revision_is_an_error_event) {
  auto one = add_pod("default", "one");
  add_pod("default", "two");
  cluster.compact();
  watch_client w(*this, "/api/v1/pods?watch=1&resourceVersion=" + std::to_string(one->revision()));
  BOOST_TEST(w.status == 200);
  auto e = w.next();
  BOOST_TEST(type_of(e) == "ERROR");
  BOOST_TEST(text_at(e, {"object", "kind"}) == "Status");
  BOOST_TEST(text_at(e, {"object", "reason"}) == "Expired");
  BOOST_TEST(json::get_int(*json::find(e, "object"), "code") == 410);
  BOOST_TEST(w.ended());
}

BOOST_AUTO_TEST_CASE(initial_events_end_with_an_annotated_bookmark) {
  add_pod("default", "web");
  watch_client w(*this, "/api/v1/pods?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&"
                        "resourceVersionMatch=NotOlderThan");
  BOOST_TEST(name_of(w.next()) == "web");
  auto e = w.next();
  BOOST_TEST(type_of(e) == "BOOKMARK");
  BOOST_TEST(text_at(e, {"object", "kind"}) == "Pod");
  BOOST_TEST(text_at(e, {"object", "metadata", "annotations", "k8s.io/initial-events-end"}) ==
             "true");
  BOOST_TEST(!text_at(e, {"object", "metadata", "resourceVersion"}).empty());
  check_status(get("/api/v1/pods?watch=true&sendInitialEvents=true"), 422, "Invalid");
}

BOOST_AUTO_TEST_CASE(a_watch_without_initial_events_begins_now) {
  add_pod("default", "old");
  watch_client w(*this, "/api/v1/pods?watch=true&sendInitialEvents=false&resourceVersionMatch="
                        "NotOlderThan");
  BOOST_REQUIRE(becomes_true([&] { return cluster.watchers() == 1; }));
  add_pod("default", "new");
  BOOST_TEST(name_of(w.next()) == "new");
}

BOOST_FIXTURE_TEST_CASE(bookmarks_come_by_themselves, frequent_bookmarks) {
  auto pod = add_pod("default", "web");
  watch_client w(*this, "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=" +
                            std::to_string(pod->revision()));
  auto e = w.next();
  BOOST_TEST(type_of(e) == "BOOKMARK");
  BOOST_TEST(text_at(e, {"object", "metadata", "resourceVersion"}) ==
             std::to_string(pod->revision()));
  BOOST_TEST(type_of(w.next()) == "BOOKMARK");
}

BOOST_AUTO_TEST_CASE(a_watch_ends_at_its_timeout) {
  watch_client w(*this, "/api/v1/pods?watch=true&timeoutSeconds=1");
  BOOST_TEST(w.ended());
  BOOST_TEST(becomes_true([&] { return cluster.watchers() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_frees_its_watch) {
  {
    watch_client w(*this, "/api/v1/pods?watch=true");
    BOOST_REQUIRE(becomes_true([&] { return cluster.watchers() == 1; }));
  }
  BOOST_TEST(becomes_true([&] { return cluster.watchers() == 0; }));
}

BOOST_AUTO_TEST_CASE(stopping_the_server_ends_watches_completely) {
  watch_client w(*this, "/api/v1/pods?watch=true");
  BOOST_REQUIRE(becomes_true([&] { return cluster.watchers() == 1; }));
  std::thread stopper([&] { server->stop(std::chrono::seconds{5}); });
  BOOST_TEST(w.ended());
  stopper.join();
  BOOST_TEST(cluster.watchers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_watch_can_show_tables) {
  add_pod("default", "web");
  watch_client w(*this, "/api/v1/pods?watch=true",
                 "Accept: application/json;as=Table;v=v1beta1;g=meta.k8s.io\r\n");
  auto e = w.next();
  BOOST_TEST(text_at(e, {"object", "kind"}) == "Table");
  BOOST_TEST(text_at(e, {"object", "apiVersion"}) == "meta.k8s.io/v1beta1");
  BOOST_TEST(json::at(e, {"object", "columnDefinitions"})->Size() == 9u);
  add_pod("default", "db");
  e = w.next();
  BOOST_TEST(json::at(e, {"object", "columnDefinitions"})->Size() == 0u);
  BOOST_TEST(json::at(e, {"object", "rows"})->Size() == 1u);
}

BOOST_AUTO_TEST_CASE(refuses_watches_it_cannot_serve) {
  check_status(get("/api/v1/pods?watch=true", "Accept: application/yaml\r\n"), 406,
               "NotAcceptable");
  check_status(get("/api/v1/pods?watch=true&resourceVersion=999999"), 504, "Timeout");
  check_status(get("/api/v1/pods?watch=true&timeoutSeconds=soon"), 400, "BadRequest");
  // Over before it began: it must not be open for ever.
  BOOST_TEST(get("/api/v1/pods?watch=true&timeoutSeconds=-1").status == 200);
  check_status(get("/api/v1/pods?watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1"),
               422, "Invalid");
}

BOOST_AUTO_TEST_CASE(a_changed_definition_ends_watches_and_a_dying_one_does_not) {
  const auto define = [&](const std::string& metadata) {
    const auto definition =
        parse(R"({"metadata":{"name":"boats.sea.example")" + metadata +
              R"(},"spec":{"group":"sea.example","scope":"Cluster","names":{"plural":"boats",)"
              R"("singular":"boat","kind":"Boat","listKind":"BoatList"},"versions":[{"name":"v1",)"
              R"("served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object",)"
              R"("x-kubernetes-preserve-unknown-fields":true}}}]}})");
    auto made = thespis::api::crd::resources_of(definition);
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    for (auto& r : *made)
      schemas.add(std::move(r));
  };
  const auto put = [&](const std::string& name) {
    cluster.put("boats.sea.example",
                R"({"apiVersion":"sea.example/v1","kind":"Boat","metadata":{"name":")" + name +
                    R"(","uid":"1"}})");
  };
  const std::string target = "/apis/sea.example/v1/boats?watch=1";
  define("");
  watch_client w(*this, target);
  put("a");
  BOOST_TEST(text_at(w.next(), {"object", "metadata", "name"}) == "a");
  define(R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")");
  put("b");
  BOOST_TEST(text_at(w.next(), {"object", "metadata", "name"}) == "b");
  define("");
  put("c");
  BOOST_TEST(w.ended());
  watch_client other(*this, target);
  schemas.remove("sea.example", "v1", "boats");
  put("d");
  for (int i = 0; i < 3; ++i) // what there was when it began
    other.next();
  BOOST_TEST(other.ended());
}

BOOST_AUTO_TEST_SUITE_END()
