#include "proxy/dns/responder.hpp"

#include <boost/test/unit_test.hpp>
#include <ldns/ldns.h>

#include <random>

using namespace thespis::proxy::dns;
namespace api = thespis::api;
using namespace std::chrono_literals;

namespace {

/// What an answer says, in words: code, flags that matter, and the records of each section.
std::string say(std::string_view bytes) {
  ldns_pkt* p = nullptr;
  if (ldns_wire2pkt(&p, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) !=
      LDNS_STATUS_OK)
    return "malformed";
  std::string res = std::to_string(ldns_pkt_get_rcode(p));
  if (ldns_pkt_aa(p))
    res += " aa";
  if (ldns_pkt_tc(p))
    res += " tc";
  for (const auto* section : {ldns_pkt_answer(p), ldns_pkt_authority(p)})
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
      char* text = ldns_rr2str(ldns_rr_list_rr(section, i));
      std::string line{text};
      LDNS_FREE(text);
      for (auto& c : line)
        if (c == '\t')
          c = ' ';
      line.pop_back();
      res += " | " + line;
    }
  ldns_pkt_free(p);
  return res;
}

/// An answer of a resolver above: one address.
std::string resolved(std::string_view request, const std::string& line) {
  ldns_pkt* p = nullptr;
  ldns_wire2pkt(&p, reinterpret_cast<const uint8_t*>(request.data()), request.size());
  ldns_pkt_set_qr(p, true);
  ldns_rr* rr = nullptr;
  ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr);
  ldns_pkt_push_rr(p, LDNS_SECTION_ANSWER, rr);
  uint8_t* data = nullptr;
  size_t size = 0;
  ldns_pkt2wire(&data, p, &size);
  std::string res{reinterpret_cast<char*>(data), size};
  LDNS_FREE(data);
  ldns_pkt_free(p);
  return res;
}

struct fixture {
  responder r{{"cluster.local", {*api::parse_cidr("10.43.0.0/16")}, 5, 64}};
  time_point now{1h};

  fixture() {
    r.change([](zone& z) {
      z.set({"default", "web"}, {{}, {"10.43.0.9"}, {}, {}});
      z.set({"default", "ext"}, {"www.example.org", {}, {}, {}});
      z.set({"default", "alias"}, {"web.default.svc.cluster.local", {}, {}, {}});
      z.set({"default", "loop"}, {"loop.default.svc.cluster.local", {}, {}, {}});
    });
  }

  std::string answer_of(std::string_view request, transport via = transport::udp) {
    auto said = r.handle(request, via, now);
    BOOST_REQUIRE(std::holds_alternative<std::string>(said));
    const auto& bytes = std::get<std::string>(said);
    BOOST_TEST(id_of(bytes) == id_of(request));
    return bytes;
  }
  std::string ask(const std::string& name, uint16_t type = type_a) {
    return say(answer_of(encode_query(7, name, type, false)));
  }
};

const std::string web_answer = "0 aa | web.default.svc.cluster.local. 5 IN A 10.43.0.9";

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_responder, fixture)

BOOST_AUTO_TEST_CASE(answers_for_the_zone) {
  BOOST_TEST(ask("web.default.svc.cluster.local") == web_answer);
  BOOST_TEST(ask("none.default.svc.cluster.local") ==
             "3 aa | cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 "
             "7200 1800 86400 5");
  BOOST_TEST(ask("web.default.svc.cluster.local", type_aaaa).starts_with("0 aa | cluster.local."));
}

BOOST_AUTO_TEST_CASE(echoes_the_spelling_of_the_question) {
  const auto request = encode_query(9, "WEB.default.svc.Cluster.local", type_a, false);
  const auto bytes = answer_of(request);
  BOOST_TEST(bytes.substr(12, 31) == request.substr(12, 31));
  BOOST_TEST(say(bytes).ends_with("10.43.0.9"));
}

BOOST_AUTO_TEST_CASE(keeps_answers_until_the_zone_changes) {
  ask("web.default.svc.cluster.local");
  BOOST_TEST(ask("web.default.svc.cluster.local") == web_answer);
  BOOST_TEST(r.counters().kept == 1U);
  r.change([](zone& z) { z.erase({"default", "web"}); });
  BOOST_TEST(ask("web.default.svc.cluster.local").starts_with("3 aa"));
  BOOST_TEST(r.counters().kept == 1U);
}

BOOST_AUTO_TEST_CASE(asks_others_and_keeps_what_they_say_as_long_as_it_lives) {
  const auto request = encode_query(7, "example.org", type_a, true);
  auto said = r.handle(request, transport::udp, now);
  BOOST_REQUIRE(std::holds_alternative<ask_others>(said));
  auto& ask = std::get<ask_others>(said);
  BOOST_TEST(!ask.joined);
  const auto theirs = resolved(ask.request, "example.org. 20 IN A 198.51.100.7");
  BOOST_TEST(say(r.finish(request, transport::udp, ask, theirs, now)) ==
             "0 | example.org. 20 IN A 198.51.100.7");
  now += 8s;
  auto again = request;
  set_id(again, 99);
  BOOST_TEST(say(answer_of(again)) == "0 | example.org. 12 IN A 198.51.100.7");
  now += 12s;
  BOOST_TEST(std::holds_alternative<ask_others>(r.handle(request, transport::udp, now)));
}

BOOST_AUTO_TEST_CASE(says_that_nobody_answered) {
  const auto request = encode_query(7, "example.org", type_a, false);
  const auto said = r.handle(request, transport::udp, now);
  BOOST_TEST(say(r.finish(request, transport::udp, std::get<ask_others>(said), {}, now)) == "2");
  BOOST_TEST(std::holds_alternative<ask_others>(r.handle(request, transport::udp, now)));
}

BOOST_AUTO_TEST_CASE(follows_an_external_name) {
  const auto request = encode_query(7, "ext.default.svc.cluster.local", type_a, false);
  const auto said = r.handle(request, transport::udp, now);
  BOOST_REQUIRE(std::holds_alternative<ask_others>(said));
  const auto& ask = std::get<ask_others>(said);
  const auto theirs = resolved(ask.request, "www.example.org. 60 IN A 198.51.100.8");
  BOOST_TEST(say(r.finish(request, transport::udp, ask, theirs, now)) ==
             "0 | ext.default.svc.cluster.local. 5 IN CNAME www.example.org. | www.example.org. 60 "
             "IN A 198.51.100.8");
  BOOST_TEST(ask.request != request);
  BOOST_TEST(this->ask("alias.default.svc.cluster.local") ==
             "0 aa | alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local. | "
             "web.default.svc.cluster.local. 5 IN A 10.43.0.9");
}

BOOST_AUTO_TEST_CASE(ends_on_an_alias_of_itself) {
  BOOST_TEST(ask("loop.default.svc.cluster.local").starts_with("0 aa | loop.default"));
}

BOOST_AUTO_TEST_CASE(truncates_over_udp_what_tcp_gets_whole) {
  r.change([](zone& z) {
    service_entry many;
    for (int i = 0; i < 200; ++i)
      many.endpoints.push_back({{"10.42.0." + std::to_string(i)}, {}, {}});
    z.set({"default", "many"}, many);
  });
  const auto request = encode_query(7, "many.default.svc.cluster.local", type_a, false);
  const auto cut = answer_of(request);
  BOOST_TEST(cut.size() <= 512U);
  BOOST_TEST(say(cut) == "0 aa tc");
  const auto whole = answer_of(request, transport::tcp);
  BOOST_TEST(whole.size() > 3200U);
  BOOST_TEST(say(whole).starts_with("0 aa | many"));
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_question) {
  using api::ip_address;
  auto code = [&](std::string request) {
    auto said = r.handle(request, transport::udp, now);
    if (std::holds_alternative<ignored>(said))
      return std::string{"ignored"};
    return say(std::get<std::string>(said));
  };
  const auto good = encode_query(7, "web.default.svc.cluster.local", type_a, false);
  auto with = [&](size_t at, char c) {
    auto s = good;
    s[at] = c;
    return s;
  };
  BOOST_TEST(code("") == "ignored");
  BOOST_TEST(code(good.substr(0, 11)) == "ignored");
  BOOST_TEST(code(with(2, '\x81')) == "ignored"); // an answer
  BOOST_TEST(code(with(2, '\x21')) == "4");       // NOTIFY
  BOOST_TEST(code(good.substr(0, 12)) == "1");    // the question is missing
  BOOST_TEST(code(good.substr(0, good.size() - 1)) == "1");
  BOOST_TEST(code(with(5, 2)) == "1");               // two questions
  BOOST_TEST(code(with(5, 0)) == "1");               // none
  BOOST_TEST(code(with(7, 1)) == "1");               // answers in a question
  BOOST_TEST(code(with(good.size() - 1, 3)) == "5"); // class CHAOS
  BOOST_TEST(code(good.substr(0, 12) + "\xc0\x0c" + good.substr(good.size() - 4)) == "1"); // loop
  BOOST_TEST(code(good.substr(0, 12) + std::string(64, '\x3f') + good.substr(good.size() - 4)) ==
             "1");
  auto no_recursion = encode_query(7, "example.org", type_a, false);
  no_recursion[2] = 0;
  BOOST_TEST(code(no_recursion) == "5");
}

BOOST_AUTO_TEST_CASE(survives_random_bytes) {
  std::mt19937 random{42};
  const auto good = encode_query(7, "web.default.svc.cluster.local", type_any, true);
  const auto theirs =
      resolved(encode_query(7, "example.org", type_a, false), "example.org. 20 IN A 198.51.100.7");
  for (int i = 0; i < 20000; ++i) {
    auto hurt = [&](std::string s) {
      for (int k = 0; k < 3; ++k)
        s[random() % s.size()] = static_cast<char>(random());
      s.resize(random() % s.size() + 1);
      return s;
    };
    const auto request = hurt(good);
    auto said = r.handle(request, transport::udp, now);
    if (auto* ask = std::get_if<ask_others>(&said))
      r.finish(request, transport::udp, *ask, hurt(theirs), now);
    lifetime_of(hurt(theirs));
  }
  BOOST_TEST(r.counters().queries == 20000U);
}

BOOST_AUTO_TEST_SUITE_END()
