#include "api/yaml.hpp"
#include "proxy/ingress_state.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::proxy;

namespace {

struct entry_fixture : ingress_state {
  entry_fixture() {
    take(&ingress_state::apply_class, "{metadata: {name: thespis}, spec: {controller: "
                                      "thespis.dev/ingress}}");
    take(&ingress_state::apply_class, "{metadata: {name: other}, spec: {controller: x.dev/y}}");
    service("web", "{clusterIP: 10.43.0.9, ports: [{name: http, port: 80}]}");
    service("bare", "{clusterIP: None, ports: [{name: http, port: 80}]}");
  }

  template <class Apply>
  void take(Apply apply, const std::string& text, api::event_kind kind = api::event_kind::added) {
    auto doc = api::yaml::parse(text);
    BOOST_REQUIRE(doc);
    api::object_meta meta;
    const auto& m = *api::json::find(*doc, "metadata");
    meta.ns = api::json::get_string(m, "namespace");
    meta.name = api::json::get_string(m, "name");
    (this->*apply)({kind, std::make_shared<const api::object>(meta, api::json::to_string(*doc))});
  }
  void service(const std::string& name, const std::string& spec) {
    take(&ingress_state::apply_service,
         "{metadata: {namespace: default, name: " + name + "}, spec: " + spec + "}");
  }
  void ingress(const std::string& name, const std::string& spec, int age = 0,
               const std::string& cls = "thespis") {
    take(&ingress_state::apply_ingress,
         "{metadata: {namespace: default, name: " + name +
             ", creationTimestamp: '2026-01-01T00:00:0" + std::to_string(age) +
             "Z'}, spec: {ingressClassName: " + cls + ", " + spec + "}}");
  }
  static std::string rule(const std::string& path, const std::string& type,
                          const std::string& service = "web") {
    return "rules: [{host: a.example, http: {paths: [{path: '" + path + "', pathType: " + type +
           ", backend: {service: {name: " + service + ", port: {name: http}}}}]}}]";
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(ingress_entry, entry_fixture)

BOOST_AUTO_TEST_CASE(only_ingresses_of_our_class_count) {
  ingress("a", rule("/", "Prefix"), 0, "other");
  BOOST_TEST(!wanted());
  ingress("b", rule("/", "Prefix"));
  BOOST_TEST(wanted());
  BOOST_REQUIRE(table().routes.size() == 1u);
  BOOST_TEST(table().routes[0].backend == "default_web_http");
  BOOST_TEST(table().backends[0].servers == std::vector<std::string>{"10.43.0.9:80"});
}

BOOST_AUTO_TEST_CASE(a_headless_service_is_reached_at_its_ready_pods) {
  ingress("a", rule("/", "Exact", "bare"));
  BOOST_TEST(table().backends[0].servers.empty());
  auto doc = api::yaml::parse("{}");
  api::object_meta meta;
  meta.ns = "default";
  meta.name = "bare-1";
  meta.labels = {{"kubernetes.io/service-name", "bare"}};
  apply_slice({api::event_kind::added,
               std::make_shared<const api::object>(
                   meta, R"({"metadata":{"name":"bare-1"},"addressType":"IPv4","ports":[{"name":)"
                         R"("http","port":8080}],"endpoints":[{"addresses":["10.42.0.7"]},)"
                         R"({"addresses":["10.42.0.8"],"conditions":{"ready":false}}]})")});
  BOOST_TEST(table().backends[0].servers == std::vector<std::string>{"10.42.0.7:8080"});
}

BOOST_AUTO_TEST_CASE(the_oldest_ingress_has_a_path) {
  ingress("young", rule("/", "Prefix", "bare"), 5);
  ingress("old", rule("/", "Prefix", "web"), 1);
  const auto files = haproxy_files({}, table());
  BOOST_TEST(files.at("prefix.map") == "a.example/ default_web_http\n");
}

BOOST_AUTO_TEST_CASE(paths_that_files_cannot_hold_are_left_out) {
  BOOST_TEST(is_plain_path("/a%20b"));
  BOOST_TEST(!is_plain_path("/a b"));
  BOOST_TEST(!is_plain_path("/a\nb"));
  BOOST_TEST(!is_plain_path("a"));
  ingress("a", rule("/x y", "Prefix"));
  BOOST_TEST(table().routes.empty());
}

BOOST_AUTO_TEST_CASE(a_default_backend_takes_what_nothing_fits) {
  ingress("a", "defaultBackend: {service: {name: web, port: {number: 80}}}");
  BOOST_TEST(table().default_backend == "default_web_80");
  BOOST_TEST(haproxy_files({}, table()).at("haproxy.cfg").find("str(default_web_80)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_key_pair_is_not_served) {
  ingress("a", "tls: [{hosts: [a.example], secretName: cert}], " + rule("/", "Prefix"));
  take(&ingress_state::apply_secret, "{metadata: {namespace: default, name: cert}, data: {tls.crt: "
                                     "bm90aGluZw==, tls.key: bm90aGluZw==}}");
  BOOST_TEST(table().certificates.empty());
  BOOST_TEST(haproxy_files({}, table()).at("haproxy.cfg").find("ssl strict-sni") ==
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
