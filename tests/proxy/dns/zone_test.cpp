#include "proxy/dns/zone.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::proxy::dns;
namespace api = thespis::api;

namespace {

struct fixture {
  zone z{"cluster.local", {*api::parse_cidr("10.42.0.0/16"), *api::parse_cidr("10.43.0.0/16")}};

  fixture() {
    z.set({"default", "web"},
          {{}, {"10.43.0.9", "fd00::9"}, {{"http", "tcp", 80}, {"dns", "udp", 53}}, {}});
    z.set({"db", "pg"}, {{},
                         {},
                         {},
                         {{{"10.42.0.5"}, "pg-0", {{"sql", "tcp", 5432}}},
                          {{"10.42.1.6"}, "", {{"sql", "tcp", 5432}}}}});
    z.set({"default", "ext"}, {"www.example.org", {}, {}, {}});
  }

  /// "TYPE data" of each record, or the code of an empty answer.
  std::string ask(std::string_view name, uint16_t type) const {
    const auto a = z.find(name, type);
    if (!a)
      return "elsewhere";
    if (a->records.empty())
      return a->exists ? "nothing" : "no such name";
    std::string res;
    for (const auto& r : a->records) {
      BOOST_TEST(r.owner == name);
      res += (res.empty() ? "" : " | ") + std::to_string(r.type) + " " + r.data;
    }
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_zone, fixture)

BOOST_AUTO_TEST_CASE(gives_a_service_its_cluster_addresses) {
  BOOST_TEST(ask("web.default.svc.cluster.local", type_a) == "1 10.43.0.9");
  BOOST_TEST(ask("web.default.svc.cluster.local", type_aaaa) == "28 fd00::9");
  BOOST_TEST(ask("web.default.svc.cluster.local", type_txt) == "nothing");
  BOOST_TEST(ask("other.default.svc.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("web.db.svc.cluster.local", type_a) == "no such name");
}

BOOST_AUTO_TEST_CASE(gives_a_headless_service_its_endpoints) {
  BOOST_TEST(ask("pg.db.svc.cluster.local", type_a) == "1 10.42.0.5 | 1 10.42.1.6");
  BOOST_TEST(ask("pg-0.pg.db.svc.cluster.local", type_a) == "1 10.42.0.5");
  BOOST_TEST(ask("10-42-1-6.pg.db.svc.cluster.local", type_a) == "1 10.42.1.6");
  BOOST_TEST(ask("pg-0.pg.db.svc.cluster.local", type_aaaa) == "nothing");
  BOOST_TEST(ask("pg-1.pg.db.svc.cluster.local", type_a) == "no such name");
}

BOOST_AUTO_TEST_CASE(names_ports_by_srv) {
  BOOST_TEST(ask("_http._tcp.web.default.svc.cluster.local", type_srv) ==
             "33 0 100 80 web.default.svc.cluster.local.");
  BOOST_TEST(ask("_http._udp.web.default.svc.cluster.local", type_srv) == "no such name");
  BOOST_TEST(ask("_http._tcp.web.default.svc.cluster.local", type_a) == "nothing");
  BOOST_TEST(ask("_tcp.web.default.svc.cluster.local", type_srv) == "nothing");
  BOOST_TEST(ask("_sql._tcp.pg.db.svc.cluster.local", type_srv) ==
             "33 0 100 5432 pg-0.pg.db.svc.cluster.local. | "
             "33 0 100 5432 10-42-1-6.pg.db.svc.cluster.local.");
  const auto a = z.find("_sql._tcp.pg.db.svc.cluster.local", type_srv);
  BOOST_REQUIRE_EQUAL(a->additional.size(), 2U);
  BOOST_TEST(a->additional[0].owner == "pg-0.pg.db.svc.cluster.local");
  BOOST_TEST(a->additional[0].data == "10.42.0.5");
}

BOOST_AUTO_TEST_CASE(names_addresses_by_ptr) {
  BOOST_TEST(ask("9.0.43.10.in-addr.arpa", type_ptr) == "12 web.default.svc.cluster.local.");
  BOOST_TEST(ask("5.0.42.10.in-addr.arpa", type_ptr) == "12 pg-0.pg.db.svc.cluster.local.");
  BOOST_TEST(ask("77.0.42.10.in-addr.arpa", type_ptr) == "no such name");
  BOOST_TEST(ask("1.0.0.127.in-addr.arpa", type_ptr) == "elsewhere");
  BOOST_TEST(ask("9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
                 type_ptr) == "12 web.default.svc.cluster.local.");
  BOOST_TEST(ask("x.0.43.10.in-addr.arpa", type_ptr) == "elsewhere");
}

BOOST_AUTO_TEST_CASE(gives_endpoints_of_both_families_one_name_a_host) {
  z.set({"db", "pg"}, {{},
                       {},
                       {},
                       {{{"10.42.0.5"}, "pg-0", {{"sql", "tcp", 5432}}},
                        {{"10.42.1.6"}, "", {{"sql", "tcp", 5432}}},
                        {{"fd42::5"}, "pg-0", {{"sql", "tcp", 5432}}},
                        {{"fd42:0:0:1::6"}, "", {{"sql", "tcp", 5432}}}}});
  BOOST_TEST(ask("pg.db.svc.cluster.local", type_a) == "1 10.42.0.5 | 1 10.42.1.6");
  BOOST_TEST(ask("pg.db.svc.cluster.local", type_aaaa) == "28 fd42::5 | 28 fd42:0:0:1::6");
  BOOST_TEST(ask("pg-0.pg.db.svc.cluster.local", type_aaaa) == "28 fd42::5");
  BOOST_TEST(ask("fd42-0-0-1--6.pg.db.svc.cluster.local", type_aaaa) == "28 fd42:0:0:1::6");
  BOOST_TEST(ask("_sql._tcp.pg.db.svc.cluster.local", type_srv) ==
             "33 0 100 5432 pg-0.pg.db.svc.cluster.local. | "
             "33 0 100 5432 10-42-1-6.pg.db.svc.cluster.local. | "
             "33 0 100 5432 fd42-0-0-1--6.pg.db.svc.cluster.local.");
  BOOST_TEST(z.find("_sql._tcp.pg.db.svc.cluster.local", type_srv)->additional.size() == 4U);
  BOOST_TEST(ask("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.4.d.f.ip6.arpa",
                 type_ptr) == "12 pg-0.pg.db.svc.cluster.local.");
}

BOOST_AUTO_TEST_CASE(leads_an_external_name_elsewhere) {
  BOOST_TEST(ask("ext.default.svc.cluster.local", type_a) == "5 www.example.org.");
  BOOST_TEST(z.find("ext.default.svc.cluster.local", type_a)->follow == "www.example.org");
  BOOST_TEST(z.find("ext.default.svc.cluster.local", type_cname)->follow.empty());
}

BOOST_AUTO_TEST_CASE(names_pods_after_their_addresses) {
  BOOST_TEST(ask("10-42-0-5.default.pod.cluster.local", type_a) == "1 10.42.0.5");
  BOOST_TEST(ask("fd42--5.default.pod.cluster.local", type_aaaa) == "28 fd42::5");
  BOOST_TEST(ask("10-42-0-300.default.pod.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("web.default.pod.cluster.local", type_a) == "no such name");
}

BOOST_AUTO_TEST_CASE(knows_the_nodes_between) {
  BOOST_TEST(ask("cluster.local", type_a) == "nothing");
  BOOST_TEST(ask("svc.cluster.local", type_a) == "nothing");
  BOOST_TEST(ask("default.svc.cluster.local", type_a) == "nothing");
  BOOST_TEST(ask("empty.svc.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("dns-version.cluster.local", type_txt) == "16 \"1.1.0\"");
  BOOST_TEST(ask("nothing.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("example.org", type_a) == "elsewhere");
  BOOST_TEST(ask("notcluster.local", type_a) == "elsewhere");
}

BOOST_AUTO_TEST_CASE(forgets_all_of_a_service) {
  z.erase({"db", "pg"});
  BOOST_TEST(ask("pg.db.svc.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("db.svc.cluster.local", type_a) == "no such name");
  BOOST_TEST(ask("5.0.42.10.in-addr.arpa", type_ptr) == "no such name");
  z.set({"default", "web"}, {{}, {"10.43.0.10"}, {}, {}});
  BOOST_TEST(ask("9.0.43.10.in-addr.arpa", type_ptr) == "no such name");
  BOOST_TEST(ask("10.0.43.10.in-addr.arpa", type_ptr) == "12 web.default.svc.cluster.local.");
}

BOOST_AUTO_TEST_SUITE_END()
