#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <set>
#include <thread>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_services : cluster {
  reply service(const std::string& name, const std::string& spec = {},
                const std::string& port = {}) {
    return create("services", "default",
                  R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec +
                      R"("ports":[{"port":80)" + port + "}]}}");
  }
  static std::string ip(const reply& r) { return text_at(*r.object, {"spec", "clusterIP"}); }
  static std::string ports(const reply& r) { return text_at(*r.object, {"spec", "ports"}); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(services, with_services)

BOOST_AUTO_TEST_CASE(are_given_an_address_of_their_own) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i)
    seen.insert(ip(ok(service("s" + std::to_string(i)))));
  BOOST_TEST(seen.size() == 20u);
  auto o = get("services", "default", "s0");
  BOOST_TEST(text_at(*o, {"spec", "clusterIP"}).find("10.43.") == 0u);
  BOOST_TEST(text_at(*o, {"spec", "clusterIPs"}) ==
             "[\"" + text_at(*o, {"spec", "clusterIP"}) + "\"]");
  BOOST_TEST(text_at(*o, {"spec", "ipFamilies"}) == R"(["IPv4"])");
  BOOST_TEST(text_at(*o, {"spec", "ipFamilyPolicy"}) == "SingleStack");
  BOOST_TEST(text_at(*o, {"spec", "type"}) == "ClusterIP");
  BOOST_TEST(text_at(*o, {"spec", "ports"}) == R"([{"port":80,"protocol":"TCP","targetPort":80}])");
  BOOST_TEST(text_at(*o, {"status"}) == R"({"loadBalancer":{}})");
}

BOOST_AUTO_TEST_CASE(are_given_different_addresses_before_either_is_written) {
  auto body = [](const char* name) {
    return std::string(R"({"metadata":{"name":")") + name + R"("},"spec":{"type":"NodePort",
      "clusterIP":"10.43.0.7","ports":[{"port":80,"nodePort":30123}]}})";
  };
  auto first = prepare(make(verb::create, "services", "default", "", body("a"), ""));
  auto second = send(make(verb::create, "services", "default", "", body("b"), ""));
  BOOST_TEST(!second.ok);
  BOOST_TEST(second.failure.message ==
             "Service \"b\" is invalid: [spec.clusterIPs: Invalid value: [\"10.43.0.7\"]: failed "
             "to allocate IP 10.43.0.7: provided IP is already allocated, "
             "spec.ports[0].nodePort: Invalid value: 30123: provided port is already allocated]");
  // The first was never written: what it claimed is free again after a while.
  advance(std::chrono::seconds{60});
  ok(send(make(verb::create, "services", "default", "", body("b"), "")));
}

BOOST_AUTO_TEST_CASE(give_back_what_they_had_when_they_go) {
  ok(service("a", R"("type":"NodePort","clusterIP":"10.43.0.7",)", R"(,"nodePort":30123)"));
  BOOST_TEST(!service("b", R"("type":"NodePort",)", R"(,"nodePort":30123)").ok);
  ok(remove("services", "default", "a"));
  ok(service("b", R"("type":"NodePort","clusterIP":"10.43.0.7",)", R"(,"nodePort":30123)"));
}

BOOST_AUTO_TEST_CASE(refuse_addresses_and_ports_outside_the_ranges) {
  auto r = service("a", R"("clusterIP":"10.9.9.9",)");
  BOOST_TEST(r.failure.message ==
             "Service \"a\" is invalid: spec.clusterIPs: Invalid value: [\"10.9.9.9\"]: failed to "
             "allocate IP 10.9.9.9: the provided IP (10.9.9.9) is not in the valid range. The "
             "range of valid IPs is 10.43.0.0/16");
  r = service("a", R"("type":"NodePort",)", R"(,"nodePort":80)");
  BOOST_TEST(r.failure.message == "Service \"a\" is invalid: spec.ports[0].nodePort: Invalid "
                                  "value: 80: provided port is not in the valid range. The range "
                                  "of valid ports is 30000-32767");
}

BOOST_AUTO_TEST_CASE(without_address_have_none) {
  auto r = ok(service("a", R"("clusterIP":"None","selector":{"app":"x"},)"));
  BOOST_TEST(ip(r) == "None");
  BOOST_TEST(text_at(*r.object, {"spec", "clusterIPs"}) == R"(["None"])");
  r = ok(create("services", "default",
                R"({"metadata":{"name":"e"},"spec":{"type":"ExternalName",
                    "externalName":"example.com"}})"));
  BOOST_TEST(ip(r) == "");
  BOOST_TEST(text_at(*r.object, {"spec", "ipFamilies"}) == "");
}

BOOST_AUTO_TEST_CASE(balanced_without_node_ports_have_traffic_policies) {
  auto r = ok(service("a", R"("type":"LoadBalancer","allocateLoadBalancerNodePorts":false,)"));
  BOOST_TEST(text_at(*r.object, {"spec", "externalTrafficPolicy"}) == "Cluster");
  BOOST_TEST(ports(r) == R"([{"port":80,"protocol":"TCP","targetPort":80}])");
}

BOOST_AUTO_TEST_CASE(keep_what_they_were_given_over_updates) {
  auto r = ok(service("a", R"("type":"NodePort",)"));
  auto address = ip(r);
  auto before = ports(r);
  BOOST_TEST(before.find("nodePort") != std::string::npos);
  r = ok(update("services", "default", "a",
                R"({"metadata":{"name":"a"},"spec":{"type":"NodePort","selector":{"a":"b"},
                    "ports":[{"port":80}]}})"));
  BOOST_TEST(ip(r) == address);
  auto port_of = [](const std::string& s) { return s.substr(s.find("\"nodePort\":"), 16); };
  BOOST_TEST(port_of(ports(r)) == port_of(before));
  r = ok(patch("services", "default", "a", R"({"spec":{"type":"ClusterIP"}})"));
  BOOST_TEST(ip(r) == address);
  BOOST_TEST(ports(r).find("nodePort") == std::string::npos);
  BOOST_TEST(text_at(*r.object, {"spec", "externalTrafficPolicy"}) == "");
}

BOOST_AUTO_TEST_CASE(refuse_another_address) {
  auto held = ip(ok(service("a")));
  auto r = patch("services", "default", "a", R"({"spec":{"clusterIP":"10.43.0.99"}})");
  BOOST_TEST(r.failure.message == "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: "
                                  "[\"10.43.0.99\"]: may not change once set");
}

BOOST_AUTO_TEST_CASE(share_a_node_port_between_protocols) {
  auto r = ok(create("services", "default",
                     R"({"metadata":{"name":"dns"},"spec":{"type":"NodePort","ports":[
                       {"name":"u","port":53,"protocol":"UDP"},{"name":"t","port":53}]}})"));
  auto text = ports(r);
  auto first = text.find("\"nodePort\":");
  auto second = text.find("\"nodePort\":", first + 1);
  BOOST_REQUIRE(second != std::string::npos);
  BOOST_TEST(text.substr(first, 16) == text.substr(second, 16));
}

BOOST_AUTO_TEST_CASE(follow_the_rules_of_their_ports) {
  auto refused = [&](const std::string& spec) {
    return create("services", "default", R"({"metadata":{"name":"a"},"spec":{)" + spec + "}}")
        .failure.message;
  };
  BOOST_TEST(refused("") == "Service \"a\" is invalid: spec.ports: Required value");
  BOOST_TEST(refused(R"("ports":[{"port":80},{"port":81}])") ==
             "Service \"a\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: "
             "Required value]");
  BOOST_TEST(refused(R"("ports":[{"port":80,"nodePort":30000}])") ==
             "Service \"a\" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when "
             "`type` is 'ClusterIP'");
  BOOST_TEST(refused(R"("ports":[{"port":0}])") ==
             "Service \"a\" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 "
             "and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between "
             "1 and 65535, inclusive]");
  BOOST_TEST(refused(R"("type":"ExternalName")") ==
             "Service \"a\" is invalid: spec.externalName: Required value");
  BOOST_TEST(refused(R"("type":"Odd","ports":[{"port":80}])") ==
             "Service \"a\" is invalid: spec.type: Unsupported value: \"Odd\": supported values: "
             "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"");
  auto r =
      create("services", "default", R"({"metadata":{"name":"9a"},"spec":{"ports":[{"port":80}]}})");
  BOOST_TEST(r.failure.message.find("Service \"9a\" is invalid: metadata.name: Invalid value: "
                                    "\"9a\": a DNS-1035 label must consist of") == 0u);
}

BOOST_AUTO_TEST_CASE(prepared_by_many_threads_never_share_an_address) {
  constexpr int threads = 4;
  constexpr int each = 50;
  std::vector<std::vector<std::string>> given(threads);
  std::atomic<int> uid{0};
  pipeline_deps deps;
  deps.state = state;
  deps.now = [this] { return now; };
  deps.new_uid = [&uid] { return "uid-" + std::to_string(uid++ % 3); };
  deps.random_suffix = [](size_t n) { return std::string(n, 'x'); };
  pipeline line(std::move(deps));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        auto name = "s" + std::to_string(t) + "-" + std::to_string(i);
        auto p = line.prepare(
            make(verb::create, "services", "default", "",
                 R"({"metadata":{"name":")" + name + R"("},"spec":{"ports":[{"port":80}]}})", ""));
        auto o = seal(std::move(std::get<prepared_write>(p).write.draft), 1);
        given[static_cast<size_t>(t)].push_back(text_at(*o, {"spec", "clusterIP"}));
      }
    });
  for (auto& w : workers)
    w.join();
  std::set<std::string> all;
  for (const auto& some : given)
    all.insert(some.begin(), some.end());
  BOOST_TEST(all.size() == size_t{threads * each});
}

BOOST_AUTO_TEST_CASE(a_rehearsal_claims_nothing) {
  auto body = R"({"metadata":{"name":"a"},"spec":{"type":"NodePort","clusterIP":"10.43.0.7",
    "ports":[{"port":80,"nodePort":30123}]}})";
  auto rehearsal = make(verb::create, "services", "default", "", body, "");
  rehearsal.dry_run = true;
  ok(send(rehearsal));
  ok(service("b", R"("type":"NodePort","clusterIP":"10.43.0.7",)", R"(,"nodePort":30123)"));
}

BOOST_AUTO_TEST_CASE(further_ranges_give_addresses_and_others_addresses_are_taken) {
  BOOST_TEST(!service("a", R"("clusterIP":"10.99.0.9",)").ok);
  ok(create("servicecidrs.networking.k8s.io", "",
            R"({"metadata":{"name":"more"},"spec":{"cidrs":["10.99.0.0/24"]}})"));
  ok(service("a", R"("clusterIP":"10.99.0.9",)"));
  ok(create(
      "ipaddresses.networking.k8s.io", "",
      R"({"metadata":{"name":"10.99.0.10"},"spec":{"parentRef":{"resource":"x","name":"y"}}})"));
  auto taken = service("b", R"("clusterIP":"10.99.0.10",)");
  BOOST_TEST(!taken.ok);
  BOOST_TEST(taken.failure.message.find("provided IP is already allocated") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_health_check_port_lives_with_the_local_policy) {
  ok(service("a", R"("type":"LoadBalancer","externalTrafficPolicy":"Local",)"));
  auto given = text_at(*get("services", "default", "a"), {"spec", "healthCheckNodePort"});
  BOOST_TEST(!given.empty());
  auto other = patch("services", "default", "a", R"({"spec":{"healthCheckNodePort":1}})");
  BOOST_TEST(!other.ok);
  BOOST_TEST(other.failure.message ==
             "Service \"a\" is invalid: spec.healthCheckNodePort: Forbidden: field is immutable");
  ok(patch("services", "default", "a", R"({"spec":{"externalTrafficPolicy":"Cluster"}})"));
  BOOST_TEST(text_at(*get("services", "default", "a"), {"spec", "healthCheckNodePort"}).empty());
  auto taken = service("b", R"("type":"LoadBalancer","externalTrafficPolicy":"Local",
    "healthCheckNodePort":1,)");
  BOOST_TEST(!taken.ok);
}

BOOST_AUTO_TEST_CASE(are_told_how_a_balancer_delivers) {
  ok(service("a", R"("type":"LoadBalancer",)"));
  const auto r = ok(patch("services", "default", "a",
                          R"({"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"},
                              {"ip":"203.0.113.2","ipMode":"Proxy"},{"hostname":"x.example"}]}}})",
                          patch_kind::json_merge, "status"));
  BOOST_TEST(text_at(*r.object, {"status", "loadBalancer", "ingress"}) ==
             R"([{"ip":"203.0.113.1","ipMode":"VIP"},{"ip":"203.0.113.2","ipMode":"Proxy"},)"
             R"({"hostname":"x.example"}])");
}

BOOST_AUTO_TEST_CASE(may_not_be_reached_at_addresses_of_every_machine) {
  auto r = service("a", R"("externalIPs":["127.0.0.1"],)");
  BOOST_TEST(!r.ok);
  BOOST_TEST(r.failure.message.find("may not be in the loopback range") != std::string::npos);
  BOOST_TEST(!service("b", R"("loadBalancerSourceRanges":["10.0.0.0/8"],)").ok);
}

BOOST_AUTO_TEST_SUITE_END()
