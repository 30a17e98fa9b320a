// CustomResourceDefinitions on the virtual clock.
#include "actors/controllers/custom_resources.hpp"

#include "../fixture.hpp"
#include "api/crd/definition.hpp"

#include <set>

namespace thespis::test {

namespace {

/// Serves what it is told to, once its actors had a moment.
class fake_host final : public actors::resource_host {
public:
  explicit fake_host(const runtime::snapshots& state) : state_(state) {}

  outcome serve(const api::object& definition) override {
    if (delay-- > 0)
      return {};
    served.insert(definition.name());
    return {failure.empty(), failure};
  }
  void withdraw(const std::string& definition) override { served.erase(definition); }
  std::vector<api::object_ptr> instances(const std::string& resource) const override {
    // ConfigMaps stand for the instances of any kind.
    return resource == "crontabs.example.com" ? state_.list("configmaps").objects
                                              : std::vector<api::object_ptr>{};
  }

  std::set<std::string> served;
  std::string failure;
  int delay = 0;

private:
  const runtime::snapshots& state_;
};

struct fixture : cluster_fixture {
  fixture() : host(std::make_shared<fake_host>(state())) {
    run_controller([deps = actors::custom_resource_deps{host, nullptr}] {
      return actors::make_custom_resource_controller(deps);
    });
  }

  void define(const std::string& plural, const std::string& kind, const std::string& more = {}) {
    create(
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: " +
        plural + ".example.com}, spec: {group: example.com, scope: Namespaced, names: {plural: " +
        plural + ", kind: " + kind + more +
        "}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: "
        "object}}}]}}");
    settle();
  }

  /// "True NoConflicts" of a condition.
  std::string condition(const std::string& name, const std::string& type) const {
    const auto o = get(std::string{api::crd::definitions_resource}, name, "");
    if (!o)
      return "gone";
    const auto doc = o->parse();
    const auto* all = api::json::at(doc, {"status", "conditions"});
    if (all && all->IsArray())
      for (const auto& c : all->GetArray())
        if (api::json::get_string(c, "type") == type)
          return std::string{api::json::get_string(c, "status")} + " " +
                 std::string{api::json::get_string(c, "reason")};
    return "none";
  }

  std::shared_ptr<fake_host> host;
};

const std::string tabs = "crontabs.example.com";

} // namespace

BOOST_FIXTURE_TEST_SUITE(custom_resource_controller, fixture)

BOOST_AUTO_TEST_CASE(a_definition_is_established_once_it_is_served) {
  host->delay = 2;
  define("crontabs", "CronTab");
  BOOST_TEST(condition(tabs, "NamesAccepted") == "True NoConflicts");
  BOOST_TEST(condition(tabs, "Established") == "False Installing");
  advance(1s);
  BOOST_TEST(condition(tabs, "Established") == "True InitialNamesAccepted");
  BOOST_TEST(host->served.contains(tabs));
}

BOOST_AUTO_TEST_CASE(a_taken_name_waits_until_it_is_free) {
  define("crontabs", "CronTab", ", shortNames: [ct]");
  define("tabs", "Tab", ", shortNames: [ct]");
  BOOST_TEST(condition("tabs.example.com", "NamesAccepted") == "False ShortNamesConflict");
  BOOST_TEST(condition("tabs.example.com", "Established") == "False NotAccepted");
  BOOST_TEST(!host->served.contains("tabs.example.com"));
  remove(std::string{api::crd::definitions_resource}, tabs, "");
  advance(10s);
  BOOST_TEST(condition("tabs.example.com", "NamesAccepted") == "True NoConflicts");
  BOOST_TEST(condition("tabs.example.com", "Established") == "True InitialNamesAccepted");
}

BOOST_AUTO_TEST_CASE(a_deleted_definition_takes_its_instances_with_it) {
  define("crontabs", "CronTab");
  create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
  create("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/f]}}");
  remove(std::string{api::crd::definitions_resource}, tabs, "");
  advance(2s);
  BOOST_TEST(condition(tabs, "Terminating") == "True InstanceDeletionInProgress");
  BOOST_TEST(!get("configmaps", "a"));
  BOOST_TEST(host->served.contains(tabs));
  patch("configmaps", "held", "{metadata: {finalizers: null}}");
  advance(2s);
  BOOST_TEST(condition(tabs, "Terminating") == "gone");
  BOOST_TEST(!host->served.contains(tabs));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_served_is_told) {
  host->failure = "no such schema";
  define("crontabs", "CronTab");
  BOOST_TEST(condition(tabs, "NonStructuralSchema") == "True Violations");
  BOOST_TEST(condition(tabs, "Established") == "none");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace thespis::test
