// Keeping a plan service by service gives what planning from nothing gives.
#include "proxy/data/planner.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::proxy;

namespace {

// Applies a batch as strictly as the kernel would.
void apply(const batch& b, ruleset& to) {
  for (const auto& chain : b.add_chains)
    BOOST_REQUIRE(to.chains.emplace(chain, 0).second);
  for (const auto& [key, value] : b.remove) {
    auto found = to.elements.find(key);
    BOOST_REQUIRE(found != to.elements.end());
    BOOST_REQUIRE((found->second == value));
    if (value.what == verdict::pick)
      --to.chains.at(value.chain);
    to.elements.erase(found);
  }
  for (const auto& [key, value] : b.add) {
    BOOST_REQUIRE(to.elements.emplace(key, value).second);
    if (value.what == verdict::pick)
      ++to.chains.at(value.chain);
  }
  for (const auto& chain : b.remove_chains) {
    BOOST_REQUIRE_EQUAL(to.chains.at(chain), 0u); // the kernel refuses while it is used
    to.chains.erase(chain);
  }
  for (const auto& [chain, uses] : to.chains)
    BOOST_REQUIRE(uses != 0);
}

class generator {
public:
  explicit generator(uint32_t seed) : random_{seed} {}

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }

  // Few addresses and ports, so that services contest them and endpoints come and go.
  service_port port() {
    service_port p;
    p.proto = one_in(2) ? protocol::tcp : one_in(2) ? protocol::udp : protocol::sctp;
    p.cluster_ips = {"10.96.0." + std::to_string(1 + below(12))};
    if (one_in(8))
      p.cluster_ips = {"None"};
    p.port = static_cast<uint16_t>(80 + below(2));
    if (one_in(3))
      p.node_port = static_cast<uint16_t>(30000 + below(3));
    if (one_in(4))
      p.external_ips = {"203.0.113." + std::to_string(1 + below(2))};
    if (one_in(4))
      p.affinity_seconds = one_in(2) ? 10800 : 60;
    p.internal_local = one_in(5);
    p.external_local = one_in(3);
    for (auto n = below(7); n > 0; --n)
      p.endpoints.push_back({"10.244.0." + std::to_string(2 + below(9)),
                             static_cast<uint16_t>(8080 + below(2)), !one_in(3), one_in(2),
                             one_in(2), one_in(2)});
    return p;
  }

  service_port_name name() {
    return {"ns" + std::to_string(below(2)), "s" + std::to_string(below(8)), ""};
  }

private:
  std::mt19937 random_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(planner_keeps_the_plan)

BOOST_AUTO_TEST_CASE(batches_and_differences_lead_to_the_plan_from_nothing) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      generator g{seed};
      service_table table;
      planner incremental;
      ruleset by_batches;
      ruleset by_differences;
      for (int step = 0; step < 60; ++step) {
        for (auto n = 1 + g.below(3); n > 0; --n) {
          auto name = g.name();
          if (g.one_in(3)) {
            table.erase(name);
            incremental.erase(name);
          } else {
            auto p = g.port();
            table[name] = p;
            incremental.set(name, p);
          }
        }
        auto wanted = plan(table);
        BOOST_REQUIRE((incremental.rules() == wanted));
        auto change = incremental.take();
        auto difference = diff(by_differences, wanted);
        BOOST_REQUIRE((change == difference));
        apply(change, by_batches);
        apply(difference, by_differences);
        BOOST_REQUIRE((by_batches == wanted));
        BOOST_REQUIRE((by_differences == wanted));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(change_and_its_reversal_cancel_out) {
  planner p;
  generator g{7};
  auto a = g.port();
  a.cluster_ips = {"10.96.0.1"};
  p.set({"ns", "a", ""}, a);
  BOOST_TEST(!p.take().empty());
  p.erase({"ns", "a", ""});
  p.set({"ns", "a", ""}, a);
  BOOST_TEST(p.take().empty());
  p.set({"ns", "a", ""}, a);
  BOOST_TEST(p.take().empty());
}

BOOST_AUTO_TEST_CASE(every_frontend_finds_an_endpoint_for_every_number) {
  generator g{11};
  for (int round = 0; round < 200; ++round) {
    service_table table;
    for (int i = 0; i < 10; ++i)
      table[g.name()] = g.port();
    auto rules = plan(table);
    for (const auto& [key, value] : rules.elements) {
      if (value.what != verdict::pick)
        continue;
      BOOST_REQUIRE_EQUAL(rules.chains.count(value.chain), 1u);
      for (uint32_t n = 0; n < value.chain.count; ++n) {
        auto number = key;
        number.extra = n + (value.chain.inside ? inside_offset : 0);
        number.in = value.chain.affinity_seconds ? part::sticky_choice : part::choice;
        auto found = rules.elements.find(number);
        BOOST_REQUIRE(found != rules.elements.end());
        if (number.in == part::choice)
          continue;
        number.in = part::endpoint;
        number.extra = found->second.id;
        BOOST_REQUIRE(rules.elements.count(number) == 1);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
