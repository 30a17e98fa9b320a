#include "proxy/dns_state.hpp"

#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using proxy::dns_state;
using enum api::event_kind;

namespace {

struct fixture {
  dns_state state;
  proxy::dns::zone zone{"cluster.local", {}};
  uint64_t revision = 1;

  api::watch_event event(api::event_kind kind, const char* resource, const std::string& text) {
    auto doc = *api::yaml::parse(text);
    return {kind, api::seal(api::make_draft(resource, doc), ++revision)};
  }
  void service(const std::string& spec, api::event_kind kind = added) {
    state.apply_service(event(kind, "services",
                              "{apiVersion: v1, kind: Service, metadata: {name: db, namespace: "
                              "default}, spec: " +
                                  spec + "}"));
  }
  void slice(const std::string& endpoints, api::event_kind kind = added) {
    state.apply_slice(event(kind, "endpointslices.discovery.k8s.io",
                            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: "
                            "IPv4, metadata: {name: db-1, namespace: default, labels: "
                            "{kubernetes.io/service-name: db}}, ports: [{name: sql, port: 5432}], "
                            "endpoints: [" +
                                endpoints + "]}"));
  }
  /// The data of all records of that name, as the zone says them after the changes.
  std::string ask(const std::string& name, uint16_t type = proxy::dns::type_a) {
    for (const auto& [key, entry] : state.take_changes()) {
      if (entry)
        zone.set(key, *entry);
      else
        zone.erase(key);
    }
    std::string res;
    const auto a = zone.find(name + ".default.svc.cluster.local", type);
    for (const auto& r : a->records)
      res += (res.empty() ? "" : " ") + r.data;
    return a->exists ? res : "no such name";
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_state_suite, fixture)

BOOST_AUTO_TEST_CASE(follows_the_endpoints_of_a_headless_service) {
  service("{clusterIP: None, ports: [{name: sql, port: 5432}]}");
  BOOST_TEST(ask("db") == "");
  slice("{addresses: [10.42.0.2], hostname: db-0}, "
        "{addresses: [10.42.0.3], conditions: {ready: false}}");
  BOOST_TEST(ask("db") == "10.42.0.2");
  BOOST_TEST(ask("db-0.db") == "10.42.0.2");
  BOOST_TEST(ask("_sql._tcp.db", proxy::dns::type_srv) ==
             "0 100 5432 db-0.db.default.svc.cluster.local.");
  slice("{addresses: [10.42.0.3], conditions: {ready: true}}", modified);
  BOOST_TEST(ask("db") == "10.42.0.3");
  BOOST_TEST(ask("db-0.db") == "no such name");
  slice("", deleted);
  BOOST_TEST(ask("db") == "");
}

BOOST_AUTO_TEST_CASE(gives_cluster_addresses_and_forgets_them) {
  slice("{addresses: [10.42.0.2]}");
  service("{clusterIP: 10.43.0.7, ports: [{name: sql, port: 5432, protocol: UDP}]}");
  BOOST_TEST(ask("db") == "10.43.0.7");
  BOOST_TEST(ask("_sql._udp.db", proxy::dns::type_srv) ==
             "0 100 5432 db.default.svc.cluster.local.");
  service("{}", deleted);
  BOOST_TEST(ask("db") == "no such name");
}

BOOST_AUTO_TEST_CASE(leads_external_names_away) {
  service("{type: ExternalName, externalName: WWW.example.org.}");
  BOOST_TEST(ask("db") == "www.example.org.");
}

BOOST_AUTO_TEST_SUITE_END()
