#include "actors/controllers/service_ranges.hpp"
#include "actors/fixture.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/networking_v1.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr const char* addresses = "ipaddresses.networking.k8s.io";
constexpr const char* ranges = "servicecidrs.networking.k8s.io";

struct ranges_fixture : cluster_fixture {
  ranges_fixture() {
    run_controller([] { return actors::make_ip_address_controller(); });
    run_controller([] { return actors::make_service_cidr_controller({{"10.43.0.0/16"}}); });
  }

  std::string make_service(const std::string& name, const std::string& more = "") {
    create("{apiVersion: v1, kind: Service, metadata: {name: " + name +
           "}, spec: {ports: [{port: 80}], " + more + "}}");
    settle();
    return get<api::v1::service>(name).spec.cluster_ip;
  }

  void make_range(const std::string& name, const std::string& cidr) {
    create("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: " + name +
           "}, spec: {cidrs: [" + cidr + "]}}");
    settle();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(service_ranges, ranges_fixture)

BOOST_AUTO_TEST_CASE(an_address_says_which_service_holds_it) {
  const auto ip = make_service("web");
  const auto a = get<api::v1::ip_address>(ip, "");
  BOOST_TEST(a.spec.parent_ref.resource == "services");
  BOOST_TEST(a.spec.parent_ref.namespace_ == "default");
  BOOST_TEST(a.spec.parent_ref.name == "web");
  BOOST_TEST(a.metadata.labels.at("ipaddress.kubernetes.io/managed-by") == "ipallocator.k8s.io");
  BOOST_TEST(a.metadata.labels.at("ipaddress.kubernetes.io/ip-family") == "IPv4");
}

BOOST_AUTO_TEST_CASE(a_headless_service_holds_none) {
  BOOST_TEST(make_service("web", "clusterIP: None") == "None");
  BOOST_TEST(count(addresses, "") == 0);
}

BOOST_AUTO_TEST_CASE(a_deleted_address_is_made_anew_and_goes_with_its_service) {
  const auto ip = make_service("web");
  remove(addresses, ip, "");
  settle();
  BOOST_TEST(get(addresses, ip, "") != nullptr);
  remove("services", "web");
  settle();
  BOOST_TEST(get(addresses, ip, "") == nullptr);
}

BOOST_AUTO_TEST_CASE(an_address_follows_its_next_holder) {
  const auto ip = make_service("web");
  remove("services", "web");
  make_service("other", "clusterIP: " + ip);
  BOOST_TEST(get<api::v1::ip_address>(ip, "").spec.parent_ref.name == "other");
}

BOOST_AUTO_TEST_CASE(an_address_that_somebody_else_made_is_left_alone) {
  create("{apiVersion: networking.k8s.io/v1, kind: IPAddress, metadata: {name: 10.43.7.7}, spec: "
         "{parentRef: {resource: things, name: mine}}}");
  settle();
  BOOST_TEST(get(addresses, "10.43.7.7", "") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_range_becomes_ready_and_is_held) {
  make_range("more", "10.99.0.0/24");
  const auto r = get<api::v1::service_cidr>("more", "");
  BOOST_REQUIRE(r.status.conditions.size() == 1);
  BOOST_TEST(r.status.conditions[0].type == "Ready");
  BOOST_TEST(r.status.conditions[0].status == "True");
  BOOST_REQUIRE(r.metadata.finalizers.size() == 1);
  BOOST_TEST(r.metadata.finalizers[0] == "networking.k8s.io/service-cidr-finalizer");
}

BOOST_AUTO_TEST_CASE(a_range_goes_once_nobody_needs_it) {
  make_range("kubernetes", "10.43.0.0/16");
  make_range("more", "10.99.0.0/24");
  BOOST_TEST(make_service("web", "clusterIP: 10.99.0.9") == "10.99.0.9");
  remove(ranges, "more", "");
  settle();
  const auto r = get<api::v1::service_cidr>("more", "");
  BOOST_TEST(r.status.conditions[0].status == "False");
  BOOST_TEST(r.status.conditions[0].reason == "Terminating");
  remove("services", "web");
  settle();
  BOOST_TEST(get(ranges, "more", "") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_range_goes_at_once_when_another_covers_its_addresses) {
  make_range("kubernetes", "10.43.0.0/16");
  make_range("part", "10.43.9.0/24");
  make_service("web", "clusterIP: 10.43.9.9");
  remove(ranges, "part", "");
  settle();
  BOOST_TEST(get(ranges, "part", "") == nullptr);
}

BOOST_AUTO_TEST_CASE(the_default_range_comes_back) {
  make_range("kubernetes", "10.43.0.0/16");
  remove(ranges, "kubernetes", "");
  settle();
  BOOST_TEST(get<api::v1::service_cidr>("kubernetes", "").spec.cidrs.front() == "10.43.0.0/16");
}

BOOST_AUTO_TEST_SUITE_END()
