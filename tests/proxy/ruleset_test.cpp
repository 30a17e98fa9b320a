// What the kernel should hold for a service port.
#include "proxy/data/nft_text.hpp"
#include "proxy/data/ruleset.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;

namespace thespis::api {

std::ostream& boost_test_print_type(std::ostream& out, const ip_address& a) {
  return out << a.to_string();
}

} // namespace thespis::api

namespace {

api::ip_address ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return api::ip_address::v4(a << 24 | b << 16 | c << 8 | d);
}

const api::ip_address none; // of a node port

const service_port_name web_name{"default", "web", "http"};

endpoint ready(const std::string& address, bool local = false) {
  return {address, 8080, true, true, false, local};
}

service_port web(std::vector<endpoint> endpoints) {
  service_port p;
  p.cluster_ips = {"10.96.0.10"};
  p.port = 80;
  p.endpoints = std::move(endpoints);
  return p;
}

element_key at(part in, const api::ip_address& address, uint16_t port, uint32_t extra = 0) {
  return {in, address == none && in != part::hairpin, protocol::tcp, port, address, extra};
}

// The value there, or nothing.
std::optional<element_value> value(const ruleset& r, const element_key& key) {
  auto found = r.elements.find(key);
  if (found == r.elements.end())
    return std::nullopt;
  return found->second;
}

std::optional<verdict> verdict_of(const ruleset& r, const element_key& key) {
  auto v = value(r, key);
  return v ? std::optional{v->what} : std::nullopt;
}

// The endpoint addresses that a map leads to from one frontend.
std::set<api::ip_address> targets(const ruleset& r, part in, const api::ip_address& address,
                                  uint16_t port, bool inside = false) {
  std::set<api::ip_address> out;
  for (const auto& [key, v] : r.elements)
    if (key.in == in && key.address == address && key.port == port &&
        (in == part::endpoint || (key.extra >= inside_offset) == inside))
      out.insert(v.address);
  return out;
}

ruleset only(const service_port& p) {
  return plan({{web_name, p}});
}

const auto vip = ip(10, 96, 0, 10);
const auto frontend = at(part::frontend, vip, 80);

} // namespace

BOOST_AUTO_TEST_SUITE(ruleset_of_services)

BOOST_AUTO_TEST_CASE(cluster_address_leads_to_each_ready_endpoint_by_number) {
  auto p = web({ready("10.244.0.3"),
                ready("10.244.0.2"),
                ready("10.244.0.2"),
                {"10.244.0.4", 8080, false, true, false, false}});
  auto r = only(p);
  pick_chain chain;
  chain.count = 2;
  BOOST_REQUIRE(value(r, frontend));
  BOOST_TEST((value(r, frontend)->chain == chain));
  BOOST_TEST((r.chains == std::map<pick_chain, uint32_t>{{chain, 1}}));
  BOOST_TEST(value(r, at(part::choice, vip, 80, 0))->address == ip(10, 244, 0, 2));
  BOOST_TEST(value(r, at(part::choice, vip, 80, 1))->address == ip(10, 244, 0, 3));
  BOOST_TEST(value(r, at(part::choice, vip, 80, 1))->port == 8080);
  BOOST_TEST((value(r, at(part::asked, vip, 80))->what == verdict::ask));
  BOOST_TEST(r.elements.size() == 4u);
}

BOOST_AUTO_TEST_CASE(endpoint_ready_in_one_of_two_slices_is_ready) {
  auto r = only(web({{"10.244.0.2", 8080, false, false, false, false}, ready("10.244.0.2")}));
  BOOST_TEST((targets(r, part::choice, vip, 80) == std::set<api::ip_address>{ip(10, 244, 0, 2)}));
}

BOOST_AUTO_TEST_CASE(serving_endpoints_that_terminate_stand_in_only_for_ready_ones) {
  endpoint leaving{"10.244.0.9", 8080, false, true, true, false};
  endpoint dead{"10.244.0.8", 8080, false, false, true, false};
  auto both = only(web({ready("10.244.0.2"), leaving, dead}));
  BOOST_TEST(
      (targets(both, part::choice, vip, 80) == std::set<api::ip_address>{ip(10, 244, 0, 2)}));
  auto alone = only(web({leaving, dead}));
  BOOST_TEST(
      (targets(alone, part::choice, vip, 80) == std::set<api::ip_address>{ip(10, 244, 0, 9)}));
}

BOOST_AUTO_TEST_CASE(without_endpoints_every_frontend_refuses) {
  auto p = web({});
  p.node_port = 30080;
  p.external_ips = {"203.0.113.9"};
  p.external_local = true;
  auto r = only(p);
  for (auto key : {frontend, at(part::frontend, none, 30080), at(part::inside, none, 30080),
                   at(part::frontend, ip(203, 0, 113, 9), 80)})
    BOOST_TEST((verdict_of(r, key) == verdict::refuse));
  BOOST_TEST(r.chains.empty());
}

BOOST_AUTO_TEST_CASE(external_policy_local_binds_only_the_outside) {
  auto p = web({ready("10.244.0.2", true), ready("10.244.1.2")});
  p.node_port = 30080;
  p.external_local = true;
  auto r = only(p);
  BOOST_TEST(
      (targets(r, part::choice, none, 30080) == std::set<api::ip_address>{ip(10, 244, 0, 2)}));
  BOOST_TEST(targets(r, part::choice, none, 30080, true).size() == 2u);
  BOOST_TEST(targets(r, part::choice, vip, 80).size() == 2u);
  BOOST_TEST(!value(r, at(part::frontend, none, 30080))->chain.masquerade);
  p.endpoints[0].ready = false;
  r = only(p);
  BOOST_TEST((verdict_of(r, at(part::frontend, none, 30080)) == verdict::drop));
  BOOST_TEST((verdict_of(r, at(part::inside, none, 30080)) == verdict::pick));
  p.external_local = false;
  r = only(p);
  BOOST_TEST(!value(r, at(part::inside, none, 30080)));
  BOOST_TEST(value(r, at(part::frontend, none, 30080))->chain.masquerade);
}

BOOST_AUTO_TEST_CASE(internal_policy_local_binds_the_cluster_address_alone) {
  auto p = web({ready("10.244.0.2", true), ready("10.244.1.2")});
  p.node_port = 30080;
  p.internal_local = true;
  auto r = only(p);
  BOOST_TEST((targets(r, part::choice, vip, 80) == std::set<api::ip_address>{ip(10, 244, 0, 2)}));
  BOOST_TEST(targets(r, part::choice, none, 30080).size() == 2u);
  p.endpoints[0].ready = false;
  BOOST_TEST((verdict_of(only(p), frontend) == verdict::drop));
}

BOOST_AUTO_TEST_CASE(only_endpoints_of_this_machine_may_call_themselves) {
  auto r = only(web({ready("10.244.0.2", true), ready("10.244.1.2")}));
  BOOST_TEST(r.elements.count(at(part::hairpin, ip(10, 244, 0, 2), 0)) == 1u);
  BOOST_TEST(r.elements.count(at(part::hairpin, ip(10, 244, 1, 2), 0)) == 0u);
}

BOOST_AUTO_TEST_CASE(affinity_names_endpoints_by_what_they_are) {
  auto p = web({ready("10.244.0.2"), ready("10.244.0.3"), ready("10.244.0.4")});
  p.affinity_seconds = 60;
  auto before = only(p);
  p.endpoints.erase(p.endpoints.begin());
  auto after = only(p);
  BOOST_TEST(targets(after, part::endpoint, vip, 80).size() == 2u);
  // What remains keeps its id, though its number has changed.
  for (const auto& [key, v] : after.elements)
    if (key.in == part::endpoint)
      BOOST_TEST((value(before, key) == v));
  // Every number leads to an id that leads to an endpoint.
  for (uint32_t n = 0; n < 2; ++n) {
    auto id = value(after, at(part::sticky_choice, vip, 80, n));
    BOOST_REQUIRE(id);
    BOOST_TEST(value(after, at(part::endpoint, vip, 80, id->id)).has_value());
  }
  BOOST_TEST(targets(after, part::choice, vip, 80).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_ipv4_address_is_passed_over) {
  auto p = web({ready("10.244.0.2"), ready("fd00::2"), ready("10.244.0"), ready("")});
  p.cluster_ips = {"10.96.0.10", "fd00::10", "None", "", "10.96.0.256", "0.0.0.0"};
  p.external_ips = {"} ; flush ruleset ; {"};
  auto r = only(p);
  BOOST_TEST(r.elements.size() == 2u);
  BOOST_TEST(r.elements.count(frontend) == 1u);
}

BOOST_AUTO_TEST_CASE(lower_name_has_the_contested_port) {
  auto a = web({ready("10.244.0.2")});
  auto b = web({ready("10.244.0.3"), ready("10.244.0.4")});
  b.cluster_ips = {"10.96.0.11"};
  a.external_ips = b.external_ips = {"203.0.113.9"};
  service_table both{{{"default", "a", ""}, a}, {{"default", "b", ""}, b}};
  auto key = at(part::frontend, ip(203, 0, 113, 9), 80);
  BOOST_TEST(value(plan(both), key)->chain.count == 1);
  both.erase({"default", "a", ""});
  BOOST_TEST(value(plan(both), key)->chain.count == 2);
}

BOOST_AUTO_TEST_CASE(difference_is_only_what_changed) {
  auto p = web({ready("10.244.0.2"), ready("10.244.0.3")});
  service_table table{{web_name, p}};
  for (int i = 0; i < 20; ++i) {
    auto other = web({ready("10.244.9.2"), ready("10.244.9.3")});
    other.cluster_ips = {"10.96.1." + std::to_string(i + 1)};
    table[{"default", "other" + std::to_string(i), ""}] = other;
  }
  auto from = plan(table);
  BOOST_TEST(diff(from, from).empty());
  table[web_name].endpoints[1].ip = "10.244.0.7";
  auto change = diff(from, plan(table));
  BOOST_TEST(change.add_chains.empty());
  BOOST_REQUIRE_EQUAL(change.remove.size(), 1u);
  BOOST_REQUIRE_EQUAL(change.add.size(), 1u);
  BOOST_TEST((change.add[0].first == at(part::choice, vip, 80, 1)));
  BOOST_TEST(change.add[0].second.address == ip(10, 244, 0, 7));
  table[web_name].endpoints.pop_back();
  change = diff(from, plan(table));
  BOOST_TEST(change.add_chains.size() == 1u);
  BOOST_TEST(change.remove_chains.empty()); // the others still draw one of two
}

BOOST_AUTO_TEST_CASE(udp_flows_are_stale_where_an_endpoint_is_gone_or_a_frontend_is_new) {
  auto p = web({ready("10.244.0.2"), ready("10.244.0.3")});
  p.proto = protocol::udp;
  auto from = only(p);
  auto born = diff({}, from).stale;
  BOOST_TEST((born == std::vector<stale_flow>{{false, vip, 80, {}, 0}}));
  p.endpoints.erase(p.endpoints.begin()); // the other's number shifts
  auto change = diff(from, only(p));
  BOOST_TEST((change.stale == std::vector<stale_flow>{{false, vip, 80, ip(10, 244, 0, 2), 8080}}));
  BOOST_TEST(diff(from, {}).stale.size() == 2u);
  p.proto = protocol::tcp;
  BOOST_TEST(diff(only(p), {}).stale.empty());
}

BOOST_AUTO_TEST_CASE(options_that_nft_could_misread_are_refused) {
  data_path_options good;
  good.table = "thespis_a1";
  good.pod_cidrs = {"10.244.0.0/16"};
  good.service_cidrs = {"10.96.0.0/12"};
  BOOST_TEST(check(good).has_value());
  for (const char* name : {"", "a b", "1a", "a;b", "a-b", "a\nb"}) {
    auto bad = good;
    bad.table = name;
    BOOST_TEST(!check(bad));
  }
  for (const char* range : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/8 ", "10.0.0.0/",
                            "10.0.0.0/-1", "fd00::/8", "0.0.0.0/0"}) {
    auto bad = good;
    bad.pod_cidrs = {range};
    BOOST_TEST(!check(bad));
  }
  for (uint32_t mark : {0U, 3U}) {
    auto bad = good;
    bad.masquerade_mark = mark;
    BOOST_TEST(!check(bad));
  }
}

BOOST_AUTO_TEST_CASE(change_is_written_as_nft_commands) {
  auto p = web({ready("10.244.0.2")});
  p.proto = protocol::sctp;
  auto from = only(p);
  p.endpoints.push_back(ready("10.244.0.3"));
  auto change = diff(from, only(p));
  BOOST_TEST(change_text({}, "t", change) ==
             "delete element ip t frontend { 10.96.0.10 . sctp . 80}\n"
             "add element ip t choice { 10.96.0.10 . sctp . 80 . 0:1 : 10.244.0.3 . 8080}\n"
             "add element ip t frontend { 10.96.0.10 . sctp . 80 : goto pick_2}\n"
             "delete chain ip t pick_1\n");
  BOOST_TEST(chains_text({}, "t", change).rfind("add chain ip t pick_2\n", 0) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
