#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_pod.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(structs)

namespace {

const char* pod_text = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{"x":"1"},
 "ownerReferences":[{"apiVersion":"v1","kind":"ReplicaSet","name":"r","uid":"u"}]},
 "spec":{"volumes":[{"name":"tmp","emptyDir":{}}],
 "containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],
 "livenessProbe":{"httpGet":{"port":"web"}},"resources":{"limits":{"cpu":"1"}}}],
 "terminationGracePeriodSeconds":30,"hostNetwork":false}})";

} // namespace

BOOST_AUTO_TEST_CASE(a_pod_survives_the_round_trip) {
  auto doc = json::parse(pod_text);
  BOOST_REQUIRE(doc);
  const auto pod = v1::from_json<v1::pod>(*doc);
  BOOST_TEST(pod.metadata.name == "a");
  BOOST_TEST(pod.metadata.labels.at("x") == "1");
  BOOST_REQUIRE(pod.spec.containers.size() == 1);
  const auto& c = pod.spec.containers[0];
  BOOST_TEST(c.ports.at(0).container_port == 80);
  BOOST_REQUIRE(c.liveness_probe);
  BOOST_TEST(c.liveness_probe->http_get->port.as_string() == "web");
  BOOST_TEST(!c.readiness_probe);
  BOOST_TEST(*pod.spec.termination_grace_period_seconds == 30);
  BOOST_TEST(pod.spec.volumes.at(0).empty_dir.has_value());

  json::document out;
  const auto back = v1::to_json(pod, out.GetAllocator());
  BOOST_TEST(json::to_string(back).find(R"("emptyDir":{})") != std::string::npos);
  BOOST_TEST((v1::from_json<v1::pod>(back) == pod));
  BOOST_TEST(json::get_string(back, "kind") == "Pod");
  BOOST_TEST(!json::find(back, "status"));
}

BOOST_AUTO_TEST_CASE(values_of_a_wrong_type_are_left_at_their_default) {
  auto doc = json::parse(R"({"metadata":7,"spec":{"replicas":"three","selector":[],"paused":null,
    "template":{"spec":{"containers":[1,{"name":3}]}}},"status":"x"})");
  BOOST_REQUIRE(doc);
  const auto d = v1::from_json<v1::deployment>(*doc);
  BOOST_TEST(!d.spec.replicas);
  BOOST_TEST(!d.spec.paused);
  BOOST_TEST(d.spec.template_.spec.containers.size() == 2);
  BOOST_TEST(d.spec.template_.spec.containers[1].name.empty());
}

BOOST_AUTO_TEST_CASE(copies_are_deep_and_compare_by_value) {
  v1::pod a;
  a.spec.security_context.emplace().run_as_user = 5;
  auto b = a;
  BOOST_TEST((a == b));
  b.spec.security_context->run_as_user = 6;
  BOOST_TEST((a != b));
  BOOST_TEST(*a.spec.security_context->run_as_user == 5);
}

BOOST_AUTO_TEST_CASE(required_members_are_written_even_when_empty) {
  json::document out;
  const auto v = v1::to_json(v1::pod{}, out.GetAllocator());
  BOOST_TEST(json::to_string(v) == R"({"apiVersion":"v1","kind":"Pod","spec":{"containers":[]}})");
  const auto d = v1::to_json(v1::pod_spec{}, out.GetAllocator());
  BOOST_TEST(json::to_string(d) == R"({"containers":[]})");
}

BOOST_AUTO_TEST_SUITE_END()
