#include "api/discovery/discovery.hpp"
#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

const discovery::foreign_versions foreign = {
    {"sea.example.com", "v1",
     R"({"resources":[{"name":"fishes","singularName":"fish","namespaced":true,"kind":"Fish",
     "verbs":["get","list"],"shortNames":["fi"]},{"name":"fishes/status","kind":"Fish",
     "verbs":["get"]},{"name":"seas","namespaced":false,"kind":"Sea","verbs":["get"]}]})",
     true, 17790},
    {"sea.example.com", "v1beta1", "nonsense", false, 17790},
};

std::vector<std::string> groups(const std::string& list) {
  std::vector<std::string> out;
  const auto doc = json::parse(list);
  BOOST_REQUIRE(doc);
  for (const auto& g : json::find(*doc, "groups")->GetArray())
    out.emplace_back(json::get_string(g, "name"));
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(foreign_versions)

BOOST_AUTO_TEST_CASE(groups_are_listed_by_priority) {
  const auto& builtin = schema::registry::builtin();
  const auto own = groups(discovery::group_list(builtin));
  const std::vector<std::string> first(own.begin(), own.begin() + 4);
  BOOST_TEST((first == std::vector<std::string>{"apiregistration.k8s.io", "apps", "events.k8s.io",
                                                "authentication.k8s.io"}));
  const auto with = groups(discovery::group_list(builtin, foreign));
  BOOST_TEST(with.size() == own.size() + 1);
  BOOST_TEST(with[2] == "sea.example.com");
}

BOOST_AUTO_TEST_CASE(others_are_described_as_they_describe_themselves) {
  const auto& builtin = schema::registry::builtin();
  const auto one = discovery::group(builtin, "sea.example.com", foreign);
  BOOST_REQUIRE(one);
  BOOST_TEST(*one == R"({"kind":"APIGroup","apiVersion":"v1","name":"sea.example.com","versions":[)"
                     R"({"groupVersion":"sea.example.com/v1","version":"v1"},)"
                     R"({"groupVersion":"sea.example.com/v1beta1","version":"v1beta1"}],)"
                     R"("preferredVersion":{"groupVersion":"sea.example.com/v1","version":"v1"}})");
  const auto all = discovery::aggregated(builtin, false, "v2", foreign);
  BOOST_TEST(
      all.find(
          R"({"metadata":{"name":"sea.example.com"},"versions":[{"version":"v1","resources":[)"
          R"({"resource":"fishes","responseKind":{"group":"sea.example.com","version":"v1",)"
          R"("kind":"Fish"},"scope":"Namespaced","singularResource":"fish","verbs":["get","list"],)"
          R"("shortNames":["fi"],"subresources":[{"subresource":"status","responseKind":{"group":)"
          R"("sea.example.com","version":"v1","kind":"Fish"},"verbs":["get"]}]},)"
          R"({"resource":"seas","responseKind":{"group":"sea.example.com","version":"v1",)"
          R"("kind":"Sea"},"scope":"Cluster","singularResource":"","verbs":["get"]}],)"
          R"("freshness":"Current"},{"version":"v1beta1","resources":[],"freshness":"Stale"}]})") !=
      all.npos);
}

BOOST_AUTO_TEST_SUITE_END()
