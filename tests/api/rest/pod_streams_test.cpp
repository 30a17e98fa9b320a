#include "api/rest/pod_streams.hpp"
#include "fixture.hpp"

#include <boost/asio.hpp>

using namespace thespis::test;
using boost::asio::ip::tcp;

namespace {

const std::string pod = "/api/v1/namespaces/default/pods/web";

/// A streaming server that takes one connection, switches protocols and echoes.
class echo_server {
public:
  echo_server() : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~echo_server() {
    if (thread_.joinable())
      thread_.join();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/exec/TOKEN";
  }
  std::string head() {
    thread_.join();
    return head_;
  }

private:
  void serve() {
    tcp::socket socket(context_);
    boost::system::error_code ec;
    acceptor_.accept(socket, ec);
    std::string buffer;
    auto n = boost::asio::read_until(socket, boost::asio::dynamic_buffer(buffer), "\r\n\r\n", ec);
    head_ = buffer.substr(0, n);
    std::string answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\nhello";
    boost::asio::write(socket, boost::asio::buffer(answer), ec);
    char bytes[64];
    size_t got = socket.read_some(boost::asio::buffer(bytes), ec);
    boost::asio::write(socket, boost::asio::buffer(bytes, got), ec);
  }

  boost::asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
  std::string head_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(pod_streams, rest_fixture)

BOOST_AUTO_TEST_CASE(logs_pass_with_their_options) {
  add_pod("default", "web", "{}", "n1");
  auto a = get(pod + "/log?tailLines=5&timestamps=true&sinceSeconds=60&limitBytes=100&previous=1");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.headers["content-type"] == "text/plain");
  BOOST_TEST(a.body == "first line\nsecond line\n");
  BOOST_TEST(cluster.last_log.container == "main");
  BOOST_TEST(*cluster.last_log.tail_lines == 5);
  BOOST_TEST(*cluster.last_log.since_seconds == 60);
  BOOST_TEST(*cluster.last_log.limit_bytes == 100);
  BOOST_TEST(cluster.last_log.timestamps);
  BOOST_TEST(cluster.last_log.previous);
  BOOST_TEST(!cluster.last_log.follow);
}

BOOST_AUTO_TEST_CASE(log_failures_keep_their_status) {
  check_status(get(pod + "/log"), 404, "NotFound", "pods \"web\" not found");
  add_pod("default", "web", "{}", "n1");
  check_status(get(pod + "/log?container=nope"), 400, "BadRequest",
               "container nope is not valid for pod web");
  check_status(get(pod + "/log?tailLines=-1"), 422, "Invalid");
  check_status(get(pod + "/log?sinceTime=yesterday"), 400, "BadRequest");
  cluster.log_failure = thespis::api::bad_request(
      "container \"main\" in pod \"web\" is waiting to start: ContainerCreating");
  check_status(get(pod + "/log"), 400, "BadRequest",
               "container \"main\" in pod \"web\" is waiting to start: ContainerCreating");
}

BOOST_AUTO_TEST_CASE(a_quiet_log_still_notices_that_its_client_left) {
  add_pod("default", "web", "{}", "n1");
  cluster.hold_log = true;
  {
    watch_client c(*this, pod + "/log?follow=true");
    BOOST_TEST(c.status == 200);
    BOOST_REQUIRE(cluster.held_log.has_value());
    BOOST_TEST(cluster.held_log->more({}));
  }
  BOOST_TEST(becomes_true([&] { return !cluster.held_log->more({}); }));
  cluster.held_log->done(std::nullopt);
  cluster.held_log.reset();
}

BOOST_AUTO_TEST_CASE(a_pod_without_node_has_said_nothing) {
  add_pod("default", "web");
  auto a = get(pod + "/log");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.body.empty());
}

BOOST_AUTO_TEST_CASE(exec_is_relayed_byte_for_byte) {
  add_pod("default", "web", "{}", "n1");
  echo_server upstream;
  cluster.upstream = upstream.url();
  {
    client c(server->port());
    c.send("POST " + pod +
           "/exec?command=sh&command=-c&command=ls+-l&stdin=true&stdout=true&tty=true HTTP/1.1\r\n"
           "Host: api\r\nAuthorization: Bearer admin-token\r\nConnection: Upgrade\r\n"
           "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n");
    BOOST_TEST(c.read_until("\r\n\r\n").find("101 Switching Protocols") != std::string::npos);
    BOOST_TEST(c.read_exactly(5) == "hello");
    c.send("ping");
    BOOST_TEST(c.read_exactly(4) == "ping");
  }
  auto head = upstream.head();
  BOOST_TEST(head.find("POST /exec/TOKEN HTTP/1.1\r\n") == 0u);
  BOOST_TEST(head.find("SPDY/3.1") != std::string::npos);
  BOOST_TEST(head.find("v4.channel.k8s.io") != std::string::npos);
  BOOST_TEST(head.find("admin-token") == std::string::npos);
  BOOST_TEST(head.find("thespis-upstream") == std::string::npos);
  const auto& o = cluster.last_stream;
  BOOST_TEST(o.kind == "exec");
  BOOST_TEST(o.container == "main");
  BOOST_TEST(o.command == (std::vector<std::string>{"sh", "-c", "ls -l"}));
  BOOST_TEST(o.in);
  BOOST_TEST(o.out);
  BOOST_TEST(!o.err);
  BOOST_TEST(o.tty);
}

BOOST_AUTO_TEST_CASE(exec_that_cannot_be_is_a_status) {
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  check_status(get(pod + "/exec?command=sh", upgrade), 404, "NotFound");
  add_pod("default", "web");
  check_status(get(pod + "/exec?command=sh", upgrade), 400, "BadRequest",
               "pod web does not have a host assigned");
  add_pod("default", "web", "{}", "n1");
  check_status(get(pod + "/exec?command=sh"), 400, "BadRequest", "Upgrade request required");
  check_status(get(pod + "/exec?command=sh&container=x", upgrade), 400, "BadRequest",
               "container x is not valid for pod web");
  check_status(get(pod + "/exec", upgrade), 422, "Invalid");
  check_status(get(pod + "/portforward?ports=99999", upgrade), 400, "BadRequest");
  check_status(get(pod + "/exec?command=sh", upgrade), 500, "InternalError");
}

BOOST_AUTO_TEST_CASE(upstream_urls_are_taken_apart) {
  auto up = thespis::api::rest::parse_upstream("http://[::1]:41235/attach/T?x=y");
  BOOST_REQUIRE(up);
  BOOST_TEST(up->to.address == "::1");
  BOOST_TEST(up->to.port == 41235);
  BOOST_TEST(up->host == "[::1]:41235");
  BOOST_TEST(up->target == "/attach/T?x=y");
  for (std::string_view bad : {"", "https://a:1/", "http://a/", "http://a:0/", "http://a:99999/",
                               "http://a:1/x\r\nEvil: y"})
    BOOST_TEST(!thespis::api::rest::parse_upstream(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
