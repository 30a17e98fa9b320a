// Users of an outside issuer.
#include "api/auth/oidc.hpp"

#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace std::chrono_literals;
using auth::token_key;

namespace {

const std::string where = "https://issuer.example";

/// Answers as the issuer's server does.
struct issuer_server : outbound::client {
  result<outbound::answer> send(const outbound::request& r) override {
    ++asked;
    BOOST_TEST(r.method == "GET");
    if (down)
      return fail(internal_error("down"));
    if (r.url == where + "/.well-known/openid-configuration")
      return outbound::answer{200, "application/json",
                              R"({"issuer":")" + name + R"(","jwks_uri":")" + where + "/keys\"}"};
    if (r.url == where + "/keys")
      return outbound::answer{200, "application/json", keys};
    return outbound::answer{404, "text/plain", "no"};
  }
  std::string name = where;
  std::string keys;
  bool down = false;
  int asked = 0;
};

struct outside {
  outside() : key(*token_key::load(*token_key::make())) {
    publish({key});
    settings.issuer = where;
    settings.client_id = "kube";
    settings.groups_claim = "groups";
    settings.groups_prefix = "out:";
    settings.algorithms = {"ES256"};
  }
  void publish(const std::vector<token_key>& all) {
    json::document doc{rapidjson::kObjectType};
    json::value list{rapidjson::kArrayType};
    for (const auto& k : all)
      list.PushBack(k.jwk(doc.GetAllocator()), doc.GetAllocator());
    json::set(doc, "keys", std::move(list), doc.GetAllocator());
    server->keys = json::to_string(doc);
  }
  std::shared_ptr<auth::oidc_issuer> make() {
    auto from = auth::issuer_of(settings);
    BOOST_REQUIRE_MESSAGE(from, from.error().message);
    auto made = auth::oidc_issuer::make({*from, server, [this] { return now; }});
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    return *made;
  }
  std::shared_ptr<auth::oidc_issuer> ready() {
    auto made = make();
    const auto ok = made->refresh();
    BOOST_REQUIRE_MESSAGE(ok, ok.error().message);
    return made;
  }
  std::string claims(const std::string& more = "", const std::string& aud = "\"kube\"") const {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    return R"({"iss":")" + where + R"(","aud":)" + aud + R"(,"sub":"ann","exp":)" +
           std::to_string(seconds + 600) + more + "}";
  }
  std::string token(const std::string& text, const token_key& by) const {
    return *auth::sign_token(by, *json::parse(text));
  }
  std::string token(const std::string& text) const { return token(text, key); }

  token_key key;
  auth::oidc_flags settings;
  std::shared_ptr<issuer_server> server = std::make_shared<issuer_server>();
  auth::clock_time now{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(oidc, outside)

BOOST_AUTO_TEST_CASE(a_token_says_who_somebody_is) {
  auto issuer = ready();
  const auto who = issuer->authenticate(token(claims(R"(,"groups":["dev","ops"])")));
  BOOST_REQUIRE(who);
  BOOST_TEST(who->user.name == "https://issuer.example#ann");
  const std::vector<std::string> groups{"out:dev", "out:ops"};
  BOOST_TEST(who->user.groups == groups, boost::test_tools::per_element());
  BOOST_TEST(issuer->authenticate(token(claims("", R"(["x","kube"])"))).has_value());
  settings.username_claim = "email";
  issuer = ready();
  BOOST_TEST(
      issuer->authenticate(token(claims(R"(,"email":"a@b","email_verified":true)")))->user.name ==
      "a@b");
  BOOST_TEST(!issuer->authenticate(token(claims(R"(,"email":"a@b","email_verified":false)"))));
  BOOST_TEST(!issuer->authenticate(token(claims(R"(,"email":"a@b","email_verified":"true")"))));
  BOOST_TEST(!issuer->authenticate(token(claims())));
}

BOOST_AUTO_TEST_CASE(a_token_that_is_not_for_us_is_none) {
  settings.required_claims = {{"hd", "example.org"}};
  auto issuer = ready();
  const std::string hd = R"(,"hd":"example.org")";
  BOOST_REQUIRE(issuer->authenticate(token(claims(hd))));
  BOOST_TEST(!issuer->authenticate(token(claims())));
  BOOST_TEST(!issuer->authenticate(token(claims(hd, "\"other\""))));
  BOOST_TEST(!issuer->authenticate(token(claims(hd, "7"))));
  auto other = claims(hd);
  other.replace(other.find("issuer.example"), 14, "issuer.invalid");
  BOOST_TEST(!issuer->authenticate(token(other)));
  BOOST_TEST(!issuer->authenticate(token(claims(hd + R"(,"nbf":9999999999)"))));
  BOOST_TEST(!issuer->authenticate(token(claims(hd + R"(,"nbf":"soon")"))));
  const auto late = token(claims(hd));
  now += 600s;
  BOOST_TEST(!issuer->authenticate(late));
  BOOST_TEST(!issuer->authenticate(token(R"({"iss":")" + where + R"(","aud":"kube","sub":"a"})")));
}

BOOST_AUTO_TEST_CASE(nobody_is_the_system_or_a_master) {
  settings.username_prefix = "-";
  settings.groups_prefix = "";
  auto issuer = ready();
  const auto who = issuer->authenticate(token(claims(R"(,"groups":["system:masters","dev"])")));
  BOOST_REQUIRE(who);
  const std::vector<std::string> groups{"dev"};
  BOOST_TEST(who->user.groups == groups, boost::test_tools::per_element());
  auto admin = claims();
  admin.replace(admin.find("\"ann\""), 5, "\"system:admin\"");
  BOOST_TEST(!issuer->authenticate(token(admin)));
}

BOOST_AUTO_TEST_CASE(the_algorithm_is_the_keys) {
  auto issuer = ready();
  const auto good = token(claims());
  BOOST_REQUIRE(issuer->authenticate(good));
  const auto rest = good.substr(good.find('.'));
  for (const auto* header : {R"({"alg":"none"})", R"({"alg":"HS256"})", R"({"alg":"RS256"})"})
    BOOST_TEST(!issuer->authenticate(encode_base64url(header) + rest), header);
  BOOST_TEST(!issuer->authenticate(good.substr(0, good.rfind('.') + 1)));
  const auto stranger = *token_key::load(*token_key::make());
  BOOST_TEST(!issuer->authenticate(token(claims(), stranger)));
  for (const auto* bad : {"", ".", "..", "a.b.c", "e30.e30.e30"})
    BOOST_TEST(!issuer->authenticate(bad));
  // An algorithm that is not wanted is as good as no key.
  settings.algorithms = {"RS256"};
  BOOST_TEST(!make()->refresh());
}

BOOST_AUTO_TEST_CASE(keys_are_fetched_beside_requests_and_not_too_often) {
  auto issuer = make();
  BOOST_TEST(!issuer->authenticate(token(claims())));
  BOOST_TEST(server->asked == 0);
  BOOST_REQUIRE(issuer->refresh());
  BOOST_TEST(server->asked == 2);
  BOOST_REQUIRE(issuer->refresh());
  BOOST_TEST(server->asked == 2);
  // The issuer rotates its keys; a token of the new one makes us ask.
  const auto next = *token_key::load(*token_key::make());
  publish({next, key});
  BOOST_TEST(!issuer->authenticate(token(claims(), next)));
  BOOST_REQUIRE(issuer->refresh());
  BOOST_TEST(server->asked == 2);
  now += 31s;
  BOOST_REQUIRE(issuer->refresh());
  BOOST_TEST(server->asked == 4);
  BOOST_TEST(issuer->authenticate(token(claims(), next)).has_value());
  // While it is away, what is known is good still.
  server->down = true;
  now += 2h;
  BOOST_TEST(!issuer->refresh());
  BOOST_TEST(issuer->authenticate(token(claims(), next)).has_value());
}

BOOST_AUTO_TEST_CASE(an_issuer_that_is_somebody_else_is_not_believed) {
  server->name = "https://mallory.example";
  BOOST_TEST(!make()->refresh());
  server->name = where;
  server->keys = "{}";
  BOOST_TEST(!make()->refresh());
  server->keys = R"({"keys":[{"kty":"oct","k":"YQ"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]})";
  BOOST_TEST(!make()->refresh());
  settings.issuer = "http://issuer.example";
  BOOST_TEST(!auth::issuer_of(settings));
}

BOOST_AUTO_TEST_SUITE_END()
