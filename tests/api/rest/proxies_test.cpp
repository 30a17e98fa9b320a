#include "api/rest/proxies.hpp"
#include "fixture.hpp"

using namespace thespis::test;
using thespis::api::rest::after_segments;
using thespis::api::rest::parse_proxied_name;

namespace {

const std::string in_default = "/api/v1/namespaces/default/";

std::string name_of(std::string_view id) {
  const auto p = parse_proxied_name(id);
  return p ? std::string(p->tls ? "https " : "http ") + p->name + " " + p->port : "none";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(proxies, rest_fixture)

BOOST_AUTO_TEST_CASE(names_may_have_a_scheme_and_a_port) {
  BOOST_TEST(name_of("web") == "http web ");
  BOOST_TEST(name_of("web:80") == "http web 80");
  BOOST_TEST(name_of("http:web:") == "http web ");
  BOOST_TEST(name_of("https:web:tls") == "https web tls");
  BOOST_TEST(name_of(":web:80") == "http web 80");
  for (auto wrong : {"", ":80", "ftp:web:80", "http:web:80:1", "http::80"})
    BOOST_TEST(name_of(wrong) == "none");
}

BOOST_AUTO_TEST_CASE(paths_are_taken_as_they_were_sent) {
  BOOST_TEST(after_segments("/a/b/c", 2) == "/c");
  BOOST_TEST(after_segments("/a/b", 2) == "");
  BOOST_TEST(after_segments("/a/b/", 2) == "/");
  BOOST_TEST(after_segments("//a/b/%2e//x/", 2) == "/%2e//x/");
  BOOST_TEST(after_segments("/a", 2) == "");
}

BOOST_AUTO_TEST_CASE(refuses_what_leads_nowhere) {
  check_status(get(in_default + "pods/web/proxy/"), 404, "NotFound", "pods \"web\" not found");
  check_status(get(in_default + "services/ftp:web:1/proxy/"), 400, "BadRequest",
               "invalid service request \"ftp:web:1\"");
  cluster.put("services", R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web",
    "namespace":"default"},"spec":{"ports":[{"port":80,"name":"http"}]}})");
  check_status(get(in_default + "services/web:81/proxy/"), 503, "ServiceUnavailable",
               "no service port 81 found for service \"web\"");
  check_status(get(in_default + "services/web:http/proxy/"), 503, "ServiceUnavailable",
               "no endpoints available for service \"web\"");
}

BOOST_AUTO_TEST_CASE(never_asks_this_machine_itself) {
  cluster.put("pods", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web",
    "namespace":"default"},"spec":{"containers":[{"name":"a"}]},"status":{"podIP":"127.0.0.1"}})");
  for (auto method : {"GET", "POST", "DELETE"})
    check_status(request(method, in_default + "pods/web:8080/proxy/"), 400, "BadRequest",
                 "address not allowed");
}

BOOST_AUTO_TEST_CASE(a_root_without_its_slash_is_redirected) {
  add_pod("default", "web");
  const auto a = get(in_default + "pods/web/proxy?x=1");
  BOOST_TEST(a.status == 301);
  BOOST_TEST(a.headers.at("location") == in_default + "pods/web/proxy/?x=1");
}

BOOST_AUTO_TEST_CASE(asks_nodes_for_their_pages) {
  cluster.put("nodes", R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}})");
  cluster.pages["n1 /healthz"] = {200, "text/plain; charset=utf-8", "ok"};
  cluster.pages["n1 /logs/a/b"] = {404, "text/plain; charset=utf-8", "404 page not found\n"};
  const auto healthy = get("/api/v1/nodes/n1/proxy/healthz");
  BOOST_TEST(healthy.body == "ok");
  BOOST_TEST(healthy.headers.at("content-type") == "text/plain; charset=utf-8");
  BOOST_TEST(get("/api/v1/nodes/n1:10250/proxy/healthz").body == "ok");
  BOOST_TEST(get("/api/v1/nodes/n1/proxy/logs/a/b").status == 404);
  check_status(get("/api/v1/nodes/n1/proxy/pods"), 503, "ServiceUnavailable",
               "node n1 is not connected");
  check_status(get("/api/v1/nodes/n3/proxy/healthz"), 404, "NotFound", "nodes \"n3\" not found");
}

BOOST_AUTO_TEST_SUITE_END()
