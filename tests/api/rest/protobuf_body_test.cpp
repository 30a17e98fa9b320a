#include "api/rest/protobuf_body.hpp"

#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::rest::protobuf_to_json;

namespace {

/// A protobuf message under construction.
struct message {
  std::string bytes;

  void varint(uint64_t n) {
    for (; n >= 0x80; n >>= 7)
      bytes += static_cast<char>(n | 0x80);
    bytes += static_cast<char>(n);
  }
  message& text(unsigned field, std::string_view s) {
    varint(field << 3 | 2);
    varint(s.size());
    bytes += s;
    return *this;
  }
  message& add(unsigned field, const message& m) { return text(field, m.bytes); }
  message& number(unsigned field, int64_t n) {
    varint(field << 3);
    varint(static_cast<uint64_t>(n));
    return *this;
  }
};

message entry(std::string_view key, const message& value) {
  return message{}.text(1, key).add(2, value);
}

std::string body(std::string_view api_version, std::string_view kind, const message& raw) {
  return std::string("k8s\0", 4) +
         message{}.add(1, message{}.text(1, api_version).text(2, kind)).add(2, raw).bytes;
}

json::document decode(std::string_view api_version, std::string_view kind, const message& raw) {
  auto text = protobuf_to_json(schema::registry::builtin(), body(api_version, kind, raw));
  BOOST_REQUIRE_MESSAGE(text, text.error().message);
  auto doc = json::parse(*text);
  BOOST_REQUIRE(doc);
  return std::move(*doc);
}

} // namespace

BOOST_AUTO_TEST_SUITE(protobuf_body)

// Kubernetes' own conformance test of Leases renews them in the year 1.
BOOST_AUTO_TEST_CASE(reads_times_of_any_year) {
  constexpr int64_t year_1 = -62135596800;
  const auto lease = [](int64_t seconds, int64_t nanos) {
    // Lease: spec 2; LeaseSpec: renewTime 4.
    return message{}.add(2, message{}.add(4, message{}.number(1, seconds).number(2, nanos)));
  };
  const auto renewed = [&](int64_t seconds, int64_t nanos) {
    auto doc = decode("coordination.k8s.io/v1", "Lease", lease(seconds, nanos));
    return std::string{doc["spec"]["renewTime"].GetString()};
  };
  BOOST_TEST(renewed(year_1 + 2, 5000) == "0001-01-01T00:00:02.000005Z");
  BOOST_TEST(renewed(253402300799, 999'999'999) == "9999-12-31T23:59:59.999999Z");
  for (const auto& [seconds, nanos] : {std::pair<int64_t, int64_t>{253402300800, 0},
                                       {std::numeric_limits<int64_t>::min(), 0},
                                       {std::numeric_limits<int64_t>::max(), 0},
                                       {0, -1},
                                       {0, 1'000'000'000}})
    BOOST_TEST(!protobuf_to_json(schema::registry::builtin(),
                                 body("coordination.k8s.io/v1", "Lease", lease(seconds, nanos))));
}

BOOST_AUTO_TEST_CASE(reads_what_json_writes_otherwise) {
  // Container: name 1, image 2, ports 6, resources 8, livenessProbe 10, stdin 16.
  auto quantity = message{}.text(1, "100m");
  auto resources = message{}.add(2, entry("cpu", quantity));
  auto http_get = message{}.text(1, "/ok").add(2, message{}.number(1, 1).text(3, "web"));
  auto probe = message{}.add(1, message{}.add(2, http_get)).number(2, 0).number(4, 7);
  auto port = message{}.text(1, "web").number(2, 0).number(3, 8080);
  auto container = message{}
                       .text(1, "c")
                       .text(2, "image")
                       .text(5, "")
                       .add(6, port)
                       .add(8, resources)
                       .add(10, probe)
                       .number(16, 0);
  // PodSpec: containers 2, terminationGracePeriodSeconds 4, hostNetwork 11, tolerations 22.
  auto spec = message{}
                  .add(2, container)
                  .number(4, 0)
                  .number(11, 0)
                  .number(21, 0)
                  .add(22, message{}.text(1, "k").number(5, -3));
  auto metadata = message{}
                      .text(1, "p")
                      .text(2, "")
                      .add(8, message{}.number(1, 1767225600))
                      .add(11, message{}.text(1, "app").text(2, "web"));
  auto doc = decode("v1", "Pod", message{}.add(1, metadata).add(2, spec));
  BOOST_TEST(json::to_string(doc) ==
             R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p",)"
             R"("creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"web"}},)"
             R"("spec":{"containers":[{"name":"c","image":"image","ports":[{"name":"web",)"
             R"("containerPort":8080}],"resources":{"requests":{"cpu":"100m"}},"livenessProbe":{)"
             R"("httpGet":{"path":"/ok","port":"web"},"periodSeconds":7}}],)"
             R"("terminationGracePeriodSeconds":0,"automountServiceAccountToken":false,)"
             R"("tolerations":[{"key":"k","tolerationSeconds":-3}]}})");
}

BOOST_AUTO_TEST_CASE(keeps_a_zero_that_was_set) {
  auto doc = decode("apps/v1", "Deployment", message{}.add(2, message{}.number(1, 0)));
  BOOST_TEST(json::to_string(*json::find(doc, "spec")) == R"({"replicas":0})");
}

BOOST_AUTO_TEST_CASE(encodes_bytes_and_skips_what_it_does_not_know) {
  auto doc = decode("v1", "Secret",
                    message{}.add(2, message{}.text(1, "a").text(2, "\x01\x02")).text(99, "new"));
  BOOST_TEST(json::to_string(*json::find(doc, "data")) == R"({"a":"AQI="})");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_malformed) {
  const auto& schemas = schema::registry::builtin();
  auto good = body("v1", "ConfigMap", message{}.add(1, message{}.text(1, "name")));
  BOOST_TEST(protobuf_to_json(schemas, good).has_value());
  for (size_t n = 0; n < good.size(); ++n) {
    // A cut never crashes; where a field ends it may be a shorter message.
    auto r = protobuf_to_json(schemas, good.substr(0, n));
    if (!r)
      BOOST_TEST((r.error().why == reason::bad_request));
  }
  BOOST_TEST(!protobuf_to_json(schemas, body("v1", "Nonsense", {})).has_value());
  BOOST_TEST(!protobuf_to_json(schemas, body("v1", "ConfigMap", message{}.text(1, "\x0a\x7f")))
                  .has_value());
  BOOST_TEST(!protobuf_to_json(
                  schemas, body("v1", "ConfigMap", message{}.add(1, message{}.text(1, "\xff\xfe"))))
                  .has_value());
}

BOOST_AUTO_TEST_CASE(bounds_the_depth) {
  // What managedFields hold is JSON, and deep.
  auto raw = message{}.text(1, std::string(2000, '['));
  auto managed = message{}.add(7, raw);
  auto doc = body("v1", "ConfigMap", message{}.add(1, message{}.add(17, managed)));
  BOOST_TEST(!protobuf_to_json(schema::registry::builtin(), doc).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
