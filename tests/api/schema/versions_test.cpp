// Built-in kinds of several versions.
#include "api/schema/conversion.hpp"
#include "api/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::schema;

namespace {

json::document convert(std::string_view resource, std::string_view text, const std::string& to) {
  auto doc = json::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, text);
  const auto* c = find_builtin_conversion(resource);
  BOOST_REQUIRE(c);
  BOOST_REQUIRE(c->convert(*doc, to).has_value());
  return std::move(*doc);
}

std::string at(const json::value& doc, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(doc, path);
  return !v ? "" : v->IsString() ? std::string(json::as_string(*v)) : json::to_string(*v);
}

/// There and back, nothing is lost.
void round_trip(std::string_view resource, std::string_view text, const std::string& from,
                const std::string& to) {
  const auto there = convert(resource, text, to);
  BOOST_TEST(at(there, {"apiVersion"}) == to);
  const auto back = convert(resource, json::to_string(there), from);
  const auto before = json::parse(text);
  BOOST_TEST(json::equal(back, *before), json::to_string(back)
                                             << " differs from " << json::to_string(*before));
}

constexpr std::string_view autoscalers = "horizontalpodautoscalers.autoscaling";

constexpr std::string_view autoscaler = R"({"kind":"HorizontalPodAutoscaler",
  "apiVersion":"autoscaling/v2","metadata":{"name":"h"},"spec":{
  "scaleTargetRef":{"kind":"Deployment","name":"d"},"minReplicas":1,"maxReplicas":5,
  "metrics":[
    {"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},
    {"type":"Pods","pods":{"metric":{"name":"q","selector":{"matchLabels":{"a":"b"}}},
      "target":{"type":"AverageValue","averageValue":"10"}}},
    {"type":"Object","object":{"describedObject":{"kind":"Service","name":"s"},
      "metric":{"name":"r"},"target":{"type":"Value","value":"7"}}},
    {"type":"External","external":{"metric":{"name":"z","selector":{"matchLabels":{"c":"d"}}},
      "target":{"type":"Value","value":"3"}}},
    {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}}],
  "behavior":{"scaleDown":{"stabilizationWindowSeconds":60}}},
  "status":{"currentReplicas":2,"desiredReplicas":3,
    "conditions":[{"type":"AbleToScale","status":"True"}],
    "currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":55}}}]}})";

} // namespace

BOOST_AUTO_TEST_SUITE(versions)

BOOST_AUTO_TEST_CASE(an_autoscaler_of_v1_has_cpu_in_a_field_and_the_rest_in_annotations) {
  const auto v1 = convert(autoscalers, autoscaler, "autoscaling/v1");
  BOOST_TEST(at(v1, {"spec", "targetCPUUtilizationPercentage"}) == "70");
  BOOST_TEST(at(v1, {"spec", "metrics"}) == "");
  BOOST_TEST(at(v1, {"status", "currentCPUUtilizationPercentage"}) == "55");
  const auto notes = [&](const char* key) {
    const auto name = "autoscaling.alpha.kubernetes.io/" + std::string{key};
    return at(v1, {"metadata", "annotations", name});
  };
  BOOST_TEST(notes("behavior") == R"({"scaleDown":{"stabilizationWindowSeconds":60}})");
  BOOST_TEST(notes("conditions") == R"([{"type":"AbleToScale","status":"True"}])");
  BOOST_TEST(
      notes("metrics").find(
          R"({"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}})") !=
      std::string::npos);
  BOOST_TEST(notes("metrics").find(R"("metricName":"q")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_autoscaler_loses_nothing_on_its_way) {
  round_trip(autoscalers, autoscaler, "autoscaling/v2", "autoscaling/v1");
}

BOOST_AUTO_TEST_CASE(an_autoscaler_of_v1_without_a_target_looks_at_cpu) {
  const auto v2 = convert(autoscalers,
                          R"({"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler",
    "metadata":{"name":"h"},"spec":{"maxReplicas":2}})",
                          "autoscaling/v2");
  BOOST_TEST(at(v2, {"spec", "metrics"}) ==
             R"([{"type":"Resource","resource":{"name":"cpu","target":)"
             R"({"type":"Utilization","averageUtilization":80}}}])");
}

BOOST_AUTO_TEST_CASE(annotations_that_are_no_json_are_dropped_not_trusted) {
  const auto v2 = convert(autoscalers,
                          R"({"apiVersion":"autoscaling/v1","metadata":{"name":"h","annotations":{
    "autoscaling.alpha.kubernetes.io/metrics":"[1,\"a\"",
    "autoscaling.alpha.kubernetes.io/behavior":"[]"}},
    "spec":{"maxReplicas":2,"targetCPUUtilizationPercentage":50}})",
                          "autoscaling/v2");
  BOOST_TEST(at(v2, {"spec", "behavior"}) == "");
  BOOST_TEST(at(v2, {"spec", "metrics"}).find("50") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(events_have_two_faces) {
  constexpr std::string_view event = R"({"kind":"Event","apiVersion":"v1",
    "metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"R",
    "message":"m","source":{"component":"c"},"count":3,"type":"Normal",
    "firstTimestamp":"2026-01-01T00:00:00Z","reportingComponent":"c"})";
  const auto newer = convert("events.events.k8s.io", event, "events.k8s.io/v1");
  BOOST_TEST(at(newer, {"regarding", "name"}) == "p");
  BOOST_TEST(at(newer, {"note"}) == "m");
  BOOST_TEST(at(newer, {"deprecatedCount"}) == "3");
  BOOST_TEST(at(newer, {"reportingController"}) == "c");
  round_trip("events.events.k8s.io", event, "v1", "events.k8s.io/v1");
}

BOOST_AUTO_TEST_CASE(device_claims_and_slices_convert_to_v1beta1_and_back) {
  round_trip("resourceclaims.resource.k8s.io",
             R"({"apiVersion":"resource.k8s.io/v1","metadata":{"name":"c"},"spec":{"devices":{
    "requests":[{"name":"r","exactly":{"deviceClassName":"d","allocationMode":"ExactCount","count":2}},
                {"name":"s","firstAvailable":[{"name":"a","deviceClassName":"d"}]}]}}})",
             "resource.k8s.io/v1", "resource.k8s.io/v1beta1");
  round_trip("resourceslices.resource.k8s.io",
             R"({"apiVersion":"resource.k8s.io/v1","metadata":{"name":"s"},"spec":{"driver":"d",
    "devices":[{"name":"a","attributes":{"m":{"string":"x"}}}]}})",
             "resource.k8s.io/v1", "resource.k8s.io/v1beta1");
}

BOOST_AUTO_TEST_CASE(every_further_version_is_of_a_resource_that_converts) {
  const auto& all = registry::builtin();
  for (const auto& r : all.resources()) {
    const auto stored = all.find_group_resource(r->group_resource());
    if (stored && stored->api_version() != r->api_version())
      BOOST_TEST((r->versions && r->versions->convert), r->api_version() << " " << r->plural);
  }
}

BOOST_AUTO_TEST_SUITE_END()
