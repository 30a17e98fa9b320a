// Bodies in which one value is not what it should be: whatever it is, the pipeline answers.
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace thespis::api;
using thespis::api::testing::cluster;

namespace {

struct sample {
  const char* resource;
  const char* body;
};

const sample samples[] = {
    {"pods", R"({"metadata":{"name":"x","labels":{"a":"b"},"finalizers":["example.com/f"],
      "ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u","controller":true}]},
      "spec":{"nodeName":"n","hostNetwork":true,"terminationGracePeriodSeconds":3,
      "tolerations":[{"key":"k","operator":"Exists","effect":"NoExecute","tolerationSeconds":1}],
      "volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"m"}}]}},
        {"name":"w","downwardAPI":{"items":[{"path":"p","fieldRef":{"fieldPath":"metadata.labels['a']"}}]}}],
      "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":
        [{"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]}]}}},
      "containers":[{"name":"c","image":"i","ports":[{"containerPort":80,"hostPort":80}],
        "env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}],
        "resources":{"limits":{"cpu":"1"},"requests":{"cpu":"500m"}},
        "livenessProbe":{"httpGet":{"path":"/","port":80}},
        "volumeMounts":[{"name":"v","mountPath":"/v"}],
        "securityContext":{"capabilities":{"add":["NET_ADMIN"]},"seccompProfile":{"type":"Unconfined"}}}]}})"},
    {"services", R"({"metadata":{"name":"x"},"spec":{"type":"NodePort","clusterIP":"10.43.1.1",
      "clusterIPs":["10.43.1.1"],"ipFamilies":["IPv4"],"sessionAffinity":"ClientIP",
      "sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10}},"selector":{"a":"b"},
      "ports":[{"name":"p","port":80,"targetPort":"http","nodePort":30001,"protocol":"TCP"}]}})"},
    {"deployments.apps", R"({"metadata":{"name":"x"},"spec":{"replicas":1,
      "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},
      "selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"},
    {"replicationcontrollers", R"({"metadata":{"name":"x"},"spec":{"selector":{"a":"b"},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"},
    {"namespaces", R"({"metadata":{"name":"x"},"spec":{"finalizers":["kubernetes"]}})"},
    {"nodes",
     R"({"metadata":{"name":"x"},"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"],
      "taints":[{"key":"k","effect":"NoSchedule"}]},"status":{"capacity":{"cpu":"1"}}})"},
    {"secrets",
     R"({"metadata":{"name":"x"},"type":"Opaque","data":{"a":"MQ=="},"stringData":{"b":"2"}})"},
    {"configmaps", R"({"metadata":{"name":"x","annotations":{"a":"b"}},"data":{"a":"1"},
      "binaryData":{"b":"MQ=="},"immutable":false})"},
    {"endpoints", R"({"metadata":{"name":"x"},"subsets":[{"addresses":[{"ip":"10.0.0.1"}],
      "ports":[{"name":"p","port":80}]}]})"},
    {"endpointslices.discovery.k8s.io", R"({"metadata":{"name":"x"},"addressType":"IPv4",
      "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true}}],"ports":[{"port":80}]})"},
    {"events", R"({"metadata":{"name":"x"},"involvedObject":{"kind":"Pod","namespace":"default",
      "name":"p"},"count":1,"lastTimestamp":"2030-01-01T00:00:00Z"})"},
    {"leases.coordination.k8s.io", R"({"metadata":{"name":"x"},"spec":{"holderIdentity":"h",
      "leaseDurationSeconds":40,"renewTime":"2030-01-01T00:00:00.000000Z"}})"},
};

const char* const oddities[] = {"null", "-7",     "\"\\u0000 x\"", "[]",
                                "{}",   "[null]", R"({"a":[7]})"};

/// Calls `visit` once for every value of the document and every oddity put in its place.
void mutate(json::document& doc, json::value& v, const std::function<void()>& visit) {
  json::value kept;
  for (const auto* odd : oddities) {
    auto replacement = json::parse(odd);
    BOOST_REQUIRE(replacement);
    kept.Swap(v);
    v.CopyFrom(*replacement, doc.GetAllocator());
    visit();
    kept.Swap(v);
  }
  if (v.IsObject())
    for (auto& m : v.GetObject())
      mutate(doc, m.value, visit);
  else if (v.IsArray())
    for (auto& e : v.GetArray())
      mutate(doc, e, visit);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(hostile_bodies, cluster)

BOOST_AUTO_TEST_CASE(are_answered_on_create_update_and_patch) {
  size_t answered = 0;
  for (const auto& s : samples) {
    auto ns =
        std::string_view(s.resource) == "namespaces" || std::string_view(s.resource) == "nodes"
            ? ""
            : "default";
    ok(create(s.resource, ns, s.body));
    auto fresh = json::parse(s.body);
    BOOST_REQUIRE(fresh);
    mutate(*fresh, *fresh, [&] {
      auto body = json::to_string(*fresh);
      auto dry = make(verb::create, s.resource, ns, "", body, "");
      dry.dry_run = true;
      prepare(dry);
      dry.verb = verb::update;
      dry.name = "x";
      prepare(dry);
      dry.verb = verb::patch;
      dry.patch = patch_kind::strategic_merge;
      prepare(dry);
      ++answered;
    });
    cluster::remove(s.resource, ns, "x");
  }
  BOOST_TEST(answered > 1000u);
}

BOOST_AUTO_TEST_CASE(that_are_no_objects_are_bad_requests) {
  for (const auto* body : {"", "7", "[]", "{", "\"x\"", "null", "\xff", "{\"a\":1,}"})
    for (const auto* resource : {"pods", "configmaps"}) {
      auto r = create(resource, "default", body);
      BOOST_TEST(http_code(r.failure.why) == 400, body);
    }
  BOOST_TEST(http_code(remove("namespaces", "", "default", "[]").failure.why) == 400);
  std::string deep(1000, '[');
  BOOST_TEST(http_code(create("pods", "default", deep).failure.why) == 400);
  std::string large =
      R"({"metadata":{"name":"a"},"data":{"a":")" + std::string(4 << 20, 'x') + "\"}}";
  BOOST_TEST(http_code(create("configmaps", "default", large).failure.why) == 413);
}

// Each of these takes minutes, and so fails by its time-out, when a step compares everything with
// everything.
BOOST_AUTO_TEST_CASE(that_repeat_one_thing_without_end_are_answered_in_time) {
  auto repeated = [](const std::string& item) {
    std::string list = item;
    while (list.size() < 1'450'000)
      list += "," + item;
    return list;
  };
  auto containers = create("pods", "default",
                           R"({"metadata":{"name":"p"},"spec":{"containers":[)" +
                               repeated(R"({"name":""})") + "]}}");
  BOOST_TEST(containers.failure.causes.size() > 25'000u);
  auto numbered = [](size_t size, const std::string& value) {
    std::string members;
    for (int i = 0; members.size() < size; ++i)
      members += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":" + value;
    return members;
  };
  auto secret = create("secrets", "default",
                       R"({"metadata":{"name":"s"},"data":{)" + numbered(700'000, "\"\"") +
                           R"(},"stringData":{)" + numbered(700'000, "\"\"") + "}}");
  BOOST_TEST(secret.ok);
  auto map = create("configmaps", "default",
                    R"({"metadata":{"name":"m"},"data":{)" + numbered(700'000, "\"\"") +
                        R"(},"binaryData":{)" + numbered(700'000, "\"\"") + "}}");
  BOOST_TEST(map.failure.causes.size() > 25'000u);
  auto amounts = R"({"limits":{)" + numbered(700'000, "\"1\"") + R"(},"requests":{)" +
                 numbered(700'000, "\"1\"") + "}}";
  auto pod = create("pods", "default",
                    R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i",
                        "resources":)" +
                        amounts + "}]}}");
  BOOST_TEST(pod.failure.causes.size() > 25'000u);
  auto ports = create("services", "default",
                      R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","ports":[)" +
                          repeated(R"({"port":1})") + "]}}");
  BOOST_TEST(!ports.ok);
}

BOOST_AUTO_TEST_SUITE_END()
