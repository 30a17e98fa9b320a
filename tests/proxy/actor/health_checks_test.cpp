#include "proxy/health_checks.hpp"

#include <boost/asio.hpp>
#include <boost/test/unit_test.hpp>

using namespace thespis::proxy;
using tcp = boost::asio::ip::tcp;

namespace {

uint16_t free_port() {
  boost::asio::io_context io;
  tcp::acceptor probe{io, {tcp::v4(), 0}};
  return probe.local_endpoint().port();
}

/// The whole answer to a request; empty when nobody listens. Ports open a moment after serve().
std::string ask(uint16_t port, bool must_answer = true) {
  for (int i = 0; i < 2000; ++i) {
    boost::asio::io_context io;
    tcp::socket socket{io};
    boost::system::error_code error;
    socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
    if (!error) {
      boost::asio::write(socket, boost::asio::buffer(std::string{"GET /healthz HTTP/1.1\r\n\r\n"}),
                         error);
      std::string text;
      boost::asio::read(socket, boost::asio::dynamic_buffer(text), error);
      if (must_answer)
        return text;
    } else if (!must_answer) {
      return {};
    }
    std::this_thread::yield();
  }
  return "nothing changed";
}

} // namespace

BOOST_AUTO_TEST_SUITE(health_check_ports)

BOOST_AUTO_TEST_CASE(a_node_with_endpoints_is_healthy_and_one_without_is_not) {
  health_checks checks;
  const auto port = free_port();
  checks.serve({{port, {"default", "web", 2}}});
  const auto good = ask(port);
  BOOST_TEST(good.find("HTTP/1.1 200 OK") == 0u);
  BOOST_TEST(good.find("X-Load-Balancing-Endpoint-Weight: 2") != std::string::npos);
  BOOST_TEST(good.find(R"({"service":{"namespace":"default","name":"web"},"localEndpoints":2,)"
                       R"("serviceProxyHealthy":true})") != std::string::npos);
  checks.serve({{port, {"default", "web", 0}}});
  std::string bad;
  for (int i = 0; i < 1000 && bad.find(" 503 ") == std::string::npos; ++i)
    bad = ask(port);
  BOOST_TEST(bad.find("HTTP/1.1 503 Service Unavailable") == 0u);
  BOOST_TEST(bad.find(R"("localEndpoints":0)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_port_closes_with_its_service) {
  health_checks checks;
  const auto port = free_port();
  checks.serve({{port, {"default", "web", 1}}});
  BOOST_TEST(!ask(port).empty());
  checks.serve({});
  BOOST_TEST(ask(port, false).empty());
}

BOOST_AUTO_TEST_SUITE_END()
