// AuthenticationConfiguration: what is one, and who its issuers' users are.
#include "api/auth/authentication_config.hpp"

#include "api/auth/claim_mapping.hpp"
#include "signing_request.hpp"

using namespace thespis::api;
using auth::parse_authentication_config;

namespace {

const std::string head = "apiVersion: apiserver.config.k8s.io/v1\n"
                         "kind: AuthenticationConfiguration\n";
const std::string issuer = "issuer: {url: 'https://a.example', audiences: [kube]}";
const std::string names = "claimMappings: {username: {claim: sub, prefix: 'a:'}}";

std::string one(const std::string& issuer_text, const std::string& rest) {
  return head + "jwt: [{" + issuer_text + ", " + rest + "}]";
}

/// What is wrong; empty for nothing.
std::string problem(const std::string& text) {
  const auto read = parse_authentication_config(text);
  if (read)
    return "";
  const std::string begin = "authentication configuration: ";
  BOOST_TEST(read.error().message.starts_with(begin));
  return read.error().message.substr(begin.size());
}

auth::claim_mapping mapping(const std::string& rest) {
  const auto read = parse_authentication_config(one(issuer, rest));
  BOOST_REQUIRE_MESSAGE(read, read.error().message);
  auto made = auth::claim_mapping::make(read->issuers.front());
  BOOST_REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

result<user_info> user(const std::string& rest, const std::string& claims) {
  return mapping(rest).user_of(*json::parse(claims));
}

std::string name(const std::string& rest, const std::string& claims) {
  const auto u = user(rest, claims);
  return u ? u->name : "refused: " + u.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(authentication_config)

BOOST_AUTO_TEST_CASE(several_issuers_are_read_with_all_they_say) {
  const auto ca = thespis::test::make_authority("issuer");
  const auto read = parse_authentication_config(
      head +
      "jwt: [{issuer: {url: 'https://a.example', discoveryURL: 'https://b.example/x', "
      "audiences: [one, two], audienceMatchPolicy: MatchAny, certificateAuthority: " +
      json::quote(ca) +
      "}, claimMappings: {username: {claim: sub, prefix: ''}, uid: {claim: id}, extra: [{key: "
      "'example.com/team', valueExpression: claims.team}]}, claimValidationRules: [{claim: hd, "
      "requiredValue: x}], userValidationRules: [{expression: \"user.username != 'root'\", "
      "message: not root}]}, {issuer: {url: 'https://c.example', audiences: [k]}, " +
      names + "}]\nanonymous: {enabled: true, conditions: [{path: /healthz}]}");
  BOOST_REQUIRE_MESSAGE(read, read.error().message);
  BOOST_REQUIRE(read->issuers.size() == 2u);
  BOOST_TEST(read->issuers[0].discovery_url == "https://b.example/x");
  BOOST_TEST(read->issuers[0].authority == ca);
  BOOST_TEST(read->issuers[0].audiences.size() == 2u);
  BOOST_TEST(read->issuers[1].username.prefix == "a:");
  BOOST_TEST(read->anonymous->paths.front() == "/healthz");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_meant_is_refused_with_its_field) {
  BOOST_TEST(problem(one(issuer, names)) == "");
  BOOST_TEST(problem("kind: Policy") == "kind: must be an AuthenticationConfiguration of "
                                        "apiserver.config.k8s.io/v1");
  BOOST_TEST(problem(head + "jwts: []") == "jwts: unknown field");
  BOOST_TEST(problem(one("issuer: {url: 'http://a', audiences: [k]}", names)) ==
             "jwt[0].issuer.url: Invalid value: \"http://a\": URL scheme must be https");
  BOOST_TEST(problem(one("issuer: {url: 'https://u@a', audiences: [k]}", names))
                 .find("must not contain a username") != std::string::npos);
  BOOST_TEST(problem(one("issuer: {url: 'https://a'}", names)) ==
             "jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is "
             "required");
  BOOST_TEST(problem(one("issuer: {url: 'https://a', audiences: [k, l]}", names))
                 .find("must be MatchAny for multiple audiences") != std::string::npos);
  BOOST_TEST(
      problem(one("issuer: {url: 'https://a', discoveryURL: 'https://a/', audiences: [k]}", names))
          .find("must be different from URL") != std::string::npos);
  BOOST_TEST(
      problem(one("issuer: {url: 'https://a', audiences: [k], certificateAuthority: x}", names))
          .find("certificateAuthority") != std::string::npos);
  BOOST_TEST(problem(head + "jwt: [{" + issuer + ", " + names + "}, {" + issuer + ", " + names +
                     "}]") == "jwt[1].issuer.url: Duplicate value: \"https://a.example\"");
  BOOST_TEST(problem(one(issuer, "claimMappings: {}")) ==
             "jwt[0].claimMappings.username: Required value: claim or expression is required");
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: {claim: sub}}"))
                 .starts_with("jwt[0].claimMappings.username.prefix: Required value"));
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: {claim: a, prefix: '', expression: "
                                 "claims.a}}"))
                 .find("claim and expression can't both be set") != std::string::npos);
  const auto extra = [](const std::string& key) {
    return problem(one(issuer, "claimMappings: {username: {claim: s, prefix: ''}, extra: [{key: '" +
                                   key + "', valueExpression: claims.x}]}"));
  };
  BOOST_TEST(extra("a.io/x") == "");
  for (const auto* key : {"x", "a.io/", "A.io/x", "kubernetes.io/x", "sub.k8s.io/x", ""})
    BOOST_TEST(extra(key) != "", key);
  BOOST_TEST(problem(head + "anonymous: {enabled: false, conditions: [{path: /x}]}") != "");
  BOOST_TEST(problem(head + "jwt: 7") == ".jwt: must be a list");
  for (const auto* odd : {"[]", "7", "", "jwt", "{jwt: [7]}"})
    BOOST_TEST(problem(odd) != "", odd);
  BOOST_TEST(problem(one("issuer: 7", names)) != "");
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: [x]}")) != "");
}

BOOST_AUTO_TEST_CASE(expressions_are_compiled_when_they_are_read) {
  const auto rule = [](const std::string& expression) {
    return problem(
        one(issuer, names + ", claimValidationRules: [{expression: \"" + expression + "\"}]"));
  };
  BOOST_TEST(rule("claims.hd == 'x'") == "");
  BOOST_TEST(
      rule("claims.hd ==").find("jwt[0].claimValidationRules[0].expression: Invalid value") == 0u);
  BOOST_TEST(rule("'text'").find("must evaluate to bool") != std::string::npos);
  BOOST_TEST(rule("user.username == 'x'").find("undeclared reference") != std::string::npos);
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: {expression: '1 + 1'}}")) != "");
  BOOST_TEST(problem(one(issuer, names + ", userValidationRules: [{expression: 'user.name == "
                                         "\"x\"'}]")) != "");
  // An address that nobody verified must not become a name by an oversight.
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: {expression: claims.email}}"))
                 .find("claims.email_verified must be used") != std::string::npos);
  BOOST_TEST(problem(one(issuer, "claimMappings: {username: {expression: claims.email}}, "
                                 "claimValidationRules: [{expression: claims.email_verified == "
                                 "true}]")) == "");
}

BOOST_AUTO_TEST_CASE(claims_become_a_user) {
  const auto u =
      user("claimMappings: {username: {expression: \"claims.sub + '@' + claims.org.name\"}, "
           "groups: {expression: 'claims.roles.map(r, \"r:\" + r)'}, uid: {claim: id}, "
           "extra: [{key: a.io/team, valueExpression: claims.team}, {key: a.io/none, "
           "valueExpression: \"has(claims.none) ? claims.none : ''\"}]}",
           R"({"sub":"ann","org":{"name":"x"},"roles":["dev","ops"],"id":"7",
                          "team":["t1","t2"]})");
  BOOST_REQUIRE_MESSAGE(u, u.error().message);
  BOOST_TEST(u->name == "ann@x");
  const std::vector<std::string> groups{"r:dev", "r:ops"}, team{"t1", "t2"};
  BOOST_TEST(u->groups == groups, boost::test_tools::per_element());
  BOOST_TEST(u->uid == "7");
  BOOST_TEST(u->extra.at("a.io/team") == team, boost::test_tools::per_element());
  BOOST_TEST(!u->extra.contains("a.io/none"));
  BOOST_TEST(name(names, R"({"sub":"ann"})") == "a:ann");
}

BOOST_AUTO_TEST_CASE(whoever_the_rules_do_not_let_in_stays_outside) {
  const auto refused = [](const std::string& rest, const std::string& claims) {
    return name(rest, claims).starts_with("refused");
  };
  const auto rules = names + ", claimValidationRules: [{claim: hd, requiredValue: x}, {expression: "
                             "'claims.exp - claims.iat <= 3600', message: too long}]";
  BOOST_TEST(name(rules, R"({"sub":"a","hd":"x","iat":0,"exp":3600})") == "a:a");
  BOOST_TEST(name(rules, R"({"sub":"a","hd":"x","iat":0,"exp":3601})") == "refused: too long");
  BOOST_TEST(refused(rules, R"({"sub":"a","hd":"y","iat":0,"exp":1})"));
  BOOST_TEST(refused(rules, R"({"sub":"a","iat":0,"exp":1})"));
  BOOST_TEST(refused(rules, R"({"sub":"a","hd":["x"],"iat":0,"exp":1})"));
  BOOST_TEST(refused(rules, R"({"sub":"a","hd":"x"})")); // the expression fails: no such key
  const auto users = "claimMappings: {username: {claim: sub, prefix: ''}, groups: {claim: g, "
                     "prefix: ''}}, userValidationRules: [{expression: '!user.groups.exists(g, g "
                     "== \"banned\") && user.username.size() < 9 && user.uid == \"\"'}]";
  BOOST_TEST(name(users, R"({"sub":"ann"})") == "ann");
  BOOST_TEST(refused(users, R"({"sub":"ann","g":["banned"]})"));
  BOOST_TEST(refused(users, R"({"sub":"annannann"})"));
  for (const auto* claims :
       {"{}", R"({"sub":""})", R"({"sub":7})", R"({"sub":["a"]})", R"({"sub":["a","b"]})",
        R"({"sub":"system:admin"})", R"({"sub":"a","g":[7]})", "[]"})
    BOOST_TEST(refused(users, claims), claims);
  const auto groups = user(users, R"({"sub":"a","g":["system:masters","dev"]})");
  BOOST_REQUIRE(groups);
  BOOST_TEST(groups->groups.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_expression_that_does_not_end_lets_nobody_in) {
  std::string many = R"({"sub":"a","l":[0)";
  for (int i = 1; i < 1000; ++i)
    many += "," + std::to_string(i);
  const auto rules = names + ", claimValidationRules: [{expression: 'claims.l.all(a, "
                             "claims.l.all(b, claims.l.all(c, a + b + c >= 0)))'}]";
  BOOST_TEST(name(rules, many + "]}").starts_with("refused"));
}

BOOST_AUTO_TEST_SUITE_END()
