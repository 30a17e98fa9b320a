#include "api/outbound/https_server.hpp"
#include "api/rest/forwarder.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace thespis::api;
using namespace thespis::api::rest;
using namespace std::chrono_literals;
using testing::http_answer;
using testing::https_server;
using testing::test_pki;

namespace {

/// Gathers an answer.
class gatherer final : public forward_sink {
public:
  void head(forward_head h) override { got.status = h.status; }
  void bytes(std::string b, std::function<void()> more) override {
    got.body += b;
    ++got.pieces;
    more();
  }
  void upgraded(std::shared_ptr<transport::raw_stream> server) override {
    stream = std::move(server);
    over.set_value();
  }
  void done(std::optional<error> e) override {
    got.failure = std::move(e);
    over.set_value();
  }

  struct answer {
    int status = 0;
    std::string body;
    int pieces = 0;
    std::optional<error> failure;
  } got;
  std::shared_ptr<transport::raw_stream> stream;
  std::promise<void> over;
};

struct fixture {
  test_pki pki{{"extension.test"}};
  forwarder forward;

  forward_request request(const https_server& s) const {
    forward_request r;
    r.target = "/a?b=c";
    r.host = "extension.test";
    r.address = "127.0.0.1";
    r.port = s.port();
    r.tls = true;
    r.server_name = "extension.test";
    r.ca_bundle = pki.ca.pem().certificate;
    return r;
  }

  std::shared_ptr<gatherer> send(forward_request r) {
    auto g = std::make_shared<gatherer>();
    auto over = g->over.get_future();
    forward.send(std::move(r), g);
    BOOST_REQUIRE(over.wait_for(10s) == std::future_status::ready);
    return g;
  }
};

std::string failure_of(const std::shared_ptr<gatherer>& g) {
  return g->got.failure ? g->got.failure->message : "no failure";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(forwarder_tests, fixture)

BOOST_AUTO_TEST_CASE(sends_what_was_asked_and_passes_the_answer_on) {
  https_server server(pki.server, [] { return http_answer("hello", "418 I'm a teapot"); });
  auto r = request(server);
  r.method = "PUT";
  r.headers = {{"X-Remote-User", "ann"}};
  r.body = "body";
  const auto g = send(r);
  BOOST_TEST(!g->got.failure);
  BOOST_TEST(g->got.status == 418);
  BOOST_TEST(g->got.body == "hello");
  const auto sent = server.last();
  BOOST_TEST(sent.starts_with("PUT /a?b=c HTTP/1.1\r\nHost: extension.test\r\n"));
  BOOST_TEST(sent.find("X-Remote-User: ann\r\n") != sent.npos);
  BOOST_TEST(sent.find("Content-Length: 4\r\n") != sent.npos);
  BOOST_TEST(sent.ends_with("\r\n\r\nbody"));
}

BOOST_AUTO_TEST_CASE(passes_chunks_and_large_bodies) {
  const std::string large(300'000, 'x');
  https_server server(pki.server, [&] { return http_answer(large); });
  const auto whole = send(request(server));
  BOOST_TEST(whole->got.body.size() == large.size());
  BOOST_TEST(whole->got.pieces > 1);
  https_server chunks(pki.server, [] {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  });
  BOOST_TEST(send(request(chunks))->got.body == "abcde");
  https_server until_end(pki.server, [] { return "HTTP/1.1 200 OK\r\n\r\nto the end"; });
  BOOST_TEST(send(request(until_end))->got.body == "to the end");
}

BOOST_AUTO_TEST_CASE(trusts_only_whom_it_was_told_to) {
  https_server server(pki.server, [] { return http_answer("hello"); });
  auto other_name = request(server);
  other_name.server_name = "other.test";
  BOOST_TEST(failure_of(send(other_name)) ==
             "tls: failed to verify certificate: x509: certificate is valid for extension.test, "
             "not other.test");
  auto other_ca = request(server);
  other_ca.ca_bundle = test_pki().ca.pem().certificate;
  BOOST_TEST(failure_of(send(other_ca)) ==
             "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  other_ca.insecure = true;
  BOOST_TEST(send(other_ca)->got.body == "hello");
}

BOOST_AUTO_TEST_CASE(tells_of_failures) {
  https_server server(pki.server, [] { return "nonsense"; });
  BOOST_TEST(failure_of(send(request(server))).find("malformed HTTP response") !=
             std::string::npos);
  https_server cut(pki.server, [] { return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"; });
  const auto g = send(request(cut));
  BOOST_TEST(failure_of(g) == "unexpected EOF");
  BOOST_TEST(g->got.body == "short");
  auto nobody = request(server);
  nobody.port = 1;
  BOOST_TEST(failure_of(send(nobody)) == "dial tcp 127.0.0.1:1: connect: connection refused");
  nobody.address = "no.address";
  BOOST_TEST(failure_of(send(nobody)) == "dial tcp: lookup no.address: no such host");
}

BOOST_AUTO_TEST_CASE(does_not_wait_for_ever) {
  https_server hangs(pki.server, [] { return ""; });
  auto r = request(hangs);
  r.head_timeout = 50ms;
  const auto g = send(r);
  BOOST_TEST(failure_of(g) == "context deadline exceeded");
  BOOST_TEST((g->got.failure && g->got.failure->why == reason::timeout));
}

BOOST_AUTO_TEST_CASE(leaves_http_only_when_asked_to) {
  const auto switching = [] { return "HTTP/1.1 101 Switching Protocols\r\n\r\nearly"; };
  https_server server(pki.server, switching);
  BOOST_TEST(failure_of(send(request(server))) == "unsolicited switch of protocols");
  auto r = request(server);
  r.upgrade = true;
  const auto g = send(r);
  BOOST_TEST(g->got.status == 101);
  BOOST_REQUIRE(g->stream);
  std::promise<std::string> early;
  g->stream->read([&](auto, std::string_view bytes) { early.set_value(std::string(bytes)); });
  BOOST_TEST(early.get_future().get() == "early");
}

BOOST_AUTO_TEST_CASE(ends_without_a_word_when_it_is_stopped) {
  https_server hangs(pki.server, [] { return ""; });
  auto g = std::make_shared<gatherer>();
  std::weak_ptr<gatherer> weak = g;
  forward.send(request(hangs), std::move(g));
  forward.stop();
  BOOST_TEST(weak.expired());
  auto late = std::make_shared<gatherer>();
  forward.send(request(hangs), late);
  BOOST_TEST(late.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
