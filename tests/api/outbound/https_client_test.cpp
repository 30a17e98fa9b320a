#include "api/outbound/https_client.hpp"

#include "api/outbound/https_server.hpp"
#include "api/outbound/url.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::testing;
using namespace std::chrono_literals;

namespace {

outbound::request to(const https_server& s, const std::string& ca) {
  outbound::request r;
  r.url = s.url();
  r.ca_bundle = ca;
  r.body = R"({"a":1})";
  r.timeout = 20s;
  return r;
}

/// What follows `Post "url": ` in the failure of that request.
std::string complaint(const outbound::request& r) {
  outbound::https_client client;
  auto got = client.send(r);
  BOOST_REQUIRE(!got);
  auto prefix = "Post \"" + r.url + "\": ";
  BOOST_TEST(got.error().message.substr(0, prefix.size()) == prefix);
  return got.error().message.substr(std::min(prefix.size(), got.error().message.size()));
}

const test_pki& pki() {
  static const test_pki p;
  return p;
}

} // namespace

BOOST_AUTO_TEST_SUITE(outbound_https)

BOOST_AUTO_TEST_CASE(posts_and_reads_the_answer) {
  https_server s(pki().server, [] { return http_answer(R"({"b":2})"); });
  outbound::https_client client;
  auto r = to(s, pki().ca.pem().certificate);
  r.headers = {{"X-Remote-User", "jane"}};
  auto got = client.send(r);
  BOOST_REQUIRE(got);
  BOOST_TEST(got->code == 200);
  BOOST_TEST(got->body == R"({"b":2})");
  BOOST_TEST(got->content_type == "application/json");
  auto sent = s.last();
  BOOST_TEST(sent.starts_with("POST /hook?timeout=1s HTTP/1.1\r\n"));
  BOOST_TEST(sent.find("Host: 127.0.0.1:" + std::to_string(s.port())) != sent.npos);
  BOOST_TEST(sent.find("X-Remote-User: jane") != sent.npos);
  BOOST_TEST(sent.ends_with(R"({"a":1})"));
}

BOOST_AUTO_TEST_CASE(connects_to_an_endpoint_and_verifies_the_name_of_the_url) {
  test_pki named({"hook.default.svc"});
  https_server s(named.server, [] { return http_answer("{}"); });
  outbound::https_client client;
  auto r = to(s, named.ca.pem().certificate);
  r.url = "https://hook.default.svc:443/x";
  r.address = "127.0.0.1";
  r.port = s.port();
  BOOST_TEST(client.send(r).has_value());
  BOOST_TEST(s.last().find("Host: hook.default.svc:443\r\n") != std::string::npos);
  r.url = "https://other.default.svc:443/x";
  BOOST_TEST(complaint(r) == "tls: failed to verify certificate: x509: certificate is valid for "
                             "hook.default.svc, not other.default.svc");
  r.url = s.url();
  BOOST_TEST(complaint(r) ==
             "tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 "
             "because it doesn't contain any IP SANs");
}

BOOST_AUTO_TEST_CASE(trusts_only_the_named_authorities) {
  test_pki other;
  https_server s(pki().server, [] { return http_answer("{}"); });
  BOOST_TEST(complaint(to(s, other.ca.pem().certificate)) ==
             "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  BOOST_TEST(complaint(to(s, {})) ==
             "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  BOOST_TEST(complaint(to(s, "no certificate")) ==
             "unable to load root certificates: unable to parse bytes as PEM block");
  BOOST_TEST(s.last().empty());
}

BOOST_AUTO_TEST_CASE(follows_no_redirect) {
  https_server s(pki().server, [] {
    return http_answer("", "307 Temporary Redirect", "Location: https://127.0.0.1:1/\r\n");
  });
  outbound::https_client client;
  auto got = client.send(to(s, pki().ca.pem().certificate));
  BOOST_REQUIRE(got);
  BOOST_TEST(got->code == 307);
}

BOOST_AUTO_TEST_CASE(gives_up_on_servers_that_hang) {
  https_server s(pki().server, [] { return std::string{}; });
  auto r = to(s, pki().ca.pem().certificate);
  r.timeout = 300ms;
  auto began = std::chrono::steady_clock::now();
  BOOST_TEST(complaint(r) == "context deadline exceeded");
  BOOST_TEST((std::chrono::steady_clock::now() - began < 15s));
  outbound::https_client client;
  BOOST_TEST((client.send(r).error().why == reason::timeout));
}

BOOST_AUTO_TEST_CASE(lets_go_when_it_is_stopped) {
  https_server s(pki().server, [] { return std::string{}; });
  outbound::https_client client;
  std::thread stopper([&] { client.stop(); });
  auto got = client.send(to(s, pki().ca.pem().certificate));
  stopper.join();
  BOOST_REQUIRE(!got);
  BOOST_TEST(got.error().message.ends_with("the server is shutting down"));
}

BOOST_AUTO_TEST_CASE(reads_no_more_than_it_was_told_to) {
  https_server s(pki().server, [] { return http_answer(std::string(100000, 'x')); });
  auto r = to(s, pki().ca.pem().certificate);
  r.max_answer = 99999;
  BOOST_TEST(complaint(r) == "the answer is larger than 99999 bytes");
  https_server endless(pki().server,
                       [] { return "HTTP/1.1 200 OK\r\n\r\n" + std::string(100000, 'x'); });
  r = to(endless, pki().ca.pem().certificate);
  r.max_answer = 99999;
  BOOST_TEST(complaint(r) == "the answer is larger than 99999 bytes");
  r.max_answer = 100000;
  outbound::https_client client;
  auto got = client.send(r);
  BOOST_REQUIRE(got);
  BOOST_TEST(got->body.size() == 100000u);
}

BOOST_AUTO_TEST_CASE(tells_broken_servers_apart) {
  https_server mute(pki().server, [] { return std::string("\r\n"); });
  https_server cut(pki().server,
                   [] { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"); });
  https_server garbage(pki().server, [] { return std::string("hello\r\n\r\n"); });
  auto ca = pki().ca.pem().certificate;
  BOOST_TEST(complaint(to(mute, ca)) == "unexpected EOF");
  BOOST_TEST(complaint(to(cut, ca)) == "unexpected EOF");
  BOOST_TEST(complaint(to(garbage, ca)) ==
             "net/http: HTTP/1.x transport connection broken: malformed HTTP response");
  outbound::request r;
  r.url = "https://127.0.0.1:1/";
  BOOST_TEST(complaint(r) == "dial tcp 127.0.0.1:1: connect: connection refused");
  r.url = "https://nowhere.invalid/";
  BOOST_TEST(complaint(r) == "dial tcp: lookup nowhere.invalid: no such host");
  r.url = "http://127.0.0.1/";
  BOOST_TEST(complaint(r) == "unsupported protocol scheme \"http\"");
  r.url = "https://";
  BOOST_TEST(complaint(r) == "http: no Host in request URL");
}

BOOST_AUTO_TEST_CASE(takes_urls_apart) {
  auto u = outbound::parse_url("https://[::1]:8443/a?b=c#d");
  BOOST_REQUIRE(u);
  BOOST_TEST(u->host == "::1");
  BOOST_TEST(u->port == 8443);
  BOOST_TEST(u->target == "/a?b=c");
  u = outbound::parse_url("https://x?y");
  BOOST_REQUIRE(u);
  BOOST_TEST(u->target == "/?y");
  BOOST_TEST(u->port == 443);
  for (auto bad : {"", "x", "https://", "https://a:0/", "https://a:65536/", "https://a:b/",
                   "https://u@a/", "https://a/\r\nX: y", "https://[::1/", "://a"})
    BOOST_TEST(!outbound::parse_url(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
