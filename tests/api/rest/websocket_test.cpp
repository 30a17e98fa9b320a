#include "api/rest/websocket.hpp"
#include "api/text/base64.hpp"
#include "fixture.hpp"

using namespace thespis::test;
using namespace thespis::api::rest;

namespace {

/// A client that has shaken hands.
class websocket_client {
public:
  websocket_client(rest_fixture& f, std::string_view target, std::string_view protocol = {})
      : connection_(f.server->port()) {
    std::string text = "GET " + std::string(target) +
                       " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin-token\r\n"
                       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "Sec-WebSocket-Version: 13\r\n";
    if (!protocol.empty())
      text += "Sec-WebSocket-Protocol: " + std::string(protocol) + "\r\n";
    connection_.send(text + "\r\n");
    head = connection_.read_until("\r\n\r\n");
  }

  /// The next frame: its opcode and bytes; nothing at the end.
  std::pair<int, std::string> next() {
    const auto two = connection_.read_exactly(2);
    if (two.size() < 2)
      return {-1, {}};
    size_t n = static_cast<uint8_t>(two[1]);
    if (n == 126) {
      const auto more = connection_.read_exactly(2);
      n = static_cast<uint8_t>(more[0]) * 256U + static_cast<uint8_t>(more[1]);
    }
    return {static_cast<uint8_t>(two[0]) & 15, connection_.read_exactly(n)};
  }

  void send(uint8_t opcode, const std::string& bytes) {
    std::string frame{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | bytes.size())};
    frame += "mask";
    for (size_t i = 0; i < bytes.size(); ++i)
      frame += static_cast<char>(bytes[i] ^ "mask"[i % 4]);
    connection_.send(frame);
  }
  void send_raw(const std::string& bytes) { connection_.send(bytes); }

  std::string head;

private:
  client connection_;
};

std::string masked(uint8_t first, size_t size) {
  std::string f{static_cast<char>(first), static_cast<char>(0x80 | size), 0, 0, 0, 0};
  return f + std::string(size, 'x');
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(websockets, rest_fixture)

BOOST_AUTO_TEST_CASE(frames_are_those_of_the_specification) {
  BOOST_TEST(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  std::string out;
  put_frame(out, 1, "Hello");
  BOOST_TEST(out == "\x81\x05Hello");
  out.clear();
  put_frame(out, 2, std::string(256, 'x'));
  BOOST_TEST(out.substr(0, 4) == std::string("\x82\x7e\x01\x00", 4));
  out.clear();
  put_frame(out, 2, std::string(65536, 'x'));
  BOOST_TEST(out.substr(0, 10) == std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  const auto hello = take_frame("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58more");
  BOOST_REQUIRE((hello && *hello));
  BOOST_TEST((*hello)->bytes == "Hello");
  BOOST_TEST((*hello)->size == 11U);
}

BOOST_AUTO_TEST_CASE(frames_that_no_client_may_send_are_refused) {
  BOOST_TEST(!take_frame("\x81\x05Hello")); // no mask
  BOOST_TEST(!take_frame(masked(0xc1, 1))); // reserved bits
  BOOST_TEST(!take_frame(masked(0x83, 1))); // a kind that there is not
  BOOST_TEST(!take_frame(masked(0x09, 1))); // a control frame in pieces
  BOOST_TEST(!take_frame(std::string("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10)));
  for (size_t n = 0; n < 7; ++n) {
    const auto part = take_frame(masked(0x81, 1).substr(0, n));
    BOOST_TEST((part && !*part));
  }
}

BOOST_AUTO_TEST_CASE(a_watch_sends_each_event_as_a_message) {
  add_pod("default", "a");
  add_pod("default", "b");
  websocket_client w(*this, "/api/v1/namespaces/default/pods?watch=1");
  BOOST_TEST(w.head.starts_with("HTTP/1.1 101 "));
  BOOST_TEST(w.head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
             std::string::npos);
  for (const std::string name : {"a", "b"}) {
    const auto [opcode, text] = w.next();
    BOOST_TEST(opcode == 1);
    const auto event = parse(text);
    BOOST_TEST(text_at(event, {"type"}) == "ADDED");
    BOOST_TEST(text_at(event, {"object", "metadata", "name"}) == name);
  }
  add_pod("default", "c");
  BOOST_TEST(text_at(parse(w.next().second), {"object", "metadata", "name"}) == "c");
  w.send(9, "are you there?");
  BOOST_TEST((w.next() == std::pair<int, std::string>{10, "are you there?"}));
  w.send(8, "");
  BOOST_TEST(w.next().first == 8);
  BOOST_TEST(w.next().first == -1);
  BOOST_TEST(becomes_true([&] { return cluster.watchers() == 0; }));
}

BOOST_AUTO_TEST_CASE(bytes_may_be_wanted_in_base64) {
  add_pod("default", "a");
  websocket_client w(*this, "/api/v1/namespaces/default/pods?watch=1",
                     "base64url.bearer.authorization.k8s.io.YQ, base64.binary.k8s.io");
  BOOST_TEST(w.head.find("Sec-WebSocket-Protocol: base64.binary.k8s.io\r\n") != std::string::npos);
  const auto [opcode, text] = w.next();
  BOOST_TEST(opcode == 1);
  BOOST_TEST(text_at(parse(thespis::api::decode_base64(text).value_or("")), {"type"}) == "ADDED");
}

BOOST_AUTO_TEST_CASE(a_log_comes_as_binary_messages_and_a_farewell) {
  add_pod("default", "web", "{}", "n1");
  websocket_client w(*this, "/api/v1/namespaces/default/pods/web/log", "binary.k8s.io");
  BOOST_TEST(w.head.starts_with("HTTP/1.1 101 "));
  std::string text;
  auto frame = w.next();
  for (; frame.first == 2; frame = w.next())
    text += frame.second;
  BOOST_TEST(text == cluster.log_text);
  BOOST_TEST(frame.first == 8);
  BOOST_TEST(w.next().first == -1);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_before_the_handshake) {
  add_pod("default", "web", "{}", "n1");
  const std::string log = "/api/v1/namespaces/default/pods/web/log";
  BOOST_TEST(websocket_client(*this, log, "chat").head.starts_with("HTTP/1.1 400 "));
  BOOST_TEST(websocket_client(*this, log + "?container=no").head.starts_with("HTTP/1.1 400 "));
  cluster.log_failure = thespis::api::bad_request("waiting to start");
  BOOST_TEST(websocket_client(*this, log).head.starts_with("HTTP/1.1 400 "));
}

BOOST_AUTO_TEST_CASE(a_client_that_talks_nonsense_is_left) {
  websocket_client w(*this, "/api/v1/namespaces/default/pods?watch=1");
  BOOST_TEST(becomes_true([&] { return cluster.watchers() == 1; }));
  w.send_raw("\x81\x05Hello");
  BOOST_TEST(w.next().first == -1);
  BOOST_TEST(becomes_true([&] { return cluster.watchers() == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
