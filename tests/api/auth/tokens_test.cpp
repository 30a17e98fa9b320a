// Tokens of service accounts and of new machines: whose they are, and when they end.
#include "api/auth/access.hpp"
#include "api/auth/bootstrap_tokens.hpp"
#include "api/auth/service_account_tokens.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace std::chrono_literals;
using auth::token_key;
using testing::cluster;

namespace {

token_key fresh_key() {
  auto pem = token_key::make();
  BOOST_REQUIRE(pem);
  auto key = token_key::load(*pem);
  BOOST_REQUIRE(key);
  return std::move(*key);
}

/// A cluster with the account default/robot and the pod default/p on the node n.
struct issued {
  issued() : key(fresh_key()) {
    tokens = make({key});
    cluster::ok(c.create("serviceaccounts", "default", R"({"metadata":{"name":"robot"}})"));
    cluster::ok(c.create("serviceaccounts", "default", R"({"metadata":{"name":"default"}})"));
    cluster::ok(c.create("nodes", "", R"({"metadata":{"name":"n"}})"));
    cluster::ok(c.create("pods", "default",
                         R"({"metadata":{"name":"p"},"spec":{"serviceAccountName":"robot",
                           "nodeName":"n","containers":[{"name":"c","image":"i"}]}})"));
  }

  std::shared_ptr<auth::service_account_tokens> make(std::vector<token_key> keys) {
    auth::token_deps deps;
    deps.keys = std::move(keys);
    deps.issuer = "https://issuer";
    deps.state = c.state;
    deps.now = [this] { return c.now; };
    deps.new_id = [] { return "some-id"; };
    return std::make_shared<auth::service_account_tokens>(std::move(deps));
  }

  result<v1::token_request> ask(std::string kind = {}, std::string name = {}, int64_t seconds = 600,
                                std::vector<std::string> audiences = {}) {
    v1::token_request r;
    r.spec.expiration_seconds = seconds;
    r.spec.audiences = std::move(audiences);
    if (!kind.empty()) {
      auto& ref = r.spec.bound_object_ref.ensure();
      ref.kind = std::move(kind);
      ref.api_version = "v1";
      ref.name = std::move(name);
    }
    return tokens->issue("default", "robot", std::move(r));
  }

  std::string token(std::string kind = {}, std::string name = {}, int64_t seconds = 600) {
    auto r = ask(std::move(kind), std::move(name), seconds);
    BOOST_REQUIRE_MESSAGE(r, r.error().message);
    return r->status.token;
  }

  bool good(std::string_view token) { return tokens->authenticate(token).has_value(); }

  json::document claims(std::string_view token) {
    auto doc = auth::verify_token(token, {key});
    BOOST_REQUIRE(doc);
    return std::move(*doc);
  }

  /// A token with claims of the test's own, signed as ours are.
  std::string signed_claims(std::string_view text) {
    auto doc = json::parse(text);
    BOOST_REQUIRE(doc);
    return *auth::sign_token(key, *doc);
  }

  cluster c;
  token_key key;
  std::shared_ptr<auth::service_account_tokens> tokens;
};

std::string with_header(const std::string& token, std::string_view header) {
  return encode_base64url(header) + token.substr(token.find('.'));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(service_account_tokens, issued)

BOOST_AUTO_TEST_CASE(a_token_says_whose_it_is) {
  const auto who = tokens->authenticate(token("Pod", "p"));
  BOOST_REQUIRE(who);
  BOOST_TEST(who->user.name == "system:serviceaccount:default:robot");
  BOOST_TEST(who->user.uid == c.get("serviceaccounts", "default", "robot")->uid());
  BOOST_TEST(auth::in_group(who->user, "system:serviceaccounts"));
  BOOST_TEST(auth::in_group(who->user, "system:serviceaccounts:default"));
  BOOST_TEST(auth::in_group(who->user, "system:authenticated"));
  const auto extra = [&](const char* key) {
    return who->user.extra.at(std::string{"authentication.kubernetes.io/"} + key).at(0);
  };
  BOOST_TEST(extra("pod-name") == "p");
  BOOST_TEST(extra("pod-uid") == c.get("pods", "default", "p")->uid());
  BOOST_TEST(extra("node-name") == "n");
  BOOST_TEST(extra("credential-id") == "JTI=some-id");
  BOOST_TEST((who->audiences == std::vector<std::string>{"https://issuer"}));
}

BOOST_AUTO_TEST_CASE(claims_are_those_of_kubernetes) {
  const auto doc = claims(token("Pod", "p"));
  const auto begin = std::chrono::floor<std::chrono::seconds>(c.now).time_since_epoch().count();
  auto uid = [&](const char* resource, const char* ns, const char* name) {
    return c.get(resource, ns, name)->uid();
  };
  BOOST_TEST(
      json::to_string(doc) ==
      R"({"aud":["https://issuer"],"exp":)" + std::to_string(begin + 600) + R"(,"iat":)" +
          std::to_string(begin) +
          R"(,"iss":"https://issuer","jti":"some-id","kubernetes.io":{"namespace":"default",)"
          R"("node":{"name":"n","uid":")" +
          uid("nodes", "", "n") + R"("},"pod":{"name":"p","uid":")" + uid("pods", "default", "p") +
          R"("},"serviceaccount":{"name":"robot","uid":")" +
          uid("serviceaccounts", "default", "robot") + R"("}},"nbf":)" + std::to_string(begin) +
          R"(,"sub":"system:serviceaccount:default:robot"})");
}

BOOST_AUTO_TEST_CASE(a_pods_usual_token_lives_on_and_warns) {
  auto r = ask("Pod", "p", 3607);
  BOOST_REQUIRE(r);
  const auto doc = claims(r->status.token);
  const auto& own = *json::find(doc, "kubernetes.io");
  BOOST_TEST(json::get_int(own, "warnafter") == json::get_int(doc, "iat") + 3607);
  BOOST_TEST(json::get_int(doc, "exp") == json::get_int(doc, "iat") + 365 * 24 * 3600);
  BOOST_TEST(r->status.expiration_timestamp == "2030-01-02T01:00:07Z");
}

BOOST_AUTO_TEST_CASE(a_token_ends_in_time) {
  const auto t = token();
  BOOST_TEST(good(t));
  c.advance(659s); // clocks differ by up to a minute
  BOOST_TEST(good(t));
  c.advance(2s);
  BOOST_TEST(!good(t));
}

BOOST_AUTO_TEST_CASE(a_token_ends_with_its_account_and_with_what_it_is_bound_to) {
  const auto of_pod = token("Pod", "p");
  const auto of_node = token("Node", "n");
  const auto free = token();
  BOOST_TEST(good(of_pod));
  cluster::ok(c.remove("pods", "default", "p", R"({"gracePeriodSeconds":0})"));
  BOOST_TEST(!good(of_pod));
  BOOST_TEST(good(of_node));
  cluster::ok(c.remove("nodes", "", "n"));
  BOOST_TEST(!good(of_node));
  BOOST_TEST(good(free));
  cluster::ok(c.remove("serviceaccounts", "default", "robot"));
  BOOST_TEST(!good(free));
  // Another account of that name is another account.
  cluster::ok(c.create("serviceaccounts", "default", R"({"metadata":{"name":"robot"}})"));
  BOOST_TEST(!good(free));
}

BOOST_AUTO_TEST_CASE(a_token_is_for_those_it_was_made_for) {
  auto r = ask({}, {}, 600, {"vault", "shop"});
  BOOST_REQUIRE(r);
  BOOST_TEST(!good(r->status.token));
  const auto known = tokens->authenticate(r->status.token, {"shop", "bank"});
  BOOST_REQUIRE(known);
  BOOST_TEST((known->audiences == std::vector<std::string>{"shop"}));
  BOOST_TEST(!tokens->authenticate(r->status.token, {"bank"}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_asked_for) {
  auto refusal = [&](auto r) { return r ? std::string{"issued"} : r.error().message; };
  BOOST_TEST(refusal(ask({}, {}, 599)) ==
             "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid "
             "value: 599: may not specify a duration less than 10 minutes");
  BOOST_TEST(refusal(ask("Pod", "none")) == "pods \"none\" not found");
  BOOST_TEST(refusal(ask("ConfigMap", "x")) ==
             "cannot bind token to object of type /v1, Kind=ConfigMap");
  v1::token_request r;
  r.spec.bound_object_ref.ensure() = {"Pod", "v1", "p", ""};
  BOOST_TEST(refusal(tokens->issue("default", "default", r)) ==
             "cannot bind token for serviceaccount \"default\" to pod running with different "
             "serviceaccount name.");
  r.spec.bound_object_ref->uid = "other";
  BOOST_TEST(refusal(tokens->issue("default", "robot", r))
                 .starts_with("Operation cannot be fulfilled on Pod \"p\": the UID in the bound "
                              "object reference (other) does not match"));
  BOOST_TEST(refusal(tokens->issue("default", "nobody", {})) ==
             "serviceaccounts \"nobody\" not found");
}

BOOST_AUTO_TEST_CASE(keys_rotate) {
  const auto old = token();
  const auto next = fresh_key();
  tokens = make({next, key});
  BOOST_TEST(good(old));
  BOOST_TEST(good(token()));
  BOOST_TEST(tokens->key_set().find(key.id()) != std::string::npos);
  BOOST_TEST(tokens->key_set().find(next.id()) != std::string::npos);
  tokens = make({next});
  BOOST_TEST(!good(old));
}

BOOST_AUTO_TEST_CASE(hostile_tokens_are_no_tokens) {
  const auto t = token();
  BOOST_REQUIRE(good(t));
  const auto body = t.substr(t.find('.'));
  const auto unsigned_part = t.substr(0, t.rfind('.'));
  auto last_changed = t;
  last_changed[t.rfind('.') + 5] = last_changed[t.rfind('.') + 5] == 'A' ? 'B' : 'A';
  std::string deep = "{\"alg\":" + std::string(200, '[') + std::string(200, ']') + "}";
  for (const auto& bad :
       std::vector<std::string>{"",
                                ".",
                                "..",
                                "...",
                                "a.b.c",
                                t + ".",
                                t + "x",
                                "." + t,
                                unsigned_part,
                                unsigned_part + ".",
                                last_changed,
                                with_header(t, R"({"alg":"none"})"),
                                unsigned_part.substr(unsigned_part.find('.')),
                                with_header(t, R"({"alg":"HS256"})"),
                                with_header(t, R"({"alg":"RS256"})"),
                                with_header(t, R"({"alg":"ES256","kid":"other"})"),
                                with_header(t, deep),
                                with_header(t, R"({"alg":7})"),
                                with_header(t, "[]"),
                                with_header(t, "no json"),
                                "!!!" + body,
                                std::string(1 << 20, 'a'),
                                std::string(1 << 20, '.'),
                                t + std::string(20'000, 'a'),
                                encode_base64url(R"({"alg":"none"})") +
                                    t.substr(t.find('.'), t.rfind('.') - t.find('.')) + "."})
    BOOST_TEST(!good(bad), bad.substr(0, 80));
}

BOOST_AUTO_TEST_CASE(claims_that_make_no_sense_are_refused_though_signed) {
  const std::string_view own =
      R"("kubernetes.io":{"namespace":"default","serviceaccount":{"name":"robot","uid":"u"}})";
  for (const auto& text : std::vector<std::string>{
           "{}", R"({"iss":"https://issuer"})", R"({"iss":"https://other","aud":"https://issuer"})",
           R"({"iss":"https://issuer","aud":["https://issuer"],"exp":1e300})",
           R"({"iss":"https://issuer","aud":["https://issuer"],"exp":"9999999999"})",
           R"({"iss":"https://issuer","aud":["https://issuer"],"exp":9999999999,"nbf":9999999999})",
           R"({"iss":"https://issuer","aud":["https://issuer"],"exp":9999999999,)" +
               std::string{own} + R"(,"sub":"system:serviceaccount:kube-system:admin"})",
           R"({"iss":"https://issuer","aud":["https://issuer"],"exp":9999999999,)" +
               std::string{own} + R"(,"sub":"system:serviceaccount:default:robot"})",
           R"({"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:default:robot"})"})
    BOOST_TEST(!good(signed_claims(text)), text);
}

BOOST_AUTO_TEST_CASE(a_secrets_token_lives_as_long_as_the_secret_holds_it) {
  const auto account = c.get("serviceaccounts", "default", "robot");
  const auto t = tokens->issue_for_secret(*account, "s");
  BOOST_REQUIRE(t);
  BOOST_TEST(!good(*t));
  cluster::ok(c.create("secrets", "default",
                       R"({"metadata":{"name":"s","annotations":
                         {"kubernetes.io/service-account.name":"robot"}},
                         "type":"kubernetes.io/service-account-token","data":{"token":")" +
                           encode_base64(*t) + R"("}})"));
  const auto who = tokens->authenticate(*t);
  BOOST_REQUIRE(who);
  BOOST_TEST(who->user.name == "system:serviceaccount:default:robot");
  c.advance(std::chrono::hours{24 * 3650});
  BOOST_TEST(good(*t));
  cluster::ok(c.remove("secrets", "default", "s"));
  BOOST_TEST(!good(*t));
}

BOOST_AUTO_TEST_CASE(others_can_find_out_how_to_check_tokens) {
  auto doc = json::parse(tokens->discovery_document("https://10.0.0.1:6443"));
  BOOST_REQUIRE(doc);
  BOOST_TEST(json::get_string(*doc, "issuer") == "https://issuer");
  BOOST_TEST(json::get_string(*doc, "jwks_uri") == "https://10.0.0.1:6443/openid/v1/jwks");
  auto keys = json::parse(tokens->key_set());
  BOOST_REQUIRE(keys);
  const auto& k = json::find(*keys, "keys")->GetArray()[0];
  BOOST_TEST(json::get_string(k, "kty") == "EC");
  BOOST_TEST(decode_base64url(json::get_string(k, "x"))->size() == 32u);
  BOOST_TEST(decode_base64url(json::get_string(k, "y"))->size() == 32u);
}

BOOST_AUTO_TEST_CASE(refuses_keys_that_are_none) {
  BOOST_TEST(!token_key::load("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  BOOST_TEST(!token_key::load(""));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bootstrap_tokens)

namespace {

std::string secret_of(std::string_view id, std::string_view more = "",
                      std::string_view type = "bootstrap.kubernetes.io/token") {
  auto member = [](std::string_view key, std::string_view value) {
    return "\"" + std::string(key) + "\":\"" + encode_base64(value) + "\"";
  };
  return R"({"metadata":{"name":"bootstrap-token-)" + std::string(id) + R"("},"type":")" +
         std::string(type) + R"(","data":{)" + member("token-id", id) + "," +
         member("token-secret", "0123456789abcdef") + "," +
         member("usage-bootstrap-authentication", "true") + std::string(more) + "}}";
}

} // namespace

BOOST_AUTO_TEST_CASE(introduce_new_machines_until_they_expire) {
  cluster c;
  cluster::ok(c.create("namespaces", "", R"({"metadata":{"name":"kube-system"}})"));
  auto put = [&](std::string body) {
    cluster::ok(c.create("secrets", "kube-system", std::move(body)));
  };
  put(secret_of("abcdef", ",\"auth-extra-groups\":\"" +
                              encode_base64("system:bootstrappers:kubeadm") + "\""));
  put(secret_of("old000", ",\"expiration\":\"" + encode_base64("2029-01-01T00:00:00Z") + "\""));
  put(secret_of("root00", ",\"auth-extra-groups\":\"" + encode_base64("system:masters") + "\""));
  put(secret_of("opaque", "", "Opaque"));
  auto ask = [&](std::string_view token) {
    return auth::authenticate_bootstrap_token(*c.state, c.now, token);
  };
  const auto who = ask("abcdef.0123456789abcdef");
  BOOST_REQUIRE(who);
  BOOST_TEST(who->user.name == "system:bootstrap:abcdef");
  BOOST_TEST(auth::in_group(who->user, "system:bootstrappers:kubeadm"));
  for (std::string_view bad :
       {"abcdef.0123456789abcdee", "abcdef.", "abcdef", "", "ABCDEF.0123456789abcdef",
        "none00.0123456789abcdef", "old000.0123456789abcdef", "root00.0123456789abcdef",
        "opaque.0123456789abcdef"})
    BOOST_TEST(!ask(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
