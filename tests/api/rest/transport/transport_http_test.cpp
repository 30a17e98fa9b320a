// What well-behaved clients get.
#include "support.hpp"

#include <cpprest/http_listener.h>
#include <cpprest/producerconsumerstream.h>
#include <zlib.h>

using namespace thespis::test;
using web::http::http_request;
using web::http::experimental::listener::http_listener;

namespace {

struct opened {
  opened(const std::shared_ptr<transport::server>& s, std::function<void(http_request)> f)
      : listener{web::uri{s->base_uri()}} {
    listener.support(f);
    listener.open().get();
  }
  ~opened() { listener.close().get(); }
  http_listener listener;
};

transport::outcome to_listener(const transport::request_head&) {
  return transport::proceed{};
}

std::string gunzip(const std::string& packed) {
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  std::string out(8 * 1024 * 1024, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  BOOST_CHECK_EQUAL(inflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(transport_http)

BOOST_AUTO_TEST_CASE(hook_answers_and_connection_is_kept) {
  auto s = serve([](auto& head) { return text(std::string{head.target()}); });
  client c{s->port()};
  for (int i = 0; i < 3; ++i) {
    auto a = get(c, "/a%2Fb?x=" + std::to_string(i));
    BOOST_CHECK_EQUAL(a.status, 200);
    BOOST_CHECK_EQUAL(a.body, "/a%2Fb?x=" + std::to_string(i));
    BOOST_CHECK_EQUAL(a.headers["content-type"], "text/plain");
    BOOST_CHECK(!a.headers["date"].empty());
  }
  BOOST_CHECK_EQUAL(s->stats().accepted, 1);
  BOOST_CHECK_EQUAL(s->stats().requests, 3);
}

BOOST_AUTO_TEST_CASE(head_gives_path_query_and_headers) {
  auto s = serve([](auto& head) {
    return text(std::string{head.method()} + "|" + std::string{head.path()} + "|" +
                std::string{head.query()} + "|" + std::string{head.header("X-one")} + "|" +
                head.peer().address);
  });
  client c{s->port()};
  BOOST_CHECK_EQUAL(get(c, "/p?q=1", "x-ONE: v\r\n").body, "GET|/p|q=1|v|127.0.0.1");
}

BOOST_AUTO_TEST_CASE(listener_gets_body_context_and_replies) {
  auto s = serve([](auto&) {
    return transport::proceed{std::make_shared<std::string>("alice"), 0};
  });
  opened l{s, [](http_request r) {
             auto user = transport::context_of<std::string>(r);
             auto body = r.extract_utf8string(true).get();
             body += body == transport::body_of(r) ? "" : " differs from body_of";
             r.reply(201, *user + ":" + r.method() + ":" + body + ":" +
                              r.relative_uri().to_string() + ":" +
                              std::string{transport::target_of(r)});
           }};
  client c{s->port()};
  c.send("POST /x?y=%20 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  auto a = read_answer(c);
  BOOST_CHECK_EQUAL(a.status, 201);
  BOOST_CHECK_EQUAL(a.body, "alice:POST:hello:/x?y=%20:/x?y=%20");
}

BOOST_AUTO_TEST_CASE(chunked_bodies_are_joined) {
  auto s = serve(to_listener);
  opened l{s, [](http_request r) { r.reply(200, std::string{transport::body_of(r)}); }};
  client c{s->port()};
  c.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  c.send("6;ext=1\r\n world\r\n0\r\n\r\n");
  BOOST_CHECK_EQUAL(read_answer(c).body, "hello world");
}

BOOST_AUTO_TEST_CASE(longest_listener_path_wins_and_unknown_paths_get_404) {
  auto s = serve(to_listener);
  client c{s->port()};
  BOOST_CHECK_EQUAL(get(c, "/").status, 404);
  opened root{s, [](http_request r) { r.reply(200, "root"); }};
  http_listener deep{web::uri{s->base_uri() + "a/b/"}};
  deep.support([](http_request r) { r.reply(200, "deep"); });
  deep.open().get();
  BOOST_CHECK_EQUAL(get(c, "/a/b/c").body, "deep");
  BOOST_CHECK_EQUAL(get(c, "/a/b").body, "deep");
  BOOST_CHECK_EQUAL(get(c, "/a/bc").body, "root");
  deep.close().get();
  BOOST_CHECK_EQUAL(get(c, "/a/b/c").body, "root");
}

BOOST_AUTO_TEST_CASE(wildcard_and_ipv6_addresses_lead_to_their_listener) {
  for (auto* address : {"0.0.0.0", "::"}) {
    transport::transport_options o;
    o.address = address;
    auto started = transport::server::start(o, to_listener);
    if (!started && std::string{address} == "::")
      continue; // no IPv6 on this machine
    BOOST_REQUIRE(started);
    opened l{*started, [](http_request r) { r.reply(200, "here"); }};
    client c{(*started)->port()};
    BOOST_CHECK_EQUAL(get(c, "/").body, "here");
  }
}

BOOST_AUTO_TEST_CASE(transport_survives_the_last_listener) {
  for (int i = 0; i < 3; ++i) {
    auto s = serve(to_listener);
    {
      opened l{s, [](http_request r) { r.reply(200, "one"); }};
      client c{s->port()};
      BOOST_CHECK_EQUAL(get(c, "/").body, "one");
    }
    opened l{s, [](http_request r) { r.reply(200, "two"); }};
    client c{s->port()};
    BOOST_CHECK_EQUAL(get(c, "/").body, "two");
  }
}

BOOST_AUTO_TEST_CASE(replies_come_later_from_any_thread) {
  auto s = serve(to_listener);
  std::vector<std::thread> threads;
  std::mutex m;
  opened l{s, [&](http_request r) {
             std::lock_guard lock{m};
             threads.emplace_back([r] { r.reply(200, "later").get(); });
           }};
  client c{s->port()};
  for (int i = 0; i < 20; ++i)
    BOOST_CHECK_EQUAL(get(c, "/").body, "later");
  for (auto& t : threads)
    t.join();
}

BOOST_AUTO_TEST_CASE(forgotten_and_throwing_handlers_answer_500) {
  auto s = serve(to_listener);
  opened l{s, [](http_request r) {
             if (r.relative_uri().path() == "/throw")
               throw std::runtime_error("no");
           }};
  client c{s->port()};
  auto a = get(c, "/drop");
  BOOST_CHECK_EQUAL(a.status, 500);
  BOOST_CHECK(a.body.find("\"kind\":\"Status\"") != a.body.npos);
  BOOST_CHECK_EQUAL(get(c, "/throw").status, 500);
}

BOOST_AUTO_TEST_CASE(throwing_hook_answers_500) {
  auto s = serve([](auto&) -> transport::outcome { throw std::runtime_error("no"); });
  client c{s->port()};
  BOOST_CHECK_EQUAL(get(c, "/").status, 500);
}

BOOST_AUTO_TEST_CASE(shared_and_scattered_bodies_arrive_whole) {
  auto owner = std::make_shared<std::vector<std::string>>();
  std::string expected;
  for (int i = 0; i < 700; ++i)
    expected +=
        owner->emplace_back(std::string(static_cast<size_t>(i % 97 * 31), char('a' + i % 26)));
  auto s = serve([&](auto&) {
    std::vector<boost::asio::const_buffer> pieces;
    for (auto& piece : *owner)
      pieces.push_back(boost::asio::buffer(piece));
    return transport::respond{
        {200, "text/plain", transport::payload{std::move(pieces), owner}, {}, false}};
  });
  client plain{s->port()};
  BOOST_CHECK(get(plain, "/").body == expected);
  auto t = serve(
      [&](auto&) {
        std::vector<boost::asio::const_buffer> pieces;
        for (auto& piece : *owner)
          pieces.push_back(boost::asio::buffer(piece));
        return transport::respond{
            {200, "text/plain", transport::payload{std::move(pieces), owner}, {}, false}};
      },
      shared_pki().options());
  client tls{t->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK(get(tls, "/").body == expected);
}

BOOST_AUTO_TEST_CASE(reply_shared_sends_the_bytes_and_second_replies_are_dropped) {
  auto bytes = std::make_shared<const std::string>(300'000, 'z');
  auto s = serve(to_listener);
  opened l{s, [&](http_request r) {
             transport::reply_shared(r, 200, "text/plain", bytes, {{"X-A", "b\r\nX-Evil: 1"}});
             transport::reply_shared(r, 500, "text/plain", bytes);
             r.reply(500, "again").get();
           }};
  client c{s->port()};
  for (int i = 0; i < 2; ++i) {
    auto a = get(c, "/");
    BOOST_CHECK_EQUAL(a.status, 200);
    BOOST_CHECK(a.body == *bytes);
    BOOST_CHECK_EQUAL(a.headers["x-a"], "b  X-Evil: 1");
  }
}

BOOST_AUTO_TEST_CASE(large_bodies_are_compressed_only_when_accepted) {
  auto bytes = std::make_shared<const std::string>(300'000, 'z');
  auto s = serve([&](auto& head) {
    auto n = head.path() == "/small" ? 1000 : 300'000;
    return transport::respond{
        {200, "text/plain", transport::payload{std::string(n, 'z')}, {}, false}};
  });
  client c{s->port()};
  auto a = get(c, "/", "Accept-Encoding: deflate, gzip;q=0.5\r\n");
  BOOST_CHECK_EQUAL(a.headers["content-encoding"], "gzip");
  BOOST_CHECK(gunzip(a.body) == *bytes);
  BOOST_CHECK_LT(a.body.size(), 10'000);
  for (auto* refused : {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"})
    BOOST_CHECK_EQUAL(get(c, "/", refused).body.size(), 300'000);
  BOOST_CHECK_EQUAL(get(c, "/small", "Accept-Encoding: gzip\r\n").body.size(), 1000);
}

BOOST_AUTO_TEST_CASE(head_requests_have_no_body) {
  auto s = serve([](auto&) { return text("hello"); });
  client c{s->port()};
  c.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto a = read_answer(c, true);
  BOOST_CHECK_EQUAL(a.headers["content-length"], "5");
  BOOST_CHECK_EQUAL(get(c, "/").body, "hello");
}

BOOST_AUTO_TEST_CASE(http_1_0_is_closed_unless_it_asks_to_live) {
  auto s = serve([](auto&) { return text("x"); });
  client living{s->port()};
  for (int i = 0; i < 2; ++i) {
    living.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    auto a = read_answer(living);
    BOOST_CHECK_EQUAL(a.head.substr(0, 15), "HTTP/1.0 200 OK");
    BOOST_CHECK_EQUAL(a.headers["connection"], "keep-alive");
  }
  client dying{s->port()};
  dying.send("GET / HTTP/1.0\r\n\r\n");
  BOOST_CHECK_EQUAL(read_answer(dying).headers["connection"], "close");
  BOOST_CHECK(dying.read_to_end().empty());
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order) {
  auto s = serve([](auto& head) -> transport::outcome {
    if (head.path().back() % 2 == 0)
      return text(std::string{head.path()});
    return transport::proceed{};
  });
  std::vector<std::thread> threads;
  std::mutex m;
  opened l{s, [&](http_request r) {
             std::lock_guard lock{m};
             threads.emplace_back([r] { r.reply(200, r.relative_uri().path()); });
           }};
  client c{s->port()};
  std::string all;
  for (int i = 0; i < 60; ++i)
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n\r\n";
  c.send(all);
  for (int i = 0; i < 60; ++i)
    BOOST_CHECK_EQUAL(read_answer(c).body, "/" + std::to_string(i));
  for (auto& t : threads)
    t.join();
}

BOOST_AUTO_TEST_CASE(deep_pipelines_do_not_deepen_the_stack) {
  auto s = serve([](auto&) { return text("x"); });
  client c{s->port()};
  std::string all;
  for (int i = 0; i < 20'000; ++i)
    all += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::thread sender{[&] { c.try_send(all); }};
  int good = 0;
  for (int i = 0; i < 20'000; ++i)
    good += read_answer(c).status == 200;
  sender.join();
  BOOST_CHECK_EQUAL(good, 20'000);
}

BOOST_AUTO_TEST_CASE(expect_continue_is_answered_before_the_body) {
  auto s = serve(to_listener);
  opened l{s, [](http_request r) { r.reply(200, std::string{transport::body_of(r)}); }};
  client c{s->port()};
  c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  BOOST_CHECK_EQUAL(c.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  c.send("abc");
  BOOST_CHECK_EQUAL(read_answer(c).body, "abc");
}

BOOST_AUTO_TEST_CASE(refused_expectations_see_no_continue) {
  auto s = serve([](auto&) { return transport::refuse(401, "{}"); });
  client c{s->port()};
  c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  auto a = read_answer(c);
  BOOST_CHECK_EQUAL(a.status, 401);
  BOOST_CHECK_EQUAL(a.headers["connection"], "close");
}

BOOST_AUTO_TEST_CASE(bodies_from_asynchronous_streams_are_collected) {
  auto s = serve(to_listener);
  opened l{s, [](http_request r) {
             concurrency::streams::producer_consumer_buffer<uint8_t> pipe;
             std::string text(100'000, 'q');
             pipe.putn_nocopy(reinterpret_cast<const uint8_t*>(text.data()), text.size()).wait();
             pipe.close(std::ios_base::out).wait();
             r.reply(200, pipe.create_istream(), "text/plain");
           }};
  client c{s->port()};
  auto a = get(c, "/");
  BOOST_CHECK_EQUAL(a.body.size(), 100'000);
}

BOOST_AUTO_TEST_CASE(stopping_finishes_what_is_in_flight) {
  auto s = serve(to_listener);
  eventually<http_request> arrived;
  opened l{s, [&](http_request r) { arrived.set(r); }};
  client busy{s->port()}, idle{s->port()};
  BOOST_CHECK(becomes_true([&] { return s->stats().connections == 2; }));
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto request = arrived.get();
  std::thread stopper{[&] { s->stop(std::chrono::seconds{20}); }};
  BOOST_CHECK(idle.read_to_end().empty());
  request.reply(200, "done");
  auto a = read_answer(busy);
  BOOST_CHECK_EQUAL(a.body, "done");
  BOOST_CHECK_EQUAL(a.headers["connection"], "close");
  BOOST_CHECK(busy.read_to_end().empty());
  busy.reset();
  stopper.join();
}

BOOST_AUTO_TEST_CASE(replies_after_client_or_server_have_gone_are_harmless) {
  auto s = serve(to_listener);
  std::mutex m;
  std::vector<http_request> held;
  opened l{s, [&](http_request r) {
             std::lock_guard lock{m};
             held.push_back(r);
           }};
  for (int i = 0; i < 10; ++i) {
    client c{s->port()};
    c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_CHECK(becomes_true([&] {
      std::lock_guard lock{m};
      return held.size() == static_cast<size_t>(i) + 1;
    }));
    if (i % 2)
      c.reset();
  }
  for (size_t i = 0; i < 5; ++i)
    held[i].reply(200, "too late").get();
  s->stop(std::chrono::milliseconds{0});
  held[5].reply(200, "much too late").get();
  held.clear();
}

BOOST_AUTO_TEST_SUITE_END()
