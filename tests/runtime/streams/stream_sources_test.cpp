// The machine's own sources: files and connections, on real threads.
#include "api/error.hpp"
#include "runtime/streams/stream_sources.hpp"

#include <boost/asio.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <unistd.h>

using namespace thespis;
using namespace thespis::runtime;
using boost::asio::ip::tcp;

namespace {

using port_ptr = std::shared_ptr<stream_port>;

template <class T, class F>
T wait_for(F start) {
  std::promise<T> p;
  start([&p](T x) { p.set_value(std::move(x)); });
  auto f = p.get_future();
  BOOST_REQUIRE((f.wait_for(std::chrono::seconds{10}) == std::future_status::ready));
  return f.get();
}

std::string read_all(stream_port& p, size_t max) {
  std::string res;
  for (;;) {
    auto got = wait_for<api::result<std::optional<std::string>>>(
        [&](auto cb) { p.read(max, std::move(cb)); });
    BOOST_REQUIRE(got.has_value());
    if (!*got)
      return res;
    BOOST_TEST((*got)->size() <= max);
    res += **got;
  }
}

struct log_file {
  log_file() { std::ofstream{path}; }
  ~log_file() { std::filesystem::remove(path); }
  void say(const std::string& text) {
    std::ofstream{path, std::ios::app} << "2026-01-02T03:04:05.000000006Z stdout F " << text
                                       << "\n";
  }
  const std::string path = "/tmp/thespis-stream-" + std::to_string(::getpid()) + ".log";
};

} // namespace

BOOST_AUTO_TEST_SUITE(stream_sources)

BOOST_AUTO_TEST_CASE(a_log_is_given_in_pieces_and_ends_at_its_end) {
  log_file file;
  file.say("hello");
  file.say(std::string(1000, 'x'));
  const auto sources = make_machine_streams();
  const auto port = wait_for<api::result<port_ptr>>(
      [&](auto cb) { sources->open_log(file.path, {}, nullptr, std::move(cb)); });
  BOOST_REQUIRE(port.has_value());
  BOOST_TEST(read_all(**port, 100) == "hello\n" + std::string(1000, 'x') + "\n");
}

BOOST_AUTO_TEST_CASE(a_followed_log_goes_on_until_its_container_ends) {
  log_file file;
  file.say("first");
  const auto sources = make_machine_streams();
  std::atomic<bool> runs = true;
  const auto port = wait_for<api::result<port_ptr>>([&](auto cb) {
    sources->open_log(
        file.path, {}, [&](auto told) { told(runs); }, std::move(cb));
  });
  BOOST_REQUIRE(port.has_value());
  std::thread writer{[&] {
    ::usleep(300'000);
    file.say("second");
    runs = false;
  }};
  BOOST_TEST(read_all(**port, 4096) == "first\nsecond\n");
  writer.join();
}

BOOST_AUTO_TEST_CASE(a_log_that_is_not_there_is_said_so) {
  const auto sources = make_machine_streams();
  const auto port = wait_for<api::result<port_ptr>>(
      [&](auto cb) { sources->open_log("/nowhere/x.log", {}, nullptr, std::move(cb)); });
  BOOST_REQUIRE(!port);
  BOOST_TEST((port.error().why == api::reason::not_found));
}

BOOST_AUTO_TEST_CASE(a_connection_carries_both_ways_with_half_close) {
  boost::asio::io_context io;
  tcp::acceptor server{io, {tcp::v4(), 0}};
  std::thread echo{[&] {
    auto s = server.accept();
    std::string all;
    boost::system::error_code ec;
    boost::asio::read(s, boost::asio::dynamic_buffer(all), ec); // until the client's half-close
    boost::asio::write(s, boost::asio::buffer("got " + std::to_string(all.size())));
  }};
  const auto sources = make_machine_streams();
  const auto port = wait_for<api::result<port_ptr>>([&](auto cb) {
    sources->connect("127.0.0.1", server.local_endpoint().port(), std::move(cb));
  });
  BOOST_REQUIRE(port.has_value());
  BOOST_REQUIRE(wait_for<api::result<void>>([&](auto cb) {
                  (*port)->write(std::string(1 << 20, 'x'), std::move(cb));
                }).has_value());
  (*port)->end_write();
  BOOST_TEST(read_all(**port, 4096) == "got 1048576");
  echo.join();
}

BOOST_AUTO_TEST_CASE(nobody_there_is_said_so_and_open_connections_do_not_outlive_their_source) {
  boost::asio::io_context io;
  tcp::acceptor server{io, {tcp::v4(), 0}};
  auto sources = make_machine_streams();
  const auto port = wait_for<api::result<port_ptr>>([&](auto cb) {
    sources->connect("127.0.0.1", server.local_endpoint().port(), std::move(cb));
  });
  BOOST_REQUIRE(port.has_value());
  std::promise<bool> ended;
  (*port)->read(10, [&](auto got) { ended.set_value(!got); });
  sources.reset();
  BOOST_TEST(ended.get_future().get());
  (*port)->write("x", [](auto) {});
  (*port)->close(std::nullopt);

  server.close();
  const auto again = make_machine_streams();
  const auto none = wait_for<api::result<port_ptr>>(
      [&](auto cb) { again->connect("127.0.0.1", 1, std::move(cb)); });
  BOOST_REQUIRE(!none);
  BOOST_TEST((none.error().why == api::reason::service_unavailable));
}

BOOST_AUTO_TEST_SUITE_END()
