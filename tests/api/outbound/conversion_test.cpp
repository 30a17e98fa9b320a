#include "api/outbound/conversion_webhook.hpp"
#include "api/outbound/service_target.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

namespace thespis::api::outbound {

namespace {

/// Answers as a test says, and keeps the question.
class scripted_client final : public client {
public:
  result<answer> send(const request& r) override {
    asked = r;
    if (!reply)
      return fail(bad_request("Post \"" + r.url + "\": connection refused"));
    const auto question = json::parse(r.body);
    const auto uid = std::string(json::get_string(*json::find(*question, "request"), "uid"));
    auto text = *reply;
    if (const auto at = text.find("UID"); at != text.npos)
      text.replace(at, 3, uid);
    return answer{200, "application/json", text};
  }

  request asked;
  std::optional<std::string> reply;
};

class fixed_state final : public reader {
public:
  object_ptr get(std::string_view resource, std::string_view,
                 std::string_view name) const override {
    const auto i = objects.find(std::string(resource) + "/" + std::string(name));
    return i == objects.end() ? nullptr : i->second;
  }
  listing list(std::string_view resource, std::string_view) const override {
    listing l;
    for (const auto& [key, o] : objects)
      if (o->resource() == resource)
        l.objects.push_back(o);
    return l;
  }
  uint64_t revision() const override { return 1; }
  void put(std::string_view resource, std::string_view text) {
    auto doc = yaml::parse(text);
    auto o = load_object(resource, json::to_string(*doc));
    objects[std::string(resource) + "/" + (*o)->name()] = *o;
  }

  std::map<std::string, object_ptr> objects;
};

constexpr std::string_view object_text =
    R"({"kind":"Tab","apiVersion":"example.com/v1","metadata":{"name":"a","namespace":"shop","uid":"u",)"
    R"("resourceVersion":"5","labels":{"x":"y"}},"spec":{"old":1}})";

struct fixture {
  fixture() {
    const auto conversion = yaml::parse(
        "{strategy: Webhook, webhook: {clientConfig: {service: {namespace: shop, name: hook, path: "
        "/convert}}, conversionReviewVersions: [v2, v1]}}");
    convert = conversion_webhooks({http, state, [] { return "uid-1"; }})(*conversion, "tabs");
    state->put("services", "{metadata: {name: hook, namespace: shop, resourceVersion: '1'}, spec: "
                           "{ports: [{name: https, port: 443}]}}");
    state->put(
        "endpointslices.discovery.k8s.io",
        "{metadata: {name: s, namespace: shop, resourceVersion: '1', labels: "
        "{kubernetes.io/service-name: hook}}, ports: [{name: https, port: 8443}], endpoints: "
        "[{addresses: [10.0.0.1], conditions: {ready: false}}, {addresses: [10.0.0.2]}]}");
    doc = *json::parse(object_text);
  }

  void answers(const std::string& object, const std::string& result = R"({"status":"Success"})") {
    http->reply = R"({"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","response":)"
                  R"({"uid":"UID","result":)" +
                  result + R"(,"convertedObjects":[)" + object + "]}}";
  }

  std::string failure() {
    auto ok = convert->convert({&doc}, "example.com/v2");
    return ok ? "" : ok.error().message;
  }

  std::shared_ptr<scripted_client> http = std::make_shared<scripted_client>();
  std::shared_ptr<fixed_state> state = std::make_shared<fixed_state>();
  std::shared_ptr<const schema::converter> convert;
  json::document doc;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(conversion_webhook, fixture)

BOOST_AUTO_TEST_CASE(converts_through_an_endpoint_of_its_service) {
  answers(
      R"({"kind":"Tab","apiVersion":"example.com/v2","metadata":{"name":"a","namespace":"shop",)"
      R"("uid":"u","resourceVersion":"9","labels":{"z":"w"},"annotations":{"b":"c"}},)"
      R"("spec":{"fresh":1}})");
  BOOST_TEST(failure() == "");
  BOOST_TEST(
      json::to_string(doc) ==
      R"({"kind":"Tab","apiVersion":"example.com/v2","metadata":{"name":"a","namespace":"shop",)"
      R"("uid":"u","resourceVersion":"5","labels":{"z":"w"},"annotations":{"b":"c"}},)"
      R"("spec":{"fresh":1}})");
  BOOST_TEST(http->asked.url == "https://hook.shop.svc:443/convert?timeout=30s");
  BOOST_TEST(http->asked.address == "10.0.0.2");
  BOOST_TEST(http->asked.port == 8443);
  BOOST_TEST(
      http->asked.body ==
      R"({"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{"uid":)"
      R"("uid-1","desiredAPIVersion":"example.com/v2","objects":[)" +
          std::string(object_text) + R"(]},"response":null})");
  BOOST_TEST(convert->calls_out());
}

BOOST_AUTO_TEST_CASE(tells_why_it_could_not) {
  BOOST_TEST(failure().find("conversion webhook for example.com/v1, Kind=Tab failed: Post ") == 0U);
  answers("", R"({"status":"Failed","message":"no way"})");
  BOOST_TEST(failure() == "conversion webhook for example.com/v1, Kind=Tab failed: no way");
  answers("");
  BOOST_TEST(failure() ==
             "conversion webhook for example.com/v1, Kind=Tab returned 0 objects, expected 1");
  state->objects.erase("endpointslices.discovery.k8s.io/s");
  BOOST_TEST(failure() == "conversion webhook for example.com/v1, Kind=Tab failed: no endpoints "
                          "available for service \"hook\"");
}

BOOST_AUTO_TEST_CASE(does_not_believe_another_identity) {
  answers(
      R"({"kind":"Tab","apiVersion":"example.com/v2","metadata":{"name":"b","namespace":"shop","uid":"u"}})");
  BOOST_TEST(failure() == "conversion webhook for example.com/v1, Kind=Tab returned invalid "
                          "converted object at index 0: must have the same name: b != a");
  answers(
      R"({"kind":"Tab","apiVersion":"example.com/v3","metadata":{"name":"a","namespace":"shop","uid":"u"}})");
  BOOST_TEST(failure().find("invalid groupVersion") != std::string::npos);
  http->reply =
      R"({"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","response":{"uid":"other"}})";
  BOOST_TEST(failure().find("expected response.uid=\"uid-1\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace thespis::api::outbound
