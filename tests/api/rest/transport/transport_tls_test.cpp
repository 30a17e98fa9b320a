// Identity and certificates.
#include "support.hpp"

using namespace thespis::test;

namespace {

transport::outcome who(const transport::request_head& head) {
  auto& p = head.peer();
  std::string all = p.common_name;
  for (auto& o : p.organizations)
    all += "," + o;
  return text((p.verified ? "verified " : "nobody ") + all + "|" + p.certificate_error);
}

std::string ask(client& c) {
  return get(c, "/").body;
}

} // namespace

BOOST_AUTO_TEST_SUITE(transport_tls)

BOOST_AUTO_TEST_CASE(verified_certificates_give_name_and_organizations) {
  auto s = serve(who, shared_pki().options());
  auto admin = make_leaf(shared_pki().ca, "admin", {"system:masters", "dev"});
  client c{s->port(), shared_pki().ca.certificate, &admin};
  BOOST_CHECK_EQUAL(ask(c), "verified admin,system:masters,dev|");
  BOOST_CHECK_EQUAL(c.alpn(), "http/1.1");
}

BOOST_AUTO_TEST_CASE(clients_without_certificate_are_nobody) {
  auto s = serve(who, shared_pki().options());
  client c{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK_EQUAL(ask(c), "nobody |");
}

BOOST_AUTO_TEST_CASE(foreign_and_expired_certificates_are_nobody_with_a_reason) {
  auto s = serve(who, shared_pki().options());
  auto other = make_ca("test-ca"); // the same name, another key
  auto foreign = make_leaf(other, "admin", {"system:masters"});
  client c{s->port(), shared_pki().ca.certificate, &foreign};
  auto answer = ask(c);
  BOOST_CHECK_EQUAL(answer.substr(0, 8), "nobody |");
  BOOST_CHECK_GT(answer.size(), 10);
  auto old = make_leaf(shared_pki().ca, "admin", {"system:masters"}, -1);
  client d{s->port(), shared_pki().ca.certificate, &old};
  BOOST_CHECK_EQUAL(ask(d), "nobody |certificate has expired");
}

BOOST_AUTO_TEST_CASE(names_with_a_nul_are_not_trusted) {
  auto s = serve(who, shared_pki().options());
  auto sly = make_leaf(shared_pki().ca, std::string("admin\0.evil", 11), {"system:masters"});
  client c{s->port(), shared_pki().ca.certificate, &sly};
  BOOST_CHECK_EQUAL(ask(c).substr(0, 8), "nobody |");
}

BOOST_AUTO_TEST_CASE(resumed_sessions_are_verified_again) {
  auto s = serve(who, shared_pki().options());
  auto admin = make_leaf(shared_pki().ca, "admin", {"system:masters"});
  client first{s->port(), shared_pki().ca.certificate, &admin};
  BOOST_CHECK_EQUAL(ask(first), "verified admin,system:masters|");
  client second{s->port(), shared_pki().ca.certificate, &admin, &first};
  BOOST_CHECK(second.resumed());
  BOOST_CHECK_EQUAL(ask(second), "verified admin,system:masters|");

  // An unverified certificate is not made good by resumption.
  auto foreign = make_leaf(make_ca("other"), "admin", {"system:masters"});
  client third{s->port(), shared_pki().ca.certificate, &foreign};
  BOOST_CHECK_EQUAL(ask(third).substr(0, 8), "nobody |");
  client fourth{s->port(), shared_pki().ca.certificate, &foreign, &third};
  BOOST_CHECK(fourth.resumed());
  BOOST_CHECK_EQUAL(ask(fourth).substr(0, 8), "nobody |");
}

BOOST_AUTO_TEST_CASE(certificates_are_reloaded_without_dropping_connections) {
  auto s = serve(who, shared_pki().options());
  client before{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK_EQUAL(ask(before), "nobody |");
  auto renewed = make_leaf(shared_pki().ca, "server-2");
  auto material = shared_pki().options().tls;
  material.certificate = renewed.certificate;
  BOOST_CHECK(!s->reload_tls(material)); // the old key does not fit
  client unchanged{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK_EQUAL(unchanged.peer_common_name(), "server");
  material.key = renewed.key;
  BOOST_CHECK(s->reload_tls(material));
  client after{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK_EQUAL(after.peer_common_name(), "server-2");
  BOOST_CHECK_EQUAL(ask(before), "nobody |");
}

BOOST_AUTO_TEST_CASE(unusable_material_is_refused_at_start) {
  auto o = shared_pki().options();
  o.tls.key = "nonsense";
  BOOST_CHECK(!transport::server::start(o, who));
  o = shared_pki().options();
  o.tls.client_ca = "nonsense";
  BOOST_CHECK(!transport::server::start(o, who));
  o = {};
  o.address = "not an address";
  BOOST_CHECK(!transport::server::start(o, who));
  auto s = serve(who);
  o = {};
  o.port = s->port();
  auto taken = transport::server::start(o, who);
  BOOST_REQUIRE(!taken);
  BOOST_CHECK(taken.error().message.find(std::to_string(s->port())) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(large_answers_and_bodies_pass_through_tls) {
  auto bytes = std::make_shared<const std::string>(5 << 20, 'y');
  auto s = serve(
      [&](auto& head) -> transport::outcome {
        if (head.method() == "GET")
          return transport::respond{{200, "text/plain", transport::payload{bytes}, {}, false}};
        return transport::stream{
            [](auto out, std::string body) {
              out->write_head(200, "text/plain");
              out->write(std::make_shared<const std::string>(std::to_string(body.size())));
            },
            true};
      },
      shared_pki().options());
  client c{s->port(), shared_pki().ca.certificate, nullptr};
  BOOST_CHECK(get(c, "/").body == *bytes);
  c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" +
         std::string(3'000'000, 'u'));
  BOOST_CHECK_EQUAL(read_answer(c).body, "3000000");
  BOOST_CHECK(get(c, "/").body == *bytes);
}

BOOST_AUTO_TEST_CASE(plain_http_on_a_tls_port_is_closed) {
  auto s = serve(who, shared_pki().options());
  client c{s->port()};
  c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  c.read_to_end();
  BOOST_CHECK(becomes_true([&] { return s->stats().handshakes_failed == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
