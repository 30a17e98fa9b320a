#include "actors/pod/pod_driver.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::actors;
using namespace thespis::test;
using namespace std::chrono_literals;

namespace {

std::string sized(const std::string& cpu, const std::string& policy = "NotRequired") {
  return "{spec: {containers: [{name: main, image: i, resizePolicy: [{resourceName: cpu, "
         "restartPolicy: " +
         policy + "}], resources: {requests: {cpu: '" + cpu + "'}, limits: {cpu: '" + cpu +
         "'}}}]}}";
}

pod_driver started(const std::string& text) {
  pod_driver d{text};
  d.settle();
  return d;
}

const api::v1::pod_condition* condition(const api::v1::pod_status& s, const std::string& type) {
  for (const auto& c : s.conditions)
    if (c.type == type)
      return &c;
  return nullptr;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_resize)

BOOST_AUTO_TEST_CASE(gives_a_running_container_other_limits) {
  auto d = started(sized("1"));
  BOOST_TEST(d.status_of("main").allocated_resources.at("cpu") == "1");
  d.held = {"resize"};
  d.update(sized("2"));
  BOOST_TEST(d.count("resize main") == 1);
  BOOST_TEST(condition(d.state.status(d.now), "PodResizeInProgress"));
  BOOST_TEST(d.status_of("main").allocated_resources.at("cpu") == "1");
  const auto asked = std::get<resize_container>(d.unanswered.back());
  d.state.on_resized(asked.index, d.container("main").id, asked.resources, true, {});
  d.settle();
  BOOST_TEST(d.status_of("main").allocated_resources.at("cpu") == "2");
  BOOST_TEST(d.status_of("main").resources->limits.at("cpu") == "2");
  BOOST_TEST(!condition(d.state.status(d.now), "PodResizeInProgress"));
  BOOST_TEST(d.count("start main") == 1);
}

BOOST_AUTO_TEST_CASE(restarts_a_container_that_wants_it) {
  auto d = started(sized("1", "RestartContainer"));
  d.update(sized("2", "RestartContainer"));
  BOOST_TEST(d.count("resize main") == 0);
  BOOST_TEST(d.count("start main") == 2);
  BOOST_TEST(d.status_of("main").allocated_resources.at("cpu") == "2");
}

BOOST_AUTO_TEST_CASE(waits_for_room_and_says_so) {
  auto d = started(sized("1"));
  d.update(sized("2"), resize_verdict::deferred);
  BOOST_TEST(d.count("resize main") == 0);
  auto status = d.state.status(d.now);
  const auto* pending = condition(status, "PodResizePending");
  BOOST_REQUIRE(pending);
  BOOST_TEST(pending->reason == "Deferred");
  BOOST_TEST(pending->message == "of the node");
  d.update(sized("2"));
  BOOST_TEST(d.count("resize main") == 1);
  status = d.state.status(d.now);
  BOOST_TEST(!condition(status, "PodResizePending"));
}

BOOST_AUTO_TEST_CASE(says_when_there_never_will_be_room) {
  auto d = started(sized("1"));
  d.update(sized("200"), resize_verdict::infeasible);
  const auto status = d.state.status(d.now);
  const auto* pending = condition(status, "PodResizePending");
  BOOST_REQUIRE(pending);
  BOOST_TEST(pending->reason == "Infeasible");
}

BOOST_AUTO_TEST_CASE(tells_what_the_runtime_refused) {
  auto d = started(sized("1"));
  d.held = {"resize"};
  d.update(sized("2"));
  const auto asked = std::get<resize_container>(d.unanswered.back());
  d.state.on_resized(asked.index, d.container("main").id, asked.resources, false, "no such cgroup");
  d.settle();
  BOOST_TEST(d.count("resize main") == 1);
  const auto status = d.state.status(d.now);
  const auto* progress = condition(status, "PodResizeInProgress");
  BOOST_REQUIRE(progress);
  BOOST_TEST(progress->reason == "Error");
  BOOST_TEST(progress->message == "no such cgroup");
}

BOOST_AUTO_TEST_CASE(gives_the_instance_after_it_what_the_pod_wants) {
  auto d = started(sized("1"));
  d.held = {"resize"};
  d.update(sized("2"));
  const auto asked = std::get<resize_container>(d.unanswered.back());
  const auto id = d.container("main").id;
  d.end("main", 1);
  d.advance(30s);
  BOOST_TEST(d.container("main").id != id);
  d.state.on_resized(asked.index, id, asked.resources, true, {});
  d.settle();
  BOOST_TEST(d.count("resize main") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
