#include "actors/controllers/endpoint_slice_mirroring.hpp"
#include "actors/controllers/topology_hints.hpp"
#include "actors/fixture.hpp"

using namespace thespis;
using namespace thespis::test;
using api::v1::endpoint_slice;
using api::v1::slice_endpoint;

namespace {

struct mirror_fixture : cluster_fixture {
  mirror_fixture() {
    run_controller([] { return actors::make_endpoint_slice_mirroring(); });
  }

  void make_service(const std::string& more = "") {
    create("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {ports: [{port: 80}]" +
           more + "}}");
    settle();
  }

  static std::string text(const std::string& subsets, const std::string& meta = "") {
    return "{apiVersion: v1, kind: Endpoints, metadata: {name: db, labels: {a: b}" + meta +
           "}, subsets: " + subsets + "}";
  }
};

slice_endpoint in_zone(const std::string& zone, bool ready = true) {
  slice_endpoint e;
  e.zone = zone;
  e.node_name = "node-in-" + zone;
  e.conditions.ensure().ready = ready;
  return e;
}

std::map<std::string, int> hinted(std::vector<slice_endpoint>& all, actors::topology how,
                                  const actors::zone_cpus& zones) {
  std::vector<slice_endpoint*> pointers;
  for (auto& e : all)
    pointers.push_back(&e);
  actors::set_hints(how, zones, pointers);
  std::map<std::string, int> res;
  for (const auto& e : all)
    if (e.hints)
      for (const auto& z : e.hints->for_zones)
        ++res[z.name];
  return res;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(endpoint_slice_mirroring, mirror_fixture)

BOOST_AUTO_TEST_CASE(endpoints_become_a_slice_that_follows_them) {
  make_service();
  create(
      text("[{addresses: [{ip: 192.0.2.7, nodeName: one}], notReadyAddresses: [{ip: 192.0.2.8}], "
           "ports: [{name: http, port: 8080}]}]"));
  settle();
  auto all = list<endpoint_slice>();
  BOOST_REQUIRE(all.size() == 1);
  const auto& s = all.front();
  BOOST_TEST(s.metadata.name.rfind("db-", 0) == 0);
  BOOST_TEST(s.metadata.labels.at("kubernetes.io/service-name") == "db");
  BOOST_TEST(s.metadata.labels.at("endpointslice.kubernetes.io/managed-by") ==
             "endpointslicemirroring-controller.k8s.io");
  BOOST_TEST(s.metadata.labels.at("a") == "b");
  BOOST_TEST(s.metadata.owner_references.front().kind == "Endpoints");
  BOOST_REQUIRE(s.endpoints.size() == 2);
  BOOST_TEST(s.endpoints[0].addresses.front() == "192.0.2.7");
  BOOST_TEST(*s.endpoints[0].conditions->ready);
  BOOST_TEST(!*s.endpoints[1].conditions->ready);
  BOOST_TEST(*s.ports.front().port == 8080);
  const auto name = s.metadata.name;
  update(text("[{addresses: [{ip: 192.0.2.9}], ports: [{name: http, port: 8080}]}]"));
  settle();
  all = list<endpoint_slice>();
  BOOST_REQUIRE(all.size() == 1);
  BOOST_TEST(all.front().metadata.name == name);
  BOOST_TEST(all.front().endpoints.front().addresses.front() == "192.0.2.9");
  remove("endpoints", "db");
  settle();
  BOOST_TEST(list<endpoint_slice>().empty());
}

BOOST_AUTO_TEST_CASE(families_and_ports_have_slices_of_their_own) {
  make_service();
  create(text("[{addresses: [{ip: 192.0.2.7}, {ip: '2001:db8::7'}], ports: [{port: 80}]}, "
              "{addresses: [{ip: 192.0.2.7}], ports: [{port: 81}]}]"));
  settle();
  std::map<std::string, int> families;
  for (const auto& s : list<endpoint_slice>())
    ++families[s.address_type];
  BOOST_TEST(families["IPv4"] == 2);
  BOOST_TEST(families["IPv6"] == 1);
}

BOOST_AUTO_TEST_CASE(only_services_without_a_selector_are_mirrored) {
  const std::string subsets = "[{addresses: [{ip: 192.0.2.7}], ports: [{port: 80}]}]";
  create(text(subsets));
  settle();
  BOOST_TEST(list<endpoint_slice>().empty()); // no Service yet
  make_service();
  BOOST_TEST(list<endpoint_slice>().size() == 1);
  patch("services", "db", "{spec: {selector: {app: db}}}");
  settle();
  BOOST_TEST(list<endpoint_slice>().empty());
}

BOOST_AUTO_TEST_CASE(a_label_keeps_endpoints_unmirrored) {
  make_service();
  create("{apiVersion: v1, kind: Endpoints, metadata: {name: db, labels: "
         "{endpointslice.kubernetes.io/skip-mirror: 'true'}}, subsets: [{addresses: [{ip: "
         "192.0.2.7}]}]}");
  settle();
  BOOST_TEST(list<endpoint_slice>().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(topology_hints)

BOOST_AUTO_TEST_CASE(near_endpoints_are_hinted_for_their_own_zone_and_node) {
  std::vector<slice_endpoint> all{in_zone("a"), in_zone("b"), in_zone("b", false)};
  BOOST_TEST((hinted(all, actors::topology::same_zone, {}) ==
              std::map<std::string, int>{{"a", 1}, {"b", 1}}));
  BOOST_TEST(all[0].hints->for_nodes.empty());
  hinted(all, actors::topology::same_node, {});
  BOOST_TEST(all[0].hints->for_nodes.front().name == "node-in-a");
  BOOST_TEST(hinted(all, actors::topology::none, {}).empty());
}

BOOST_AUTO_TEST_CASE(proportional_hints_lend_endpoints_to_zones_that_lack_them) {
  std::vector<slice_endpoint> all{in_zone("a"), in_zone("a"), in_zone("a"), in_zone("b")};
  BOOST_TEST((hinted(all, actors::topology::proportional, {{"a", 4000}, {"b", 4000}}) ==
              std::map<std::string, int>{{"a", 2}, {"b", 2}}));
}

BOOST_AUTO_TEST_CASE(proportional_hints_are_left_out_where_they_would_overload) {
  std::vector<slice_endpoint> few{in_zone("a")};
  BOOST_TEST(hinted(few, actors::topology::proportional, {{"a", 1}, {"b", 1}}).empty());
  std::vector<slice_endpoint> uneven{in_zone("a"), in_zone("a"), in_zone("b")};
  BOOST_TEST(hinted(uneven, actors::topology::proportional, {{"a", 1000}, {"b", 1000}}).empty());
  std::vector<slice_endpoint> unknown{in_zone("a"), in_zone("")};
  BOOST_TEST(hinted(unknown, actors::topology::proportional, {{"a", 1}, {"b", 1}}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
