// Streams of chunks, and connections that leave HTTP.
#include "support.hpp"

#include <boost/asio/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace thespis::test;
using stream_ptr = std::shared_ptr<transport::response_stream>;
using raw_ptr = std::shared_ptr<transport::raw_stream>;

namespace {

transport::shared_bytes bytes(std::string s) {
  return std::make_shared<const std::string>(std::move(s));
}

transport::early_hook streams_to(eventually<stream_ptr>& out) {
  return [&out](auto& head) -> transport::outcome {
    if (head.path() == "/plain")
      return text("plain");
    return transport::stream{[&out](stream_ptr s, std::string) { out.set(std::move(s)); }};
  };
}

const std::string get_request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A listening socket that plays containerd's streaming server on a thread of its own.
class upstream {
public:
  explicit upstream(std::function<void(int)> serve, const std::string& unix_path = {}) {
    if (unix_path.empty()) {
      fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof at;
      ::bind(fd_, reinterpret_cast<sockaddr*>(&at), size);
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
      where.address = "127.0.0.1";
      where.port = ntohs(at.sin_port);
    } else {
      fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un at{};
      at.sun_family = AF_UNIX;
      unix_path.copy(at.sun_path, sizeof at.sun_path - 1);
      ::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
      where.unix_path = unix_path;
    }
    ::listen(fd_, 8);
    timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    thread_ = std::thread{[this, serve = std::move(serve), limit] {
      int c = ::accept(fd_, nullptr, nullptr);
      if (c < 0)
        return;
      ::setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      serve(c);
      ::close(c);
    }};
  }
  ~upstream() {
    thread_.join();
    ::close(fd_);
  }
  transport::endpoint where;

private:
  int fd_;
  std::thread thread_;
};

std::string receive_until(int fd, const std::string& end) {
  std::string all;
  char c;
  while (all.find(end) == all.npos && ::recv(fd, &c, 1, 0) == 1)
    all += c;
  return all;
}

void send_all(int fd, std::string_view s) {
  while (!s.empty()) {
    auto n = ::send(fd, s.data(), s.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return;
    s.remove_prefix(static_cast<size_t>(n));
  }
}

void echo_to_end(int fd) {
  char block[16 * 1024];
  for (ssize_t n; (n = ::recv(fd, block, sizeof block, 0)) > 0;)
    send_all(fd, {block, static_cast<size_t>(n)});
  ::shutdown(fd, SHUT_WR);
}

/// Relays every upgrade to `to` and tells how it ended.
transport::early_hook relays_to(const transport::endpoint& to,
                                eventually<transport::relay_result>& ended,
                                transport::relay_options options = {}) {
  return [=, &ended](auto& head) -> transport::outcome {
    if (!head.wants_upgrade())
      return text("not an upgrade");
    auto initial = head.serialize("/exec/token", "127.0.0.1");
    return transport::upgrade{[=, &ended](std::shared_ptr<transport::upgrade_request> request) {
      request->accept([=, &ended](raw_ptr client) {
        transport::relay(std::move(client), to, initial, options,
                         [&ended](auto& result) { ended.set(result); });
      });
    }};
  };
}

const std::string upgrade_request = "POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                                    "Upgrade: SPDY/3.1\r\nAuthorization: Bearer secret\r\n"
                                    "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n";
const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n";

} // namespace

BOOST_AUTO_TEST_SUITE(transport_stream)

BOOST_AUTO_TEST_CASE(writes_arrive_as_chunks_in_order_and_the_connection_lives_on) {
  for (bool tls : {false, true}) {
    eventually<stream_ptr> opened;
    auto s =
        serve(streams_to(opened), tls ? shared_pki().options() : transport::transport_options{});
    auto c = tls ? std::make_unique<client>(s->port(), shared_pki().ca.certificate, nullptr)
                 : std::make_unique<client>(s->port());
    c->send(get_request);
    auto out = opened.get();
    eventually<bool> closed;
    out->on_closed([&] { closed.set(true); });
    BOOST_CHECK(out->write_head(200, "application/json", {{"X-A", "1"}}));
    BOOST_CHECK(!out->write_head(200, "application/json"));
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
      auto line = std::to_string(i) + "\n";
      expected += line;
      BOOST_CHECK(out->write(bytes(line)));
    }
    BOOST_CHECK(out->write({bytes("a"), bytes(""), bytes("b")}));
    out->close();
    BOOST_CHECK(!out->write(bytes("late")));
    auto a = read_answer(*c);
    BOOST_CHECK_EQUAL(a.headers["x-a"], "1");
    BOOST_CHECK(a.body == expected + "ab");
    BOOST_CHECK(closed.get());
    BOOST_CHECK_EQUAL(out->pending_bytes(), 0);
    BOOST_CHECK_EQUAL(get(*c, "/plain").body, "plain");
    BOOST_CHECK_EQUAL(s->stats().streams, 0);
  }
}

BOOST_AUTO_TEST_CASE(head_arrives_before_the_first_bytes) {
  eventually<stream_ptr> opened;
  auto s = serve(streams_to(opened));
  client c{s->port()};
  c.send(get_request);
  opened.get()->write_head(200, "text/plain");
  BOOST_CHECK(c.read_until("\r\n\r\n").find("chunked") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(client_going_away_closes_the_stream) {
  for (bool reset : {false, true}) {
    eventually<stream_ptr> opened;
    auto s = serve(streams_to(opened));
    auto c = std::make_unique<client>(s->port());
    c->send(get_request);
    auto out = opened.get();
    out->write(bytes("x"));
    eventually<bool> closed;
    out->on_closed([&] { closed.set(true); });
    if (reset)
      c->reset();
    c.reset();
    BOOST_CHECK(closed.get());
    BOOST_CHECK(!out->write(bytes("x")));
    eventually<bool> again;
    out->on_closed([&] { again.set(true); });
    BOOST_CHECK(again.get());
  }
}

BOOST_AUTO_TEST_CASE(lagging_clients_are_cut_off) {
  transport::transport_options o;
  o.limits.stream_pending_bytes = 1 << 20;
  eventually<stream_ptr> opened;
  auto s = serve(streams_to(opened), o);
  client c{s->port()};
  c.send(get_request);
  auto out = opened.get();
  eventually<bool> closed;
  out->on_closed([&] { closed.set(true); });
  auto block = bytes(std::string(100'000, 'x'));
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i)
    refused = !out->write(block);
  BOOST_CHECK(refused);
  BOOST_CHECK(closed.get());
}

BOOST_AUTO_TEST_CASE(drained_is_told_when_the_client_has_caught_up) {
  transport::transport_options o;
  o.limits.stream_pending_bytes = 64 << 20;
  eventually<stream_ptr> opened;
  auto s = serve(streams_to(opened), o);
  client c{s->port()};
  c.send(get_request);
  auto out = opened.get();
  out->write(bytes(std::string(32 << 20, 'x')));
  eventually<bool> drained;
  BOOST_CHECK_GT(out->pending_bytes(), 0);
  out->on_drained(1000, [&] { drained.set(true); });
  BOOST_CHECK(!drained.is_set());
  out->close();
  BOOST_CHECK_EQUAL(read_answer(c).body.size(), 32 << 20);
  BOOST_CHECK(drained.get());
}

BOOST_AUTO_TEST_CASE(dropped_streams_end_and_aborted_ones_are_cut) {
  auto s = serve([](auto& head) -> transport::outcome {
    bool abort = head.path() == "/abort";
    return transport::stream{[abort](stream_ptr out, std::string) {
      out->write(bytes("x"));
      if (abort)
        out->abort();
    }};
  });
  client c{s->port()};
  BOOST_CHECK_EQUAL(get(c, "/").body, "x");
  c.send("GET /abort HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_CHECK(c.read_to_end().find("0\r\n\r\n") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(http_1_0_streams_end_with_the_connection) {
  eventually<stream_ptr> opened;
  auto s = serve(streams_to(opened));
  client c{s->port()};
  c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto out = opened.get();
  out->write(bytes("hello"));
  out->close();
  auto all = c.read_to_end();
  BOOST_CHECK(all.find("chunked") == std::string::npos);
  BOOST_CHECK(all.find("Connection: close") != std::string::npos);
  BOOST_CHECK_EQUAL(all.substr(all.size() - 9), "\r\n\r\nhello");
}

BOOST_AUTO_TEST_CASE(many_threads_write_to_many_streams) {
  std::mutex m;
  std::vector<stream_ptr> open;
  auto s = serve([&](auto&) {
    return transport::stream{[&](stream_ptr out, std::string) {
      std::lock_guard lock{m};
      open.push_back(std::move(out));
    }};
  });
  std::vector<std::unique_ptr<client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<client>(s->port()));
    clients.back()->send(get_request);
  }
  BOOST_REQUIRE(becomes_true([&] {
    std::lock_guard lock{m};
    return open.size() == 20;
  }));
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        for (auto& out : open)
          out->write(bytes("0123456789"));
    });
  for (auto& w : writers)
    w.join();
  for (auto& out : open)
    out->close();
  for (auto& c : clients)
    BOOST_CHECK_EQUAL(read_answer(*c).body.size(), 20'000);
}

BOOST_AUTO_TEST_CASE(stopping_ends_streams_cleanly) {
  eventually<stream_ptr> opened;
  auto s = serve(streams_to(opened));
  client c{s->port()};
  c.send(get_request);
  auto out = opened.get();
  out->write(bytes("x"));
  c.read_until("x\r\n");
  std::thread stopper{[&] { s->stop(std::chrono::seconds{20}); }};
  BOOST_CHECK_EQUAL(c.read_to_end(), "0\r\n\r\n");
  c.reset();
  stopper.join();
  BOOST_CHECK(!out->write(bytes("y")));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(transport_upgrade)

BOOST_AUTO_TEST_CASE(raw_streams_read_what_came_early_and_write) {
  for (bool tls : {false, true}) {
    auto hook = [](auto&) {
      return transport::upgrade{[](std::shared_ptr<transport::upgrade_request> request) {
        request->accept([](raw_ptr raw) {
          auto again = std::make_shared<std::function<void()>>();
          *again = [raw, again] {
            raw->read([raw, again](auto ec, std::string_view in) {
              if (ec) {
                raw->write(std::string{"bye"}, [raw, again](auto) {
                  raw->close();
                  *again = {};
                });
                return;
              }
              raw->write("<" + std::string{in} + ">", [again](auto) { (*again)(); });
            });
          };
          (*again)();
        });
      }};
    };
    auto s = serve(hook, tls ? shared_pki().options() : transport::transport_options{});
    auto c = tls ? std::make_unique<client>(s->port(), shared_pki().ca.certificate, nullptr)
                 : std::make_unique<client>(s->port());
    c->send(upgrade_request + "early");
    BOOST_CHECK_EQUAL(c->read_until(">"), "<early>");
    c->send("more");
    BOOST_CHECK_EQUAL(c->read_until(">"), "<more>");
    BOOST_CHECK_EQUAL(s->stats().upgraded, 1);
    c->shutdown_write();
    BOOST_CHECK_EQUAL(c->read_to_end(), "bye");
    BOOST_CHECK(becomes_true([&] { return s->stats().upgraded == 0; }));
  }
}

BOOST_AUTO_TEST_CASE(relay_copies_both_ways_without_credentials) {
  for (bool tls : {false, true}) {
    std::string head;
    eventually<transport::relay_result> ended;
    upstream up{[&](int fd) {
      head = receive_until(fd, "\r\n\r\n");
      send_all(fd, switching);
      echo_to_end(fd);
    }};
    auto s = serve(relays_to(up.where, ended),
                   tls ? shared_pki().options() : transport::transport_options{});
    auto c = tls ? std::make_unique<client>(s->port(), shared_pki().ca.certificate, nullptr)
                 : std::make_unique<client>(s->port());
    c->send(upgrade_request);
    BOOST_CHECK_EQUAL(c->read_until("\r\n\r\n"), switching);
    std::string sent;
    for (int i = 0; i < 3'000'000; ++i)
      sent += static_cast<char>(i * 7 % 251);
    std::thread sender{[&] {
      if (!tls) {          // one OpenSSL object must not be used by two threads
        c->try_send(sent); // Boost.Test's macros are for one thread
        c->shutdown_write();
      }
    }};
    if (tls) {
      sent.resize(20'000);
      c->send(sent);
    }
    BOOST_CHECK(c->read_exactly(sent.size()) == sent);
    sender.join();
    if (tls)
      c->shutdown_write();
    BOOST_CHECK(c->read_to_end().empty());
    auto result = ended.get();
    BOOST_CHECK(!result.error);
    BOOST_CHECK_EQUAL(result.to_upstream, sent.size());
    BOOST_CHECK_EQUAL(result.to_client, sent.size() + switching.size());
    BOOST_CHECK_EQUAL(head.substr(0, head.find("\r\n")), "POST /exec/token HTTP/1.1");
    BOOST_CHECK(head.find("secret") == head.npos);
    BOOST_CHECK(head.find("Upgrade: SPDY/3.1") != head.npos);
  }
}

BOOST_AUTO_TEST_CASE(relay_reaches_unix_sockets) {
  char directory[] = "/tmp/thespis-test-XXXXXX";
  BOOST_REQUIRE(::mkdtemp(directory) != nullptr);
  auto path = std::string{directory} + "/up.sock";
  {
    eventually<transport::relay_result> ended;
    upstream up{[&](int fd) {
                  receive_until(fd, "\r\n\r\n");
                  send_all(fd, "hello");
                },
                path};
    auto s = serve(relays_to(up.where, ended));
    client c{s->port()};
    c.send(upgrade_request);
    BOOST_CHECK_EQUAL(c.read_exactly(5), "hello");
    c.reset();
    ended.get();
  }
  ::unlink(path.c_str());
  ::rmdir(directory);
}

BOOST_AUTO_TEST_CASE(client_reset_ends_the_relay_and_the_upstream) {
  eventually<transport::relay_result> ended;
  eventually<bool> upstream_saw_the_end;
  upstream up{[&](int fd) {
    receive_until(fd, "\r\n\r\n");
    send_all(fd, switching);
    char byte;
    upstream_saw_the_end.set(::recv(fd, &byte, 1, 0) <= 0);
  }};
  auto s = serve(relays_to(up.where, ended));
  client c{s->port()};
  c.send(upgrade_request);
  c.read_until("\r\n\r\n");
  c.reset();
  BOOST_CHECK(upstream_saw_the_end.get());
  ended.get();
  BOOST_CHECK(becomes_true([&] { return s->stats().upgraded == 0; }));
}

BOOST_AUTO_TEST_CASE(a_slow_reader_slows_the_sender_down) {
  eventually<transport::relay_result> ended;
  std::atomic<size_t> sent{0};
  upstream up{[&](int fd) {
    receive_until(fd, "\r\n\r\n");
    std::string block(64 * 1024, 'b');
    for (int i = 0; i < 512; ++i) {
      send_all(fd, block);
      sent += block.size();
    }
  }};
  auto s = serve(relays_to(up.where, ended));
  client c{s->port()};
  c.send(upgrade_request);
  c.read_exactly(1);
  size_t before = 0;
  // The upstream comes to a halt while nobody reads, far from its 32 MiB.
  BOOST_CHECK(
      becomes_true([&] { return std::exchange(before, sent.load()) == sent && before > 0; }));
  BOOST_CHECK_LT(sent, 30 << 20);
  BOOST_CHECK_EQUAL(c.read_exactly((32 << 20) - 1).size(), (32 << 20) - 1);
  c.shutdown_write();
  BOOST_CHECK_EQUAL(ended.get().to_client, 32 << 20);
}

BOOST_AUTO_TEST_CASE(unreachable_upstreams_answer_500) {
  eventually<transport::relay_result> ended;
  transport::endpoint nowhere;
  nowhere.unix_path = "/nonexistent/thespis.sock";
  auto s = serve(relays_to(nowhere, ended));
  client c{s->port()};
  c.send(upgrade_request);
  auto a = read_answer(c);
  BOOST_CHECK_EQUAL(a.status, 500);
  BOOST_CHECK(a.body.find("\"kind\":\"Status\"") != a.body.npos);
  BOOST_CHECK(ended.get().error);
}

BOOST_AUTO_TEST_CASE(silent_relays_end) {
  eventually<transport::relay_result> ended;
  upstream up{[&](int fd) { receive_until(fd, "never"); }};
  transport::relay_options o;
  o.idle = std::chrono::milliseconds{300};
  auto s = serve(relays_to(up.where, ended, o));
  client c{s->port()};
  c.send(upgrade_request);
  BOOST_CHECK_EQUAL(ended.get().error.message(),
                    boost::system::error_code{boost::asio::error::timed_out}.message());
  BOOST_CHECK(c.read_to_end().empty());
}

BOOST_AUTO_TEST_CASE(upgrades_may_be_refused_later_or_forgotten) {
  std::mutex m;
  std::vector<std::thread> threads;
  auto s = serve([&](auto& head) -> transport::outcome {
    if (!head.wants_upgrade())
      return text("plain");
    bool forget = head.path() == "/forget";
    return transport::upgrade{[&, forget](std::shared_ptr<transport::upgrade_request> request) {
      std::lock_guard lock{m};
      if (!forget)
        threads.emplace_back([request] { request->refuse(transport::refuse(403, "{}").answer); });
    }};
  });
  client c{s->port()};
  c.send("GET /refuse HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
         "websocket\r\n\r\n");
  BOOST_CHECK_EQUAL(read_answer(c).status, 403);
  BOOST_CHECK_EQUAL(get(c, "/plain").body, "plain");
  c.send("GET /forget HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  BOOST_CHECK_EQUAL(read_answer(c).status, 500);
  for (auto& t : threads)
    t.join();
}

BOOST_AUTO_TEST_CASE(upgrades_with_a_body_are_refused) {
  auto s = serve(
      [](auto&) { return transport::upgrade{[](auto request) { request->accept([](auto) {}); }}; });
  client c{s->port()};
  c.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: "
         "2\r\n\r\nab");
  BOOST_CHECK_EQUAL(read_answer(c).status, 400);
}

BOOST_AUTO_TEST_CASE(stopping_closes_upgraded_connections) {
  eventually<raw_ptr> taken;
  auto s = serve([&](auto&) {
    return transport::upgrade{
        [&](auto request) { request->accept([&](raw_ptr raw) { taken.set(raw); }); }};
  });
  client c{s->port()};
  c.send(upgrade_request);
  auto raw = taken.get();
  eventually<bool> aborted;
  raw->read([&](auto ec, auto) { aborted.set(bool(ec)); });
  s->stop(std::chrono::milliseconds{0});
  BOOST_CHECK(c.read_to_end().empty());
  BOOST_CHECK(aborted.get());
}

BOOST_AUTO_TEST_SUITE_END()
