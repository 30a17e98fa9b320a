// Many who never finish what they begin, beside few who do. `thespis bench slow-clients` measures
// the same with ten thousand.
#include "support.hpp"

#include <algorithm>
#include <fstream>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace thespis::test;

namespace {

constexpr size_t crowd_size = 400;

/// Connections that have sent the beginning of a TLS handshake, and send no more.
class crowd {
public:
  crowd(uint16_t port, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      BOOST_REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
      BOOST_REQUIRE(::send(fd, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL) == 4);
      fds_.push_back(fd);
    }
  }
  ~crowd() {
    for (const int fd : fds_)
      ::close(fd);
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

  /// How many the server has ended.
  size_t ended() const {
    return static_cast<size_t>(std::count_if(fds_.begin(), fds_.end(), [](int fd) {
      char c = 0;
      const auto n = ::recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);
      return n == 0 || (n < 0 && errno != EAGAIN);
    }));
  }

private:
  std::vector<int> fds_;
};

size_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

transport::outcome hello(const transport::request_head&) {
  return text("hello");
}

} // namespace

BOOST_AUTO_TEST_SUITE(slow_clients)

BOOST_AUTO_TEST_CASE(do_not_keep_others_from_being_answered) {
  const auto s = serve(hello, shared_pki().options());
  const crowd slow{s->port(), crowd_size};
  BOOST_REQUIRE(becomes_true([&] { return s->stats().connections >= crowd_size; }));
  client known{s->port(), shared_pki().ca.certificate, nullptr};
  for (int i = 0; i < 100; ++i)
    BOOST_REQUIRE_EQUAL(get(known, "/").body, "hello");
  // Somebody new comes in, too.
  client late{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_TEST(get(late, "/").body == "hello");
}

BOOST_AUTO_TEST_CASE(are_ended_when_their_time_is_over) {
  auto options = shared_pki().options();
  options.limits.handshake = std::chrono::milliseconds{300};
  const auto s = serve(hello, std::move(options));
  const crowd slow{s->port(), crowd_size};
  BOOST_TEST(becomes_true([&] { return slow.ended() == crowd_size; }));
  BOOST_TEST(becomes_true([&] { return s->stats().connections == 0; }));
}

BOOST_AUTO_TEST_CASE(make_room_for_newer_ones_when_there_are_too_many) {
  auto options = shared_pki().options();
  options.limits.max_handshakes = 100;
  const auto s = serve(hello, std::move(options));
  const crowd slow{s->port(), crowd_size};
  BOOST_TEST(becomes_true([&] { return slow.ended() >= crowd_size - 100; }));
  client late{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_TEST(get(late, "/").body == "hello");
}

BOOST_AUTO_TEST_CASE(make_room_also_when_they_only_ask_for_nothing) {
  auto options = shared_pki().options();
  options.limits.max_handshakes = 20;
  const auto s = serve(hello, std::move(options));
  client known{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_TEST(get(known, "/").body == "hello");
  std::vector<std::unique_ptr<client>> silent;
  for (int i = 0; i < 60; ++i)
    silent.push_back(std::make_unique<client>(s->port(), shared_pki().ca.certificate, nullptr));
  BOOST_TEST(becomes_true([&] { return s->stats().connections <= 21; }));
  BOOST_TEST(get(known, "/").body == "hello");
  client late{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_TEST(get(late, "/").body == "hello");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
BOOST_AUTO_TEST_CASE(cost_little_memory_each) {
  const auto s = serve(hello, shared_pki().options());
  { // what the first ones cost once
    const crowd first{s->port(), 20};
    BOOST_REQUIRE(becomes_true([&] { return s->stats().connections >= 20; }));
  }
  const auto before = resident_bytes();
  const crowd slow{s->port(), crowd_size};
  BOOST_REQUIRE(becomes_true([&] { return s->stats().connections >= crowd_size; }));
  const auto each = (std::max(resident_bytes(), before) - before) / crowd_size;
  BOOST_TEST_MESSAGE("a connection before its handshake costs " << each << " bytes");
  BOOST_TEST(each <= 64 * 1024u);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
