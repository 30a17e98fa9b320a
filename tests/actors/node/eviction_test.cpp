#include "actors/node/eviction.hpp"
#include "actors/node/image_garbage.hpp"
#include "api/object/typed.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::actors;
using namespace std::chrono_literals;

namespace {

constexpr int64_t mib = 1 << 20;

std::shared_ptr<const api::v1::pod> pod(const std::string& name, const std::string& container,
                                        const std::string& spec = "priority: 0",
                                        const std::string& notes = "{}") {
  auto doc = *api::yaml::parse("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                               ", namespace: default, annotations: " + notes +
                               "}, spec: {containers: [{name: c, image: i" + container + "}], " +
                               spec + "}}");
  return api::typed<api::v1::pod>(*api::seal(api::make_draft("pods", doc), 1));
}

pod_footprint using_memory(int64_t bytes) {
  pod_footprint res;
  res.memory = res.container_memory["c"] = bytes;
  return res;
}

eviction_state state(const std::string& thresholds) {
  return eviction_state{{*api::parse_thresholds(thresholds), 5min}};
}

eviction_state::time at(std::chrono::seconds s) {
  return eviction_state::time{} + 1h + s;
}

std::string why_not(const std::string& text) {
  const auto res = api::parse_thresholds(text);
  return res ? "" : res.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(eviction)

BOOST_AUTO_TEST_CASE(reads_thresholds_as_kubelet_does) {
  const auto all = *api::parse_thresholds("memory.available<100Mi,nodefs.available<10%");
  BOOST_REQUIRE(all.size() == 2);
  BOOST_TEST(api::least_of(all[0], 1) == 100 * mib);
  BOOST_TEST(api::least_of(all[1], 1000) == 100);
  BOOST_TEST(api::parse_thresholds("")->empty());
  BOOST_TEST(api::value_text(all[0]) == "100Mi");
  BOOST_TEST(api::value_text(all[1]) == "10%");
  const auto times = *api::parse_grace_periods("memory.available=1m30s,nodefs.available=2m");
  BOOST_TEST((times.at("memory.available") == 90s));
  BOOST_TEST((times.at("nodefs.available") == 2min));
  BOOST_TEST(!api::parse_grace_periods("memory.available=soon"));
  BOOST_TEST(!api::parse_grace_periods("memory.available=-1s"));
  BOOST_TEST(!api::parse_grace_periods("memory=1s"));
  BOOST_TEST(api::parse_minimum_reclaims("nodefs.available=1Gi")->at(0).quantity == 1024 * mib);
  BOOST_TEST(!api::parse_minimum_reclaims("nodefs.available<1Gi"));
  BOOST_TEST(why_not("memory.available").find("invalid eviction threshold syntax") == 0);
  BOOST_TEST(why_not("memory<1Gi") == "unsupported eviction signal memory");
  BOOST_TEST(why_not("memory.available<101%").find("must be >= 0% and <= 100%") !=
             std::string::npos);
  BOOST_TEST(why_not("memory.available<-1Gi").find("must be positive") != std::string::npos);
  BOOST_TEST(!why_not("memory.available<many").empty());
  BOOST_TEST(why_not("pid.available<1,pid.available<2") ==
             "found duplicate eviction threshold for signal pid.available");
}

BOOST_AUTO_TEST_CASE(is_under_pressure_until_there_was_enough_for_a_while) {
  auto s = state("memory.available<100Mi,nodefs.available<10%");
  BOOST_TEST(s.observe({{"memory.available", {100 * mib, 1000 * mib}}}, at(0s)).empty());
  BOOST_TEST(!s.under(pressure_kind::memory));
  const auto found = s.observe(
      {{"nodefs.available", {9, 100}}, {"memory.available", {99 * mib, 1000 * mib}}}, at(10s));
  BOOST_REQUIRE(found.size() == 2);
  BOOST_TEST(found[0].resource == "memory");
  BOOST_TEST(found[1].resource == "ephemeral-storage");
  BOOST_TEST(s.pressures() == "[MemoryPressure DiskPressure]");
  BOOST_TEST(s.observe({{"memory.available", {200 * mib, 1000 * mib}}}, at(300s)).empty());
  BOOST_TEST(s.under(pressure_kind::memory));
  BOOST_TEST(s.observe({}, at(310s)).empty());
  BOOST_TEST(s.pressures() == "");
}

BOOST_AUTO_TEST_CASE(refuses_pods_while_under_pressure) {
  auto s = state("memory.available<100Mi,pid.available<10");
  const auto best_effort = pod("a", "");
  const auto burstable = pod("b", ", resources: {requests: {memory: 1Mi}}");
  BOOST_TEST(!s.refuse(*best_effort));
  (void)s.observe({{"memory.available", {1, 1000 * mib}}}, at(0s));
  BOOST_TEST(s.refuse(*best_effort).value_or("") == "The node had condition: [MemoryPressure]. ");
  BOOST_TEST(!s.refuse(*burstable));
  BOOST_TEST(!s.refuse(*pod("t", "",
                            "tolerations: [{key: node.kubernetes.io/memory-pressure, "
                            "operator: Exists, effect: NoSchedule}]")));
  (void)s.observe({{"pid.available", {1, 1000}}}, at(1s));
  BOOST_TEST(s.refuse(*burstable).value_or("") ==
             "The node had condition: [MemoryPressure PIDPressure]. ");
  BOOST_TEST(!s.refuse(*pod("critical", "", "priority: 2000000000")));
}

BOOST_AUTO_TEST_CASE(ranks_by_excess_priority_and_usage) {
  const auto low = using_memory(10 * mib), high = using_memory(300 * mib),
             more = using_memory(400 * mib);
  const std::string asks = ", resources: {requests: {memory: 350Mi}}";
  std::vector<eviction_candidate> pods{
      {"within", pod("within", asks), &high},
      {"small", pod("small", ""), &low},
      {"large", pod("large", ""), &high},
      {"important", pod("important", "", "priority: 1000"), &more},
      {"static", pod("static", "", "priority: 0", "{kubernetes.io/config.source: file}"), &more},
      {"mirror", pod("mirror", "", "priority: 0", "{kubernetes.io/config.mirror: h}"), &more},
      {"system", pod("system", "", "priority: 2000001000"), &more},
  };
  const shortage memory{"memory.available", "memory", 100 * mib, 1};
  std::string order;
  for (const auto& p : rank_for_eviction(pods, memory))
    order += p.uid + " ";
  BOOST_TEST(order == "large small important within ");
}

BOOST_AUTO_TEST_CASE(tells_why_in_kubelets_words) {
  const auto usage = using_memory(300 * mib);
  const auto p = pod("p", ", resources: {requests: {memory: 100Mi}}");
  BOOST_TEST(
      eviction_message({"u", p, &usage}, {"memory.available", "memory", 100 * mib, 51200 * 1024}) ==
      "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
      "Container c was using 300Mi, request is 100Mi, has larger consumption of memory. ");
}

BOOST_AUTO_TEST_CASE(holds_pods_to_their_limits_of_the_disk) {
  const std::string volumes = "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]";
  pod_footprint usage;
  usage.volumes["v"] = {mib, 1};
  BOOST_TEST(!storage_overuse(*pod("p", "", volumes), usage));
  usage.volumes["v"].bytes += 1;
  BOOST_TEST(storage_overuse(*pod("p", "", volumes), usage).value_or("") ==
             "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  const auto limited = pod("p", ", resources: {limits: {ephemeral-storage: 1Mi}}");
  BOOST_TEST(storage_overuse(*limited, usage).value_or("") ==
             "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ");
  BOOST_TEST(limits_storage(limited->spec));
  BOOST_TEST(!limits_storage(pod("p", "", "volumes: [{name: v, emptyDir: {}}]")->spec));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(images)

namespace {
runtime::image_info image(const std::string& id, uint64_t size, bool pulled = true) {
  runtime::image_info res;
  res.id = id;
  res.size = size;
  res.tags = {id + ":1"};
  if (pulled)
    res.digests = {id + "@sha256:0"};
  return res;
}
std::string ids(const std::vector<image_garbage::candidate>& all) {
  std::string res;
  for (const auto& c : all)
    res += c.id + " ";
  return res;
}
} // namespace

BOOST_AUTO_TEST_CASE(frees_down_to_the_low_threshold) {
  BOOST_TEST(bytes_to_free({}, 160, 1000) == 0);
  BOOST_TEST(bytes_to_free({}, 150, 1000) == 50);
  BOOST_TEST(bytes_to_free({100, 80, 2min}, 0, 1000) == 0);
}

BOOST_AUTO_TEST_CASE(lets_the_longest_unused_go_first) {
  image_garbage g;
  const std::vector all{image("a", 10), image("b", 10), image("used", 10),
                        image("file", 10, false)};
  BOOST_TEST(g.observe(all, {"a", "used:1"}, at(0s)));
  BOOST_TEST(!g.observe(all, {"used"}, at(60s)));
  BOOST_TEST(ids(g.choose(100, {}, at(61s))) == "");
  BOOST_TEST(!g.observe(all, {"used@sha256:0"}, at(121s)));
  BOOST_TEST(ids(g.choose(100, {}, at(121s))) == "b a ");
  BOOST_TEST(ids(g.choose(10, {}, at(121s))) == "b ");
  BOOST_TEST(g.observe({image("a", 10)}, {}, at(130s)));
}

BOOST_AUTO_TEST_CASE(tells_of_the_largest_images) {
  std::vector<runtime::image_info> all;
  for (uint64_t i = 0; i < 60; ++i)
    all.push_back(image("i" + std::to_string(i), 1000 + i));
  all[59].tags = {"1", "2", "3", "4", "5", "6"};
  image_garbage g;
  (void)g.observe(all, {}, at(0s));
  const auto told = g.described();
  BOOST_REQUIRE(told.size() == 50);
  BOOST_TEST(told[0].names.size() == 5);
  BOOST_TEST(told[0].names[0] == "i59@sha256:0");
  BOOST_TEST(told[0].size_bytes.value_or(0) == 1059);
  BOOST_TEST(told[49].size_bytes.value_or(0) == 1010);
}

BOOST_AUTO_TEST_CASE(a_soft_threshold_may_be_crossed_for_its_grace) {
  eviction_limits limits;
  limits.hard = *api::parse_thresholds("memory.available<100");
  limits.soft = *api::parse_thresholds("memory.available<200");
  limits.soft_grace = *api::parse_grace_periods("memory.available=1m");
  eviction_state s{limits};
  const auto shortages = [&](int64_t available, std::chrono::seconds t) {
    return s.observe({{"memory.available", {available, 1000}}}, at(t));
  };
  BOOST_TEST(shortages(150, 0s).empty());
  BOOST_TEST(s.under(pressure_kind::memory)); // told at once
  BOOST_TEST(shortages(150, 59s).empty());
  // Enough in between begins the grace anew.
  BOOST_TEST(shortages(250, 60s).empty());
  BOOST_TEST(shortages(150, 70s).empty());
  BOOST_TEST(shortages(150, 129s).empty());
  const auto found = shortages(150, 130s);
  BOOST_REQUIRE(found.size() == 1);
  BOOST_TEST(found[0].soft);
  BOOST_TEST(found[0].least == 200);
  const auto hard = shortages(50, 131s);
  BOOST_REQUIRE(hard.size() == 2);
  BOOST_TEST(!hard[0].soft);
}

BOOST_AUTO_TEST_CASE(a_minimum_is_reclaimed_beyond_the_threshold) {
  eviction_limits limits;
  limits.hard = *api::parse_thresholds("nodefs.available<100");
  limits.reclaim = *api::parse_minimum_reclaims("nodefs.available=50");
  eviction_state s{limits};
  const auto shortages = [&](int64_t available, std::chrono::seconds t) {
    return s.observe({{"nodefs.available", {available, 1000}}}, at(t)).size();
  };
  BOOST_TEST(shortages(120, 0s) == 0u); // was never crossed
  BOOST_TEST(shortages(90, 1s) == 1u);
  BOOST_TEST(shortages(120, 2s) == 1u);
  BOOST_TEST(shortages(149, 3s) == 1u);
  BOOST_TEST(shortages(150, 4s) == 0u);
  BOOST_TEST(shortages(120, 5s) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
