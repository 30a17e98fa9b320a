// What malformed, oversized, slow and hostile clients get.
#include "support.hpp"

#include <cpprest/http_listener.h>

#include <random>

using namespace thespis::test;
using web::http::http_request;
using web::http::experimental::listener::http_listener;

namespace {

/// Counts what gets through to a listener.
struct guarded {
  explicit guarded(transport::transport_options options = {}) {
    server = serve(
        [this](auto& head) -> transport::outcome {
          ++hooked;
          if (head.path() == "/direct")
            return text("ok");
          return transport::proceed{};
        },
        std::move(options));
    listener = http_listener{web::uri{server->base_uri()}};
    listener.support([this](http_request r) {
      ++handled;
      std::string seen;
      for (auto& [name, value] : r.headers())
        seen += name + "=" + value + ";";
      r.reply(200, std::string{transport::body_of(r)} + "|" + seen);
    });
    listener.open().get();
  }
  ~guarded() { listener.close().get(); }
  /// Sends the bytes on a connection of their own and reads the first answer and the rest.
  int status_of(std::string_view bytes) {
    client c{server->port()};
    c.try_send(bytes);
    auto a = read_answer(c);
    last = a;
    if (a.status >= 400) {
      BOOST_CHECK_EQUAL(a.headers["connection"], "close");
      BOOST_CHECK_EQUAL(a.headers["content-type"], "application/json");
      BOOST_CHECK(a.body.find("\"kind\":\"Status\"") != a.body.npos);
      BOOST_CHECK(a.body.find("\"code\":" + std::to_string(a.status)) != a.body.npos);
      BOOST_CHECK(c.read_to_end().empty());
    }
    return a.status;
  }
  void check_alive() {
    client c{server->port()};
    BOOST_CHECK_EQUAL(get(c, "/direct").body, "ok");
  }
  std::atomic<int> hooked{0}, handled{0};
  std::shared_ptr<transport::server> server;
  http_listener listener;
  answer last;
};

const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";

} // namespace

BOOST_AUTO_TEST_SUITE(transport_limits)

BOOST_AUTO_TEST_CASE(ambiguous_framing_is_refused_before_the_hook) {
  guarded g;
  BOOST_CHECK_EQUAL(
      g.status_of(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501);
  BOOST_CHECK_EQUAL(g.status_of(post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501);
  BOOST_CHECK_EQUAL(g.status_of(post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
                    501);
  BOOST_CHECK_EQUAL(g.status_of(post + "Transfer-Encoding: identity\r\n\r\n"), 501);
  BOOST_CHECK_GE(
      g.status_of(post +
                  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 3, 3\r\n\r\nabc"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: +3\r\n\r\nabc"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: -1\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 0x3\r\n\r\nabc"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 99999999999999999999999\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length : 3\r\n\r\nabc"), 400);
  BOOST_CHECK_EQUAL(g.status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                    501);
  BOOST_CHECK_EQUAL(g.hooked, 0);
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(malformed_heads_are_refused) {
  guarded g;
  BOOST_CHECK_EQUAL(g.status_of("nonsense\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(std::string("GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 33)),
                    400);
  BOOST_CHECK_EQUAL(
      g.status_of("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n"),
      400);
  BOOST_CHECK_EQUAL(g.status_of("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  BOOST_CHECK_GE(g.status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of("GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n"), 417);
  BOOST_CHECK_EQUAL(g.hooked, 0);
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(trace_connect_and_unknown_methods_are_not_allowed) {
  guarded g;
  for (auto* method : {"TRACE", "CONNECT", "PROPFIND", "BREW"}) {
    BOOST_CHECK_EQUAL(g.status_of(std::string{method} +
                                  " / HTTP/1.1\r\nHost: x\r\nAuthorization: secret\r\n\r\n"),
                      405);
    BOOST_CHECK(g.last.body.find("secret") == std::string::npos);
    BOOST_CHECK(g.last.body.find("MethodNotAllowed") != std::string::npos);
  }
  BOOST_CHECK_EQUAL(g.hooked, 0);
}

BOOST_AUTO_TEST_CASE(oversized_heads_are_refused) {
  guarded g;
  BOOST_CHECK_EQUAL(
      g.status_of("GET /direct HTTP/1.1\r\nHost: x\r\nA: " + std::string(15'000, 'a') + "\r\n\r\n"),
      200);
  BOOST_CHECK_EQUAL(
      g.status_of("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(17'000, 'a') + "\r\n\r\n"), 431);
  BOOST_CHECK_EQUAL(g.status_of("GET /" + std::string(100'000, 'a')), 431);
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(oversized_bodies_are_refused) {
  transport::transport_options o;
  o.limits.body_bytes = 100'000;
  guarded g{o};
  BOOST_CHECK_EQUAL(
      g.status_of(post + "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'b')), 200);
  BOOST_CHECK_EQUAL(
      g.status_of(post + "Content-Length: 100001\r\n\r\n" + std::string(100'001, 'b')), 413);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 999999999999999\r\n\r\n"), 413);
  std::string chunk = "4000\r\n" + std::string(0x4000, 'c') + "\r\n", chunks;
  for (int i = 0; i < 10; ++i)
    chunks += chunk;
  BOOST_CHECK_EQUAL(g.status_of(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"),
                    413);
  BOOST_CHECK(g.last.body.find("RequestEntityTooLarge") != std::string::npos);
  BOOST_CHECK_EQUAL(g.handled, 1);
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(endless_chunk_framing_is_refused) {
  guarded g;
  auto chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  BOOST_CHECK_EQUAL(g.status_of(chunked + "5;" + std::string(100'000, 'x')), 400);
  BOOST_CHECK_EQUAL(g.status_of(chunked + "0\r\nA: " + std::string(100'000, 'x')), 400);
  BOOST_CHECK_EQUAL(g.status_of(chunked + "zz\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(chunked + "fffffffffffffffff\r\n"), 400);
  BOOST_CHECK_EQUAL(g.status_of(chunked + "3\r\nabcd\r\n0\r\n\r\n"), 400);
  BOOST_CHECK_EQUAL(g.handled, 0);
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(trailers_do_not_become_headers) {
  guarded g;
  BOOST_CHECK_EQUAL(g.status_of(post +
                                "Transfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\nok\r\n0\r\n"
                                "Authorization: admin\r\nX-Remote-User: admin\r\n\r\n"),
                    200);
  BOOST_CHECK(g.last.body.find("ok|") == 0);
  BOOST_CHECK(g.last.body.find("X-A=1") != std::string::npos);
  BOOST_CHECK(g.last.body.find("admin") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(smuggled_second_request_is_never_seen) {
  guarded g;
  g.status_of(post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                     "GET /direct HTTP/1.1\r\nHost: x\r\n\r\n");
  g.status_of(post + "Transfer-Encoding: \x0b"
                     "chunked\r\n\r\n0\r\n\r\nGET /direct HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_CHECK_EQUAL(g.hooked, 0);
}

BOOST_AUTO_TEST_CASE(slow_heads_and_bodies_end) {
  transport::transport_options o;
  o.limits.header = std::chrono::milliseconds{300};
  o.limits.body_grace = std::chrono::milliseconds{300};
  o.limits.idle = std::chrono::milliseconds{300};
  guarded g{o};
  BOOST_CHECK_EQUAL(g.status_of("GET / HTTP/1.1\r\nHost"), 408);
  BOOST_CHECK_EQUAL(g.status_of(post + "Content-Length: 10\r\n\r\nabc"), 408);
  client silent{g.server->port()};
  BOOST_CHECK(silent.read_to_end().empty());
  client idle{g.server->port()};
  BOOST_CHECK_EQUAL(get(idle, "/direct").status, 200);
  BOOST_CHECK(idle.read_to_end().empty());
  BOOST_CHECK_EQUAL(g.server->stats().timed_out, 2);
}

BOOST_AUTO_TEST_CASE(clients_that_do_not_read_are_cut_off) {
  transport::transport_options o;
  o.limits.write = std::chrono::milliseconds{500};
  auto big = std::make_shared<const std::string>(64 << 20, 'x');
  auto s = serve(
      [&](auto&) {
        return transport::respond{{200, "text/plain", transport::payload{big}, {}, false}};
      },
      o);
  client c{s->port()};
  c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_CHECK(becomes_true([&] { return s->stats().timed_out == 1; }));
  BOOST_CHECK_LT(c.read_to_end().size(), big->size());
}

BOOST_AUTO_TEST_CASE(one_address_cannot_take_all_requests) {
  transport::transport_options o;
  o.limits.max_in_flight_per_peer = 2;
  std::mutex m;
  std::vector<http_request> held;
  auto s = serve([](auto&) { return transport::proceed{}; }, o);
  http_listener l{web::uri{s->base_uri()}};
  l.support([&](http_request r) {
    std::lock_guard lock{m};
    held.push_back(r);
  });
  l.open().get();
  client a{s->port()}, b{s->port()}, c{s->port()};
  const auto holds = [&](size_t n) {
    return becomes_true([&] {
      std::lock_guard lock{m};
      return held.size() == n;
    });
  };
  // One after the other: which is the first must be known.
  a.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(holds(1));
  b.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(holds(2));
  auto refused = get(c, "/");
  BOOST_CHECK_EQUAL(refused.status, 429);
  BOOST_CHECK_EQUAL(refused.headers["retry-after"], "1");
  held[0].reply(200);
  BOOST_CHECK_EQUAL(read_answer(a).status, 200);
  c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_REQUIRE(holds(3));
  held.clear();
  l.close().get();
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_maximum_are_closed) {
  transport::transport_options o;
  o.io_threads = 1;
  o.limits.max_connections = 3;
  guarded g{o};
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(std::make_unique<client>(g.server->port()));
    BOOST_CHECK_EQUAL(get(*all.back(), "/direct").status, 200);
  }
  client extra{g.server->port()};
  BOOST_CHECK(extra.read_to_end().empty());
  all.clear();
  BOOST_CHECK(becomes_true([&] { return g.server->stats().connections == 0; }));
  g.check_alive();
}

BOOST_AUTO_TEST_CASE(half_open_connections_do_not_stop_healthy_ones) {
  for (bool tls : {false, true}) {
    auto o = tls ? shared_pki().options() : transport::transport_options{};
    o.limits.max_handshakes = 100;
    auto s = serve([](auto&) { return text("ok"); }, o);
    std::vector<std::unique_ptr<client>> dead;
    for (int i = 0; i < 500; ++i) {
      dead.push_back(std::make_unique<client>(s->port()));
      if (i % 2)
        dead.back()->try_send(tls ? std::string_view{"\x16\x03\x01\x02\x00\x01", 6} : "GET / HT");
    }
    for (int i = 0; i < 20; ++i) {
      auto c = tls ? std::make_unique<client>(s->port(), shared_pki().ca.certificate, nullptr)
                   : std::make_unique<client>(s->port());
      BOOST_CHECK_EQUAL(get(*c, "/").body, "ok");
    }
    if (tls)
      BOOST_CHECK(becomes_true([&] { return s->stats().connections <= 120; }));
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_never_hurt) {
  transport::transport_options o;
  o.limits.header = std::chrono::milliseconds{500};
  guarded plain{o};
  auto tls_options = shared_pki().options();
  tls_options.limits.handshake = std::chrono::milliseconds{500};
  auto tls = serve([](auto&) { return text("ok"); }, tls_options);
  std::mt19937 random{20260101};
  const std::vector<std::string> words = {"GET ",
                                          "POST ",
                                          "/",
                                          " HTTP/1.1",
                                          "\r\n",
                                          "Host: x",
                                          "Content-Length: ",
                                          "5",
                                          "\r\n\r\n",
                                          "Transfer-Encoding: chunked",
                                          "0",
                                          ";",
                                          "ffff",
                                          "\n",
                                          "Expect: 100-continue",
                                          "Upgrade: x",
                                          "Connection: upgrade",
                                          ":",
                                          " ",
                                          "\t",
                                          std::string(1, '\0'),
                                          "GET / HTTP/1.1\r\nHost: x\r\n\r\n"};
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    for (unsigned n = random() % 60; n > 0; --n)
      if (round % 3 == 0)
        bytes += static_cast<char>(random());
      else
        bytes += words[random() % words.size()];
    client c{round % 5 == 0 ? tls->port() : plain.server->port()};
    c.try_send(bytes);
    c.shutdown_write();
    if (round % 2)
      c.reset();
    else
      c.read_to_end();
  }
  plain.check_alive();
  client c{tls->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK_EQUAL(get(c, "/").body, "ok");
}

BOOST_AUTO_TEST_SUITE_END()
