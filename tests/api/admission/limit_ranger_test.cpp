#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct ranged : cluster {
  void range(const std::string& limits) {
    ok(create("limitranges", "default",
              R"({"metadata":{"name":"l"},"spec":{"limits":[)" + limits + "]}}"));
  }
  reply pod(const std::string& container, const std::string& more = {}) {
    return create("pods", "default",
                  R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i")" +
                      container + "}]" + more + "}}");
  }
  std::string refusal(const std::string& container, const std::string& more = {}) {
    auto r = pod(container, more);
    BOOST_TEST(http_code(r.failure.why) == 403);
    const std::string prefix = "pods \"p\" is forbidden: ";
    BOOST_TEST(r.failure.message.starts_with(prefix));
    return r.failure.message.substr(std::min(prefix.size(), r.failure.message.size()));
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(limit_ranger, ranged)

BOOST_AUTO_TEST_CASE(gives_containers_what_they_leave_out) {
  range(R"({"type":"Container","default":{"cpu":"1","memory":"1Gi"},
            "defaultRequest":{"cpu":"100m","memory":"64Mi"}})");
  auto o = ok(pod(R"(,"resources":{"requests":{"memory":"32Mi"}})")).object;
  BOOST_TEST(
      text_at(*o, {"metadata", "annotations", "kubernetes.io/limit-ranger"}) ==
      "LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c");
  auto doc = o->parse();
  BOOST_TEST(json::to_string(*json::find(doc["spec"]["containers"][0], "resources")) ==
             R"({"requests":{"memory":"32Mi","cpu":"100m"},"limits":{"cpu":"1","memory":"1Gi"}})");
  BOOST_TEST(text_at(*o, {"status", "qosClass"}) == "Burstable");
}

BOOST_AUTO_TEST_CASE(names_init_containers_as_such) {
  range(R"({"type":"Container","default":{"cpu":"1"},"defaultRequest":{"cpu":"1"}})");
  auto o = ok(pod("", R"(,"initContainers":[{"name":"d","image":"i"}])")).object;
  BOOST_TEST(text_at(*o, {"metadata", "annotations", "kubernetes.io/limit-ranger"}) ==
             "LimitRanger plugin set: cpu request for container c; cpu limit for container c; cpu "
             "request for init container d; cpu limit for init container d");
}

BOOST_AUTO_TEST_CASE(holds_containers_within_bounds) {
  range(R"({"type":"Container","min":{"cpu":"100m"},"max":{"memory":"1Gi"}})");
  BOOST_TEST(refusal(R"(,"resources":{"requests":{"cpu":"50m"},"limits":{"memory":"2Gi"}})") ==
             "[minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage "
             "per Container is 1Gi, but limit is 2Gi]");
  // The minimum is what is requested where nothing else is said.
  ok(pod(R"(,"resources":{"limits":{"memory":"1Gi"}})"));
}

BOOST_AUTO_TEST_CASE(makes_a_bound_of_a_maximum_the_default) {
  // Defaults of a LimitRange itself: its maximum is the limit of who names none.
  range(R"({"type":"Container","max":{"cpu":"1"}})");
  auto o = ok(pod("")).object;
  auto doc = o->parse();
  BOOST_TEST(json::to_string(doc["spec"]["containers"][0]["resources"]) ==
             R"({"requests":{"cpu":"1"},"limits":{"cpu":"1"}})");
}

BOOST_AUTO_TEST_CASE(holds_the_ratio_of_limit_to_request) {
  range(R"({"type":"Container","maxLimitRequestRatio":{"cpu":"2"}})");
  BOOST_TEST(refusal(R"(,"resources":{"requests":{"cpu":"1"},"limits":{"cpu":"3"}})") ==
             "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000");
  BOOST_TEST(refusal("") == "cpu max limit to request ratio per Container is 2, but no request is "
                            "specified or request is 0");
  ok(pod(R"(,"resources":{"requests":{"cpu":"1"},"limits":{"cpu":"2"}})"));
}

BOOST_AUTO_TEST_CASE(holds_pods_as_a_whole) {
  range(R"({"type":"Pod","max":{"cpu":"2"}})");
  BOOST_TEST(refusal(R"(,"resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}})",
                     R"(,"initContainers":[{"name":"d","image":"i",
                          "resources":{"requests":{"cpu":"1"},"limits":{"cpu":"3"}}}])") ==
             "maximum cpu usage per Pod is 2, but limit is 3");
  BOOST_TEST(refusal("") == "maximum cpu usage per Pod is 2.  No limit is specified");
}

BOOST_AUTO_TEST_CASE(holds_claims) {
  range(R"({"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"2Gi"}})");
  auto claim = [&](const std::string& size) {
    return create("persistentvolumeclaims", "default",
                  R"({"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],
                      "resources":{"requests":{"storage":")" +
                      size + R"("}}}})");
  };
  BOOST_TEST(claim("512Mi").failure.message ==
             "persistentvolumeclaims \"v\" is forbidden: minimum storage usage per "
             "PersistentVolumeClaim is 1Gi, but request is 512Mi");
  BOOST_TEST(claim("3Gi").failure.message ==
             "persistentvolumeclaims \"v\" is forbidden: maximum storage usage per "
             "PersistentVolumeClaim is 2Gi, but request is 3Gi");
  ok(claim("2Gi"));
}

BOOST_AUTO_TEST_SUITE_END()
