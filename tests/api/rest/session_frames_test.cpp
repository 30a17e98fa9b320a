// How a client of exec is told that its session has failed, in its own protocol.
#include "api/rest/session_frames.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;
using rest::session_frames;

namespace {

const std::string spdy =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n";
const std::string websocket =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n";

std::string spdy_data(int stream, const std::string& text, char flags = 0) {
  const auto n = static_cast<char>(text.size());
  return std::string{0, 0, 0, static_cast<char>(stream), flags, 0, 0, n} + text;
}
/// A control frame: an answer to an opened stream.
std::string spdy_reply(int stream) {
  return std::string{static_cast<char>(0x80),  3, 0, 2, 0, 0, 0, 4, 0, 0, 0,
                     static_cast<char>(stream)};
}
std::string websocket_data(int channel, const std::string& text) {
  return std::string{static_cast<char>(0x82), static_cast<char>(text.size() + 1),
                     static_cast<char>(channel)} +
         text;
}

error gone() {
  error e;
  e.why = reason::service_unavailable;
  e.message = "the node is gone";
  return e;
}

std::string words_after(const std::string& bytes, size_t piece = 1000) {
  session_frames f;
  for (size_t i = 0; i < bytes.size(); i += piece)
    f.sent(std::string_view{bytes}.substr(i, piece));
  return f.last_words(gone());
}

} // namespace

BOOST_AUTO_TEST_SUITE(session_ends)

BOOST_AUTO_TEST_CASE(spdy_is_told_on_the_stream_of_errors) {
  const auto status = to_status_json(gone());
  BOOST_REQUIRE(status.find("the node is gone") != std::string::npos);
  auto expected = spdy_data(1, status, 1);
  expected[6] = static_cast<char>(status.size() >> 8);
  for (size_t piece : {1, 2, 3, 7, 1000})
    BOOST_TEST(words_after(spdy + spdy_reply(1) + spdy_reply(3) + spdy_data(3, "some output"),
                           piece) == expected);
}

BOOST_AUTO_TEST_CASE(older_protocols_have_text) {
  auto old = spdy;
  old.replace(old.find("v4."), 3, "v3.");
  BOOST_TEST(words_after(old) == spdy_data(1, "the node is gone", 1));
}

BOOST_AUTO_TEST_CASE(websocket_is_told_on_its_channel_and_closed) {
  const auto status = to_status_json(gone());
  const auto words = words_after(
      websocket + websocket_data(1, "out") + std::string{static_cast<char>(0x89), 0}, 1);
  const auto size = status.size() + 1;
  BOOST_REQUIRE(size >= 126u);
  BOOST_TEST(words == std::string({static_cast<char>(0x82), 126, static_cast<char>(size >> 8),
                                   static_cast<char>(size), 3}) +
                          status + "\x88\x02\x03\xf3");
}

BOOST_AUTO_TEST_CASE(long_frames_of_a_websocket_are_followed) {
  const std::string text(70'000, 'x');
  const std::string head{static_cast<char>(0x82), 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71, 1};
  BOOST_TEST(!words_after(websocket + head + text, 4096).empty()); // 70,001 with the channel
  BOOST_TEST(words_after(websocket + head + text.substr(1), 4096).empty());
}

BOOST_AUTO_TEST_CASE(who_knows_how_it_ended_is_told_nothing) {
  BOOST_TEST(words_after(spdy + spdy_data(1, R"({"status":"Success"})")).empty());
  BOOST_TEST(words_after(websocket + websocket_data(3, R"({"status":"Success"})")).empty());
  BOOST_TEST(words_after(websocket + std::string{static_cast<char>(0x88), 0}).empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_said_amid_a_frame_or_before_the_switch) {
  const auto whole = spdy + spdy_data(3, "some output");
  for (size_t cut = 1; cut < 19; ++cut)
    BOOST_TEST(words_after(whole.substr(0, whole.size() - cut)).empty());
  BOOST_TEST(words_after({}).empty());
  BOOST_TEST(words_after(spdy.substr(0, 40)).empty());
  BOOST_TEST(words_after("HTTP/1.1 403 Forbidden\r\nUpgrade: SPDY/3.1\r\n\r\n").empty());
  BOOST_TEST(words_after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n").empty());
}

BOOST_AUTO_TEST_CASE(any_bytes_do) {
  std::mt19937_64 dice{7};
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = i % 3 == 0 ? spdy : i % 3 == 1 ? websocket : std::string{};
    for (auto n = dice() % 200; n > 0; --n)
      bytes += static_cast<char>(dice());
    (void)words_after(bytes, 1 + dice() % 50);
  }
  session_frames f;
  f.sent(std::string(1'000'000, 'h')); // an answer without end
  BOOST_TEST(f.last_words(gone()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
