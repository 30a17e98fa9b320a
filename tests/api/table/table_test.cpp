#include "api/table/cells.hpp"
#include "api/table/table.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::table;

namespace {

const timestamp now = *parse_time("2026-01-01T12:00:00Z");

row cells(std::string_view resource, std::string_view text) {
  auto doc = json::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, text);
  const auto* p = find_printer(resource);
  BOOST_REQUIRE(p);
  auto r = p->cells(*doc, now);
  BOOST_TEST(r.size() == p->columns.size());
  return r;
}

std::string text(const cell& c) {
  if (const auto* n = std::get_if<int64_t>(&c))
    return std::to_string(*n);
  const auto* s = std::get_if<std::string>(&c);
  return s ? *s : "?";
}

/// Ready, status and restarts of a pod with this status.
std::string pod(std::string_view status, std::string_view spec = R"("containers":[{"name":"a"}])",
                std::string_view metadata = "") {
  auto r = cells("pods", "{\"metadata\":{\"name\":\"p\"" + std::string(metadata) + "},\"spec\":{" +
                             std::string(spec) + "},\"status\":{" + std::string(status) + "}}");
  return text(r[1]) + " " + text(r[2]) + " " + text(r[3]);
}

} // namespace

BOOST_AUTO_TEST_SUITE(tables)

BOOST_AUTO_TEST_CASE(pods_say_how_they_are) {
  BOOST_TEST(pod(R"("phase":"Pending")") == "0/1 Pending 0");
  BOOST_TEST(pod(R"("phase":"Running","containerStatuses":[{"name":"a","ready":true,
    "restartCount":0,"state":{"running":{}}}])") == "1/1 Running 0");
  BOOST_TEST(pod(R"("phase":"Pending","containerStatuses":[{"name":"a","ready":false,
    "state":{"waiting":{"reason":"ImagePullBackOff"}}}])") == "0/1 ImagePullBackOff 0");
  BOOST_TEST(pod(R"("phase":"Failed","reason":"Evicted")") == "0/1 Evicted 0");
  BOOST_TEST(pod(R"("phase":"Succeeded","containerStatuses":[{"name":"a",
    "state":{"terminated":{"exitCode":0,"reason":"Completed"}}}])") == "0/1 Completed 0");
  BOOST_TEST(pod(R"("phase":"Failed","containerStatuses":[{"name":"a",
    "state":{"terminated":{"exitCode":3}}}])") == "0/1 ExitCode:3 0");
  BOOST_TEST(pod(R"("phase":"Failed","containerStatuses":[{"name":"a",
    "state":{"terminated":{"exitCode":137,"signal":9}}}])") == "0/1 Signal:9 0");
}

BOOST_AUTO_TEST_CASE(pods_tell_restarts_and_the_last) {
  BOOST_TEST(pod(R"("phase":"Running","containerStatuses":[{"name":"a","ready":false,
    "restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
    "lastState":{"terminated":{"exitCode":1,"finishedAt":"2026-01-01T11:55:00Z"}}}])") ==
             "0/1 CrashLoopBackOff 2 (5m ago)");
}

BOOST_AUTO_TEST_CASE(pods_that_end_are_terminating_unless_they_have_ended) {
  constexpr std::string_view spec = R"("containers":[{"name":"a"}])";
  constexpr std::string_view deleted = R"(,"deletionTimestamp":"2026-01-01T11:00:00Z")";
  BOOST_TEST(pod(R"("phase":"Running")", spec, deleted) == "0/1 Terminating 0");
  BOOST_TEST(pod(R"("phase":"Succeeded")", spec, deleted) == "0/1 Succeeded 0");
  BOOST_TEST(pod(R"("phase":"Running","reason":"NodeLost")", spec, deleted) == "0/1 Unknown 0");
}

BOOST_AUTO_TEST_CASE(pods_count_their_init_containers) {
  constexpr std::string_view spec =
      R"("initContainers":[{"name":"i"},{"name":"j"}],"containers":[{"name":"a"}])";
  BOOST_TEST(pod(R"("phase":"Pending","initContainerStatuses":[
    {"name":"i","state":{"terminated":{"exitCode":0}}},{"name":"j","state":{"running":{}}}])",
                 spec) == "0/1 Init:1/2 0");
  BOOST_TEST(pod(R"("phase":"Pending","initContainerStatuses":[
    {"name":"i","state":{"terminated":{"exitCode":1,"reason":"Error"}}}])",
                 spec) == "0/1 Init:Error 0");
  BOOST_TEST(pod(R"("phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":4,
    "state":{"waiting":{"reason":"CrashLoopBackOff"}}}])",
                 spec) == "0/1 Init:CrashLoopBackOff 4");
  BOOST_TEST(pod(R"("phase":"Pending","initContainerStatuses":[{"name":"i","state":{"waiting":
    {"reason":"PodInitializing"}}}])",
                 spec) == "0/1 Init:0/2 0");
}

BOOST_AUTO_TEST_CASE(sidecars_count_as_containers) {
  BOOST_TEST(pod(R"("phase":"Running","initContainerStatuses":[{"name":"s","started":true,
    "ready":true,"restartCount":1,"state":{"running":{}}}],"containerStatuses":[{"name":"a",
    "ready":true,"restartCount":0,"state":{"running":{}}}])",
                 R"("initContainers":[{"name":"s","restartPolicy":"Always"}],
                    "containers":[{"name":"a"}])") == "2/2 Running 1");
}

BOOST_AUTO_TEST_CASE(services_show_addresses_and_ports) {
  auto r = cells("services", R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","clusterIP":
    "10.0.0.1","clusterIPs":["10.0.0.1"],"ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},
    {"port":53,"protocol":"UDP"}],"selector":{"b":"2","a":"1"}}})");
  BOOST_TEST(text(r[1]) == "NodePort");
  BOOST_TEST(text(r[2]) == "10.0.0.1");
  BOOST_TEST(text(r[3]) == "<none>");
  BOOST_TEST(text(r[4]) == "80:30080/TCP,53/UDP");
  BOOST_TEST(text(r[6]) == "a=1,b=2");
  r = cells("services", R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer"}})");
  BOOST_TEST(text(r[3]) == "<pending>");
  r = cells("services",
            R"({"metadata":{"name":"s"},"spec":{"type":"ExternalName","externalName":"x.org"}})");
  BOOST_TEST(text(r[2]) == "<none>");
  BOOST_TEST(text(r[3]) == "x.org");
  BOOST_TEST(text(r[4]) == "<none>");
}

BOOST_AUTO_TEST_CASE(endpoints_show_three_and_count_the_rest) {
  auto r =
      cells("endpoints", R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"10.0.0.1"},
    {"ip":"10.0.0.2"},{"ip":"fd00::1"},{"ip":"10.0.0.4"},{"ip":"10.0.0.5"}],"ports":[{"port":80}]}]})");
  BOOST_TEST(text(r[1]) == "10.0.0.1:80,10.0.0.2:80,[fd00::1]:80 + 2 more...");
  BOOST_TEST(text(cells("endpoints", R"({"metadata":{"name":"e"}})")[1]) == "<none>");
  r = cells("endpointslices.discovery.k8s.io", R"({"metadata":{"name":"e"},"addressType":"IPv4",
    "ports":[{"port":80}],"endpoints":[{"addresses":["10.0.0.1"]}]})");
  BOOST_TEST(text(r[2]) == "80");
  BOOST_TEST(text(r[3]) == "10.0.0.1");
  r = cells("endpointslices.discovery.k8s.io", R"({"metadata":{"name":"e"}})");
  BOOST_TEST(text(r[2]) == "<unset>");
}

BOOST_AUTO_TEST_CASE(nodes_show_status_and_roles) {
  auto r = cells("nodes", R"({"metadata":{"name":"n","labels":{
    "node-role.kubernetes.io/worker":"","node-role.kubernetes.io/control-plane":""}},
    "spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],
    "addresses":[{"type":"InternalIP","address":"10.0.0.9"}],"nodeInfo":{"kubeletVersion":"v1"}}})");
  BOOST_TEST(text(r[1]) == "Ready,SchedulingDisabled");
  BOOST_TEST(text(r[2]) == "control-plane,worker");
  BOOST_TEST(text(r[4]) == "v1");
  BOOST_TEST(text(r[5]) == "10.0.0.9");
  BOOST_TEST(text(r[6]) == "<none>");
  BOOST_TEST(text(r[7]) == "<unknown>");
  BOOST_TEST(text(cells("nodes", R"({"metadata":{"name":"n"}})")[1]) == "Unknown");
}

BOOST_AUTO_TEST_CASE(events_tell_when_and_about_what) {
  auto r = cells("events", R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p"},
    "reason":"Failed","type":"Warning","message":" no \n","firstTimestamp":"2026-01-01T11:00:00Z",
    "lastTimestamp":"2026-01-01T11:59:30Z","count":7,"source":{"component":"c","host":"h"}})");
  BOOST_TEST(text(r[0]) == "30s");
  BOOST_TEST(text(r[3]) == "pod/p");
  BOOST_TEST(text(r[5]) == "c, h");
  BOOST_TEST(text(r[6]) == "no");
  BOOST_TEST(text(r[7]) == "60m");
  BOOST_TEST(text(r[8]) == "7");
  r = cells("events", R"({"metadata":{"name":"e"},"eventTime":"2026-01-01T11:59:00.000000Z"})");
  BOOST_TEST(text(r[0]) == "60s");
  BOOST_TEST(text(r[8]) == "1");
}

BOOST_AUTO_TEST_CASE(workloads_show_counts_and_selectors) {
  auto r = cells("deployments.apps", R"({"metadata":{"name":"d"},"spec":{"replicas":3,"selector":{
    "matchLabels":{"app":"web"},"matchExpressions":[{"key":"a","operator":"In","values":["y","x"]},
    {"key":"z","operator":"DoesNotExist"}]},"template":{"spec":{"containers":[{"name":"a","image":"i"},
    {"name":"b","image":"j"}]}}},"status":{"readyReplicas":2,"updatedReplicas":1}})");
  BOOST_TEST(text(r[1]) == "2/3");
  BOOST_TEST(text(r[2]) == "1");
  BOOST_TEST(text(r[3]) == "0");
  BOOST_TEST(text(r[5]) == "a,b");
  BOOST_TEST(text(r[6]) == "i,j");
  BOOST_TEST(text(r[7]) == "a in (x,y),app=web,!z");
}

BOOST_AUTO_TEST_CASE(other_kinds_show_the_columns_of_their_schema) {
  schema::resource r;
  r.group = "example.org";
  r.version = "v1";
  r.plural = "things";
  schema::column color;
  color.name = "Ready";
  color.type = "string";
  color.source = ".status.conditions[?(@.type==\"Ready\")].status";
  r.columns = {color};
  auto o = load_object("things.example.org", R"({"metadata":{"name":"t","resourceVersion":"5"},
    "status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}})");
  BOOST_REQUIRE(o);
  options opts;
  opts.now = now;
  auto doc = json::parse(render(r, {*o}, {5, {}, 0}, opts));
  BOOST_REQUIRE(doc);
  const auto& cells = (*json::find(*doc, "rows"))[0];
  BOOST_TEST(json::as_string((*json::find(cells, "cells"))[0]) == "t");
  BOOST_TEST(json::as_string((*json::find(cells, "cells"))[1]) == "True");
  BOOST_TEST(json::as_string(*json::at(*doc, {"metadata", "resourceVersion"})) == "5");
}

BOOST_AUTO_TEST_CASE(paths_that_lead_nowhere_are_null) {
  auto doc = json::parse(R"({"a":[1,{"b":true}],"n":{"x-y":2.5}})");
  BOOST_REQUIRE(doc);
  auto at = [&](std::string source) {
    schema::column c;
    c.type = "string";
    c.source = std::move(source);
    return evaluate(c, *doc, now);
  };
  BOOST_TEST((at(".a[0]") == cell{int64_t{1}}));
  BOOST_TEST((at(".a[1].b") == cell{true}));
  BOOST_TEST((at(".n['x-y']") == cell{2.5}));
  for (std::string_view nowhere : {"", "a", ".b", ".a[7]", ".a[", ".a[?(@.x==\"y\")]", ".a.b.c"})
    BOOST_TEST((at(std::string(nowhere)) == cell{}), nowhere);
}

BOOST_AUTO_TEST_SUITE_END()
