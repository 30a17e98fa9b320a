#include "proxy/dns/server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <thread>

using namespace thespis::proxy::dns;
namespace api = thespis::api;
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

namespace {

/// Bytes of one address at the end of an answer.
std::string last_address(const std::string& answer) {
  std::string res;
  for (size_t i = answer.size() - 4; i < answer.size(); ++i)
    res += (res.empty() ? "" : ".") + std::to_string(static_cast<uint8_t>(answer[i]));
  return res;
}

/// A resolver above, whose every answer is 198.51.100.7 with that TTL.
class fake_resolver {
public:
  fake_resolver() : socket_(io_, udp::endpoint{asio::ip::make_address("127.0.0.1"), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~fake_resolver() {
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    udp::socket knock{io_, udp::v4()};
    knock.send_to(asio::buffer("x", 1), socket_.local_endpoint());
    thread_.join();
  }
  uint16_t port() const { return socket_.local_endpoint().port(); }
  int asked() const { return asked_; }

private:
  void serve() {
    for (;;) {
      std::array<char, 2048> in;
      udp::endpoint from;
      boost::system::error_code e;
      const size_t n = socket_.receive_from(asio::buffer(in), from, 0, e);
      if (e || n < 12)
        return;
      ++asked_;
      std::string out{in.data(), n};
      // A forged answer comes first, and must not be taken.
      auto forged = out;
      forged[2] = static_cast<char>(0x81);
      forged[0] = static_cast<char>(forged[0] ^ 0x55);
      socket_.send_to(asio::buffer(forged), from);
      out[2] = static_cast<char>(0x81);
      out[3] = static_cast<char>(0x80);
      out[7] = 1;
      out += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x07", 16);
      socket_.send_to(asio::buffer(out), from);
    }
  }

  asio::io_context io_;
  udp::socket socket_;
  std::atomic<int> asked_{0};
  std::thread thread_;
};

struct fixture {
  fake_resolver above;
  std::unique_ptr<server> s;
  asio::io_context io;
  std::string listens;

  fixture() { begin("127.0.0.1"); }

  void begin(const std::string& address) {
    listens = address;
    server_options o;
    o.address = address;
    o.upstreams = {{"127.0.0.1", above.port()}};
    o.random_id = [n = uint16_t{100}]() mutable { return ++n; };
    auto started = server::start(std::move(o));
    BOOST_REQUIRE(started);
    s = std::move(*started);
    s->change([](zone& z) { z.set({"default", "web"}, {{}, {"10.43.0.9"}, {}, {}}); });
  }

  udp::endpoint at() const { return {asio::ip::make_address(listens), s->port()}; }

  /// Sends, then waits for the answer; empty after ten seconds.
  std::string over_udp(const std::string& request) {
    udp::socket c{io, at().protocol()};
    timeval limit{10, 0};
    ::setsockopt(c.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    c.send_to(asio::buffer(request), at());
    std::string res(4096, '\0');
    const auto n = ::recv(c.native_handle(), res.data(), res.size(), 0);
    res.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return res;
  }
};

std::string framed(const std::string& s) {
  return std::string{static_cast<char>(s.size() >> 8), static_cast<char>(s.size())} + s;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_server, fixture)

BOOST_AUTO_TEST_CASE(answers_over_udp) {
  const auto got = over_udp(encode_query(7, "web.default.svc.cluster.local", type_a, false));
  BOOST_REQUIRE_GT(got.size(), 12U);
  BOOST_TEST(last_address(got) == "10.43.0.9");
}

BOOST_AUTO_TEST_CASE(answers_over_ipv6) {
  begin("::1");
  const auto got = over_udp(encode_query(7, "web.default.svc.cluster.local", type_a, false));
  BOOST_REQUIRE_GT(got.size(), 12U);
  BOOST_TEST(last_address(got) == "10.43.0.9");
}

BOOST_AUTO_TEST_CASE(answers_many_over_one_tcp_connection) {
  tcp::socket c{io};
  c.connect({at().address(), s->port()});
  const auto one = framed(encode_query(1, "web.default.svc.cluster.local", type_a, false));
  const auto two = framed(encode_query(2, "none.default.svc.cluster.local", type_a, false));
  // Both in one segment, the second's tail later.
  asio::write(c, asio::buffer(one + two.substr(0, 5)));
  asio::write(c, asio::buffer(two.substr(5)));
  for (uint16_t id : {1, 2}) {
    std::string head(2, '\0');
    asio::read(c, asio::buffer(head));
    std::string body(
        static_cast<size_t>(static_cast<uint8_t>(head[0]) << 8 | static_cast<uint8_t>(head[1])),
        '\0');
    asio::read(c, asio::buffer(body));
    BOOST_TEST(id_of(body) == id);
  }
  // A length that no message has ends the connection.
  asio::write(c, asio::buffer(std::string(2, '\0')));
  boost::system::error_code e;
  std::array<char, 1> byte;
  asio::read(c, asio::buffer(byte), e);
  BOOST_TEST(e == asio::error::eof);
}

BOOST_AUTO_TEST_CASE(asks_above_once_and_takes_no_forged_answer) {
  const auto request = encode_query(7, "example.org", type_a, false);
  for (int i = 0; i < 3; ++i) {
    const auto got = over_udp(request);
    BOOST_REQUIRE_GT(got.size(), 12U);
    BOOST_TEST(id_of(got) == 7);
    BOOST_TEST(last_address(got) == "198.51.100.7");
  }
  BOOST_TEST(above.asked() == 1);
}

BOOST_AUTO_TEST_CASE(closes_what_is_too_much) {
  std::vector<tcp::socket> all;
  for (size_t i = 0; i <= max_connections; ++i) {
    all.emplace_back(io);
    all.back().connect({at().address(), s->port()});
  }
  boost::system::error_code e;
  std::array<char, 1> byte;
  asio::read(all.back(), asio::buffer(byte), e);
  BOOST_TEST(e == asio::error::eof);
  all.clear();
  BOOST_TEST(!over_udp(encode_query(7, "web.default.svc.cluster.local", type_a, false)).empty());
}

BOOST_AUTO_TEST_CASE(reads_the_resolvers_of_a_machine) {
  const auto found = upstreams_of("# comment\nsearch lan\nnameserver 198.51.100.1\n"
                                  "nameserver 10.43.0.10\nnameserver bad\nnameserver fd00::1\n",
                                  {"10.43.0.10"});
  BOOST_REQUIRE_EQUAL(found.size(), 2U);
  BOOST_TEST(found[0].address == "198.51.100.1");
  BOOST_TEST(found[1].address == "fd00::1");
}

BOOST_AUTO_TEST_SUITE_END()
