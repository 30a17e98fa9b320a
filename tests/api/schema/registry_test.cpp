#include "api/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using schema::registry;
using schema::shape;

BOOST_AUTO_TEST_SUITE(registry_of_kinds)

BOOST_AUTO_TEST_CASE(finds_resources_by_plural_kind_and_group_resource) {
  const auto& r = registry::builtin();
  const auto pods = r.find_resource("", "v1", "pods");
  BOOST_REQUIRE(pods);
  BOOST_TEST(pods->kind == "Pod");
  BOOST_TEST(pods->namespaced);
  BOOST_TEST(pods->has_verb("deletecollection"));
  BOOST_TEST(pods->short_names.at(0) == "po");
  BOOST_TEST(r.find_kind("apps", "v1", "Deployment")->group_resource() == "deployments.apps");
  BOOST_TEST(r.find_group_resource("deployments.apps")->kind == "Deployment");
  BOOST_TEST(r.find_group_resource("pods")->api_version() == "v1");
  BOOST_TEST(!r.find_resource("apps", "v1", "pods"));
  BOOST_TEST(!r.find_group_resource("pods.apps"));
  BOOST_TEST(!r.find_kind("", "v1", "Deployment"));
}

BOOST_AUTO_TEST_CASE(knows_subresources_with_the_kind_they_speak) {
  const auto d = registry::builtin().find_resource("apps", "v1", "deployments");
  const auto* scale = d->find_subresource("scale");
  BOOST_REQUIRE(scale);
  BOOST_TEST(scale->kind == "Scale");
  BOOST_TEST(scale->group == "autoscaling");
  BOOST_TEST(d->scale->spec == ".spec.replicas");
  BOOST_TEST(!d->find_subresource("log"));
}

BOOST_AUTO_TEST_CASE(types_tell_shape_keys_and_numbers_of_fields) {
  const auto pods = registry::builtin().find_resource("", "v1", "pods");
  const auto* spec = pods->type->find("spec")->type.object;
  const auto* containers = spec->find("containers");
  BOOST_REQUIRE(containers);
  BOOST_TEST((containers->type.form == shape::list));
  BOOST_TEST(containers->type.element->object->name == "Container");
  BOOST_TEST(containers->merge_key == "name");
  BOOST_TEST(containers->pb == 2);
  BOOST_TEST(containers->required);
  const auto* ports = containers->type.element->object->find("ports");
  BOOST_TEST(ports->type.list_keys.size() == 2);
  BOOST_TEST(!spec->find("container"));
  BOOST_TEST((spec->find("volumes")->patch == (schema::patch_merge | schema::patch_retain_keys)));
}

BOOST_AUTO_TEST_CASE(list_kinds_follow_from_kinds) {
  const auto pods = registry::builtin().find_resource("", "v1", "pods");
  BOOST_REQUIRE(pods->list_type);
  BOOST_TEST(pods->list_type->full_name == "io.k8s.api.core.v1.PodList");
  BOOST_TEST((pods->list_type->find("items")->type.element->object == pods->type));
  BOOST_TEST(!registry::builtin().find_resource("", "v1", "bindings")->list_type);
}

BOOST_AUTO_TEST_CASE(kinds_without_a_resource_are_found_as_types) {
  const auto& r = registry::builtin();
  BOOST_TEST(r.find_kind_type("", "v1", "Status")->name == "Status");
  BOOST_TEST(r.find_kind_type("apps", "v1", "DeleteOptions")->name == "DeleteOptions");
  BOOST_TEST(r.find_kind_type("autoscaling", "v1", "Scale")->name == "Scale");
  BOOST_TEST(!r.find_kind_type("autoscaling", "v1", "Nothing"));
}

BOOST_AUTO_TEST_CASE(kinds_come_and_go_at_run_time_and_built_in_ones_stay) {
  registry r;
  const auto before = r.resources().size();
  auto types = std::make_shared<schema::type_set>();
  types->types.push_back(std::make_unique<schema::struct_type>());
  schema::resource crd;
  crd.group = "example.com";
  crd.version = "v1";
  crd.kind = "Crontab";
  crd.plural = "crontabs";
  crd.type = types->types[0].get();
  crd.owner = types;
  r.add(crd);
  const auto g = r.generation();
  BOOST_TEST(r.find_group_resource("crontabs.example.com")->kind == "Crontab");
  BOOST_TEST(r.resources().size() == before + 1);
  BOOST_TEST(r.remove("example.com", "v1", "crontabs"));
  BOOST_TEST(r.generation() > g);
  BOOST_TEST(!r.remove("example.com", "v1", "crontabs"));
  BOOST_TEST(!r.remove("", "v1", "pods"));
  BOOST_TEST(r.resources().size() == before);
}

BOOST_AUTO_TEST_CASE(the_stable_and_newest_version_of_a_group_is_preferred) {
  registry r;
  const auto before = r.resources().size();
  auto types = std::make_shared<schema::type_set>();
  types->types.push_back(std::make_unique<schema::struct_type>());
  for (auto* version : {"v1alpha1", "v1", "v10", "v1beta1", "v2", "v2beta1", "first", "v1beta2"}) {
    schema::resource thing;
    thing.group = "example.com";
    thing.version = version;
    thing.kind = "Thing";
    thing.plural = "things";
    thing.type = types->types[0].get();
    thing.owner = types;
    r.add(thing);
  }
  BOOST_TEST(r.find_group_resource("things.example.com")->version == "v10");
  BOOST_TEST(r.find_resource("example.com", "v1beta2", "things")->version == "v1beta2");
  std::vector<std::string> order;
  for (auto& x : r.resources())
    if (x->group == "example.com")
      order.push_back(x->version);
  const std::vector<std::string> expected = {"v10",     "v2",      "v1",       "v2beta1",
                                             "v1beta2", "v1beta1", "v1alpha1", "first"};
  BOOST_TEST(order == expected, boost::test_tools::per_element());
  BOOST_TEST(r.resources().size() == before + expected.size());
}

BOOST_AUTO_TEST_SUITE_END()
