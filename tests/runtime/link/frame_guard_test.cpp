// What a linked peer may make this process read: every kind of bytes that are not good messages.
#include "runtime/link/frame_guard.hpp"

#include <boost/test/unit_test.hpp>

#include <caf/atom.hpp>

#include <random>

using namespace thespis::runtime::link;

namespace {

using std::string;

string number(uint64_t n, int bytes) {
  string res;
  for (int i = bytes - 1; i >= 0; --i)
    res += static_cast<char>(n >> (8 * i));
  return res;
}

/// One message as CAF's wire has it.
string frame(uint8_t operation, const string& payload, uint64_t source = 0, uint64_t dest = 0,
             uint8_t flags = 0) {
  string head(4, '\0');
  head[0] = static_cast<char>(operation);
  head[3] = static_cast<char>(flags);
  return head + number(payload.size(), 4) + number(0, 8) + number(source, 8) + number(dest, 8) +
         payload;
}

constexpr uint8_t server_handshake = 0, client_handshake = 1, direct = 2, routed = 3, monitor = 4,
                  down = 5, heartbeat = 6;

string message(const string& types, const string& content = "content", uint8_t stages = 0) {
  const auto names = "@<>" + types;
  return string(1, static_cast<char>(stages)) + string(2, '\0') +
         string(1, static_cast<char>(names.size())) + names + content;
}

const string peer = "peer-node", own = "own-node";
const string hello = frame(client_handshake, peer);
constexpr uint64_t gateway = 7;

struct server_end {
  explicit server_end(guard_limits limits = {})
      : guard(side::server, limits, [this](std::string_view who) {
          return who.starts_with(peer) && !refuse ? peer + own : string{};
        }) {
    guard.admit(gateway);
  }
  /// The reason why the link ended; empty while it lives.
  string take(const string& bytes) {
    out.clear();
    return guard.take(bytes, out, now);
  }
  string passed() const { return {out.begin(), out.end()}; }

  bool refuse = false;
  frame_guard guard;
  std::vector<char> out;
  frame_guard::time_point now{std::chrono::seconds{1}};
};

bool says(const string& why, std::string_view part) {
  return why.find(part) != string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(link_guard)

BOOST_AUTO_TEST_CASE(good_messages_pass_whole_however_they_are_cut) {
  const auto all = hello + frame(direct, message("+call_batch"), 3, gateway) +
                   frame(heartbeat, "") + frame(monitor, peer + own, 0, gateway) +
                   frame(direct, message("+watch_credit"), 4, gateway);
  for (size_t step : {size_t{1}, size_t{7}, size_t{31}, size_t{33}, all.size()}) {
    server_end s;
    string passed;
    for (size_t at = 0; at < all.size(); at += step) {
      BOOST_TEST(s.take(all.substr(at, step)) == "");
      passed += s.passed();
    }
    BOOST_TEST(passed == all);
    BOOST_TEST(s.guard.messages() == 5);
  }
}

BOOST_AUTO_TEST_CASE(nothing_comes_before_the_handshake_and_no_other_after_it) {
  BOOST_TEST(says(server_end{}.take(frame(direct, message("+call_batch"), 1, gateway)), "before"));
  BOOST_TEST(server_end{}.take(frame(server_handshake, own)) != "");
  server_end s;
  BOOST_TEST(s.take(hello + hello) == "");
  BOOST_TEST(says(s.take(frame(client_handshake, peer + "2")), "second handshake"));
  BOOST_TEST(s.passed().empty());
}

BOOST_AUTO_TEST_CASE(an_identity_that_is_refused_ends_the_link) {
  server_end s;
  s.refuse = true;
  BOOST_TEST(says(s.take(hello), "identity"));
  BOOST_TEST(s.take(frame(heartbeat, "")) != "");
  BOOST_TEST(s.passed().empty());
}

BOOST_AUTO_TEST_CASE(a_length_beyond_the_limit_ends_the_link_before_its_bytes_come) {
  guard_limits limits;
  limits.message_bytes = 1000;
  server_end s{limits};
  BOOST_TEST(s.take(hello) == "");
  const auto long_one = frame(direct, message("+call_batch", string(2000, 'x')), 1, gateway);
  BOOST_TEST(says(s.take(long_one.substr(0, frame_header_bytes)), "the limit is 1000"));
  BOOST_TEST(server_end{}.take(frame(client_handshake, string(70'000, 'x'))) != "");
  server_end t;
  BOOST_TEST(t.take(hello) == "");
  auto claim = frame(down, "x");
  claim[4] = claim[5] = claim[6] = claim[7] = '\xff';
  BOOST_TEST(says(t.take(claim), "4294967295"));
}

BOOST_AUTO_TEST_CASE(types_that_steer_actors_end_the_link) {
  for (const char* types : {"+@exit", "+@down", "+@atom+@strong_actor_ptr", "+call_batch+@exit",
                            "+", "+@group", "+@open_stream_msg"}) {
    server_end s;
    BOOST_TEST(s.take(hello) == "");
    BOOST_TEST(says(s.take(frame(direct, message(types), 1, gateway)), "of type"));
    BOOST_TEST(s.passed().empty());
  }
  server_end s;
  BOOST_TEST(s.take(hello + frame(direct, message("+@error"), 1, gateway)) == "");
}

BOOST_AUTO_TEST_CASE(nobody_speaks_for_a_third_machine_or_by_name) {
  const auto ends = [](const string& bytes) {
    server_end s;
    BOOST_TEST(s.take(hello) == "");
    const auto why = s.take(bytes);
    BOOST_TEST(s.passed().empty());
    return why;
  };
  BOOST_TEST(says(ends(frame(routed, message("+call_batch"), 1, gateway)), "operation"));
  BOOST_TEST(says(ends(frame(monitor, peer + "other", 0, gateway)), "another machine"));
  BOOST_TEST(says(ends(frame(down, "other" + own + "x", 3, 0)), "another machine"));
  BOOST_TEST(says(ends(frame(direct, message("+call_batch", "", 1), 1, gateway)), "elsewhere"));
  const auto by_name = [](const char* name) {
    caf::atom_value atom{};
    if (string{name} == "SpawnServ")
      atom = caf::atom("SpawnServ");
    else
      atom = caf::atom("StreamServ");
    return frame(direct, message("+@atom"), 1, static_cast<uint64_t>(atom), 1);
  };
  // What CAF asks by itself goes nowhere; what it does not is an attempt.
  BOOST_TEST(ends(by_name("SpawnServ")) == "");
  BOOST_TEST(says(ends(by_name("StreamServ")), "by name"));
}

BOOST_AUTO_TEST_CASE(only_actors_that_spoke_to_the_peer_can_be_reached) {
  server_end s;
  BOOST_TEST(s.take(hello) == "");
  const auto to_stranger = frame(direct, message("+call_outcomes"), 1, 99);
  BOOST_TEST(s.take(to_stranger) == "");
  BOOST_TEST(s.passed().empty());
  BOOST_TEST(s.take(frame(monitor, peer + own, 0, 99)) == "");
  BOOST_TEST(s.passed().empty());
  BOOST_TEST(s.guard.dropped() == 2);
  // Cut anywhere: the guard sees what leaves as the socket takes it.
  const auto spoken = frame(direct, message("+find_container"), 99, 1) + frame(heartbeat, "");
  for (char c : spoken)
    s.guard.sent({&c, 1});
  BOOST_TEST(s.guard.sent_messages() == 2);
  BOOST_TEST(s.take(to_stranger) == "");
  BOOST_TEST(s.passed() == to_stranger);
}

BOOST_AUTO_TEST_CASE(a_peer_that_floods_is_ended_and_a_brisk_one_is_not) {
  guard_limits limits;
  limits.messages_per_second = 100;
  server_end s{limits};
  BOOST_TEST(s.take(hello) == "");
  for (int second = 0; second < 20; ++second) {
    s.now += std::chrono::seconds{1};
    for (int i = 0; i < 90; ++i)
      BOOST_REQUIRE(s.take(frame(heartbeat, "")) == "");
  }
  string why;
  for (int i = 0; i < 200 && why.empty(); ++i)
    why = s.take(frame(heartbeat, ""));
  BOOST_TEST(says(why, "100 messages a second"));
}

BOOST_AUTO_TEST_CASE(random_bytes_never_pass) {
  std::mt19937 random{20};
  for (int round = 0; round < 20'000; ++round) {
    server_end s;
    string bytes = round % 2 == 0 ? hello : string{};
    const auto begin = bytes.size();
    const size_t n = random() % 200;
    for (size_t i = 0; i < n; ++i)
      bytes += static_cast<char>(random());
    // Half of them look like a message at first.
    if (round % 4 == 0 && bytes.size() > begin + frame_header_bytes) {
      bytes.replace(
          begin, 8,
          frame(direct, string(bytes.size() - begin - frame_header_bytes, 'x')).substr(0, 8));
      bytes.replace(begin + 24, 8, number(gateway, 8));
    }
    s.take(bytes);
    const auto passed = s.passed();
    BOOST_REQUIRE((passed.empty() || passed == hello));
  }
}

BOOST_AUTO_TEST_SUITE_END()
