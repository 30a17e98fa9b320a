#include "api/fairness/gate.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace thespis::api;
using namespace thespis::api::fairness;

namespace {

v1::priority_level_configuration limited(std::string name, int32_t shares, int32_t queues = 0,
                                         int32_t hand = 1, int32_t length = 2) {
  v1::priority_level_configuration p;
  p.metadata.name = std::move(name);
  p.metadata.uid = p.metadata.name + "-uid";
  p.spec.type = "Limited";
  auto& l = p.spec.limited.ensure();
  l.nominal_concurrency_shares = shares;
  auto& r = l.limit_response.ensure();
  r.type = queues > 0 ? "Queue" : "Reject";
  if (queues > 0) {
    auto& q = r.queuing.ensure();
    q.queues = queues;
    q.hand_size = hand;
    q.queue_length_limit = length;
  }
  return p;
}

v1::flow_schema everything(std::string name, std::string level, int32_t precedence,
                           std::string user = "*") {
  v1::flow_schema s;
  s.metadata.name = std::move(name);
  s.metadata.uid = s.metadata.name + "-uid";
  s.spec.priority_level_configuration.name = std::move(level);
  s.spec.matching_precedence = precedence;
  s.spec.distinguisher_method.ensure().type = "ByUser";
  auto& rule = s.spec.rules.emplace_back();
  auto& subject = rule.subjects.emplace_back();
  subject.kind = "User";
  subject.user.ensure().name = std::move(user);
  auto& r = rule.resource_rules.emplace_back();
  r.verbs = r.api_groups = r.resources = r.namespaces = {"*"};
  r.cluster_scope = true;
  return s;
}

struct gate_fixture {
  user_info ann{"ann", "", {"system:authenticated"}};
  user_info bob{"bob", "", {"system:authenticated"}};
  std::shared_ptr<gate> g = gate::make(20);
  std::vector<std::string> log;

  flow flow_of(const user_info& u, std::string_view ns = "a") const {
    return g->classify({u, true, "create", "", "v1", ns, "pods", "", "", ""});
  }
  /// Enters and keeps the seat in `seats`.
  admission enter(const user_info& u, const std::string& name) {
    return g->enter(
        flow_of(u),
        [this, name](seat s) {
          log.push_back(name);
          seats.push_back(std::move(s));
        },
        [this, name] { log.push_back(name + " expired"); }, last_id);
  }
  level_numbers level(std::string_view name) const {
    for (auto& l : g->levels())
      if (l.name == name)
        return l;
    return {};
  }
  ~gate_fixture() { leave_all(); }
  /// Also those who come in meanwhile.
  void leave_all() {
    // Who leaves lets others in, who then must have a place in `seats`.
    while (!seats.empty()) {
      auto last = std::move(seats.back());
      seats.pop_back();
    }
  }
  uint64_t last_id = 0;
  std::vector<seat> seats;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(fairness_gate, gate_fixture)

BOOST_AUTO_TEST_CASE(judges_by_kubernetes_schemas) {
  auto name = [&](const user_info& u, auth::access_query q) {
    (void)u;
    return g->classify(q).by->object.metadata.name;
  };
  const user_info admin{"root", "", {"system:masters", "system:authenticated"}};
  const user_info node{"system:node:n1", "", {"system:nodes", "system:authenticated"}};
  const user_info account{
      "system:serviceaccount:dev:robot", "", {"system:serviceaccounts", "system:authenticated"}};
  const user_info own{"system:serviceaccount:kube-system:x",
                      "",
                      {"system:serviceaccounts", "system:authenticated"}};
  const user_info manager{"system:kube-controller-manager", "", {"system:authenticated"}};
  const user_info nobody{"x", "", {}};
  auto pods = [](const user_info& u) {
    return auth::access_query{u, true, "list", "", "v1", "a", "pods", "", "", ""};
  };
  BOOST_TEST(name(admin, pods(admin)) == "exempt");
  BOOST_TEST(name(node, pods(node)) == "system-nodes");
  BOOST_TEST(name(node, {node, true, "patch", "", "v1", "", "nodes", "status", "n1", ""}) ==
             "system-node-high");
  BOOST_TEST(name(node, {node, true, "patch", "", "v1", "", "nodes", "proxy", "n1", ""}) ==
             "system-nodes");
  BOOST_TEST(name(node, {node, true, "update", "coordination.k8s.io", "v1", "kube-node-lease",
                         "leases", "", "n1", ""}) == "system-node-high");
  BOOST_TEST(name(account, pods(account)) == "service-accounts");
  BOOST_TEST(name(own, pods(own)) == "kube-system-service-accounts");
  BOOST_TEST(name(own, {own, true, "update", "coordination.k8s.io", "v1", "kube-system", "leases",
                        "", "l", ""}) == "system-leader-election");
  BOOST_TEST(name(manager, {manager, true, "update", "", "v1", "a", "endpoints", "", "e", ""}) ==
             "endpoint-controller");
  BOOST_TEST(name(manager, pods(manager)) == "kube-controller-manager");
  BOOST_TEST(name(ann, pods(ann)) == "global-default");
  BOOST_TEST(name(ann, {ann, false, "get", "", "", "", "", "", "", "/healthz"}) == "probes");
  BOOST_TEST(name(ann, {ann, false, "post", "", "", "", "", "", "", "/healthz"}) ==
             "global-default");
  BOOST_TEST(name(nobody, pods(nobody)) == "catch-all");
}

BOOST_AUTO_TEST_CASE(shares_out_the_seats) {
  auto defaults = gate::make(600);
  std::map<std::string, int64_t> nominal;
  for (const auto& l : defaults->levels())
    nominal[l.name] = l.nominal;
  // 245 shares in all, rounded up, as Kubernetes rounds.
  BOOST_TEST(nominal["system"] == 74);
  BOOST_TEST(nominal["node-high"] == 98);
  BOOST_TEST(nominal["leader-election"] == 25);
  BOOST_TEST(nominal["workload-high"] == 98);
  BOOST_TEST(nominal["workload-low"] == 245);
  BOOST_TEST(nominal["global-default"] == 49);
  BOOST_TEST(nominal["catch-all"] == 13);
}

BOOST_AUTO_TEST_CASE(refuses_where_nobody_waits) {
  g->configure({limited("small", 5)}, {everything("all", "small", 50)});
  BOOST_TEST(level("small").nominal == 10);
  for (int i = 0; i < 10; ++i)
    BOOST_TEST((enter(ann, "r") == admission::entered));
  BOOST_TEST((enter(ann, "r") == admission::refused));
  seats.pop_back();
  BOOST_TEST((enter(ann, "r") == admission::entered));
  BOOST_TEST(g->schemas().front().no_seat == 1u);
}

BOOST_AUTO_TEST_CASE(serves_those_who_wait_in_turn_and_fairly) {
  // One seat of 20 shared by 20 shares: 15 + 5 of catch-all.
  g->configure({limited("one", 5, 64, 1, 10), limited("rest", 90)}, {everything("all", "one", 50)});
  BOOST_TEST(level("one").nominal == 1);
  BOOST_TEST((enter(ann, "a0") == admission::entered));
  // Ann floods, Bob asks once: he does not wait for all of hers.
  for (int i = 1; i < 6; ++i)
    BOOST_TEST((enter(ann, "a" + std::to_string(i)) == admission::waits));
  BOOST_REQUIRE(flow_of(ann).hash % 64 != flow_of(bob).hash % 64);
  BOOST_TEST((enter(bob, "b1") == admission::waits));
  BOOST_TEST(level("one").waiting == 6u);
  while (!seats.empty()) {
    auto first = std::move(seats.front());
    seats.erase(seats.begin());
    first.release();
  }
  BOOST_REQUIRE_EQUAL(log.size(), 7u);
  const auto at = std::find(log.begin(), log.end(), "b1");
  BOOST_TEST((at - log.begin()) <= 2);
  BOOST_TEST(log[0] == "a0");
  BOOST_TEST(log.back() == "a5");
  BOOST_TEST(level("one").in_use == 0);
  BOOST_TEST(level("one").waiting == 0u);
}

BOOST_AUTO_TEST_CASE(bounds_the_queues_and_the_wait) {
  g->configure({limited("one", 5, 1, 1, 2), limited("rest", 90)}, {everything("all", "one", 50)});
  enter(ann, "a0");
  BOOST_TEST((enter(ann, "a1") == admission::waits));
  const auto first = last_id;
  BOOST_TEST((enter(ann, "a2") == admission::waits));
  BOOST_TEST((enter(bob, "b1") == admission::refused));
  g->expire(flow_of(ann), first);
  g->expire(flow_of(ann), first); // once is enough
  BOOST_TEST((enter(bob, "b2") == admission::waits));
  const std::vector<std::string> so_far{"a0", "a1 expired"};
  BOOST_TEST(log == so_far, boost::test_tools::per_element());
  BOOST_TEST(g->schemas().front().queue_full == 1u);
  BOOST_TEST(g->schemas().front().timed_out == 1u);
}

BOOST_AUTO_TEST_CASE(borrows_what_others_leave_and_gives_it_back) {
  auto lender = limited("lender", 45);
  lender.spec.limited->lendable_percent = 50;
  g->configure({limited("one", 50, 4, 1, 20), lender},
               {everything("b", "lender", 40, "bob"), everything("all", "one", 50)});
  BOOST_TEST(level("one").nominal == 10);
  BOOST_TEST(level("lender").nominal == 9);
  // 10 of its own and 5 (half of 9, rounded) borrowed.
  for (int i = 0; i < 15; ++i)
    BOOST_TEST((enter(ann, "a") == admission::entered), i);
  BOOST_TEST((enter(ann, "late") == admission::waits));
  // The lender has all of its own still.
  for (int i = 0; i < 9; ++i)
    BOOST_TEST((enter(bob, "b") == admission::entered), i);
  BOOST_TEST((enter(bob, "b") == admission::refused));
  auto limit = limited("one", 50, 4, 1, 20);
  limit.spec.limited->borrowing_limit_percent = 0;
  leave_all();
  g->configure({limit, lender}, {everything("all", "one", 50)});
  leave_all();
  for (int i = 0; i < 10; ++i)
    BOOST_TEST((enter(ann, "a") == admission::entered), i);
  BOOST_TEST((enter(ann, "a") == admission::waits));
}

BOOST_AUTO_TEST_CASE(lets_those_finish_whose_level_is_gone) {
  g->configure({limited("one", 5, 1, 1, 5), limited("rest", 90)}, {everything("all", "one", 50)});
  enter(ann, "a0");
  enter(ann, "a1");
  g->configure({limited("rest", 90)}, {everything("all", "rest", 50)});
  BOOST_TEST(log.back() == "a1");
  leave_all();
  g->configure({limited("rest", 90)}, {everything("all", "rest", 50)});
  BOOST_TEST(level("one").name.empty());
  BOOST_TEST(flow_of(ann).by->level_uid == "rest-uid");
}

BOOST_AUTO_TEST_CASE(passes_over_schemas_that_lead_nowhere) {
  g->configure({limited("one", 5)},
               {everything("dangling", "none", 10), everything("b", "one", 20)});
  BOOST_TEST(flow_of(ann).by->object.metadata.name == "b");
  // The mandatory ones hold also when nobody has them.
  g->configure({}, {});
  BOOST_TEST(flow_of(ann).by->object.metadata.name == "catch-all");
}

BOOST_AUTO_TEST_CASE(a_long_chain_of_leavers_is_no_deep_stack) {
  g->configure({limited("one", 1, 1, 1, 200'000), limited("rest", 94)},
               {everything("all", "one", 50)});
  seat first;
  BOOST_REQUIRE(g->try_enter(flow_of(ann), first));
  int served = 0;
  for (int i = 0; i < 100'000; ++i) {
    uint64_t id = 0;
    g->enter(
        flow_of(ann), [&](seat s) { ++served, s.release(); }, [] {}, id);
  }
  first.release();
  BOOST_TEST(served == 100'000);
}

BOOST_AUTO_TEST_CASE(a_hand_has_no_card_twice) {
  for (uint64_t hash : {0ull, 1ull, 63ull, 0xffffffffffffffffull, 0x123456789abcdefull}) {
    const auto hand = deal(hash, 128, 6);
    BOOST_TEST(hand.size() == 6u);
    BOOST_TEST(std::set<size_t>(hand.begin(), hand.end()).size() == 6u);
    BOOST_TEST(*std::max_element(hand.begin(), hand.end()) < 128u);
  }
  BOOST_TEST(deal(7, 3, 8).size() == 3u);
  // Two senders seldom share a hand: of 2,000 pairs at most a few do.
  int same = 0;
  for (int i = 0; i < 2000; ++i) {
    auto a = deal(std::hash<std::string>{}("u" + std::to_string(i)), 128, 6);
    auto b = deal(std::hash<std::string>{}("v" + std::to_string(i)), 128, 6);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    same += a == b;
  }
  BOOST_TEST(same == 0);
}

BOOST_AUTO_TEST_SUITE_END()
