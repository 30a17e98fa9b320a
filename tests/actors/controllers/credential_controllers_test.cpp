// Secrets with tokens, and certificates that are asked for.
#include "actors/controllers/bootstrap_signer.hpp"
#include "actors/controllers/certificate_signing.hpp"
#include "actors/controllers/service_account_token.hpp"
#include "actors/fixture.hpp"
#include "api/auth/default_policy.hpp"
#include "api/generated/certificates_v1.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/text/base64.hpp"
#include "signing_request.hpp"

using namespace thespis;
using namespace thespis::test;
namespace v1 = api::v1;

namespace {

struct token_fixture : cluster_fixture {
  token_fixture() {
    auto pem = api::auth::token_key::make();
    BOOST_REQUIRE(pem);
    api::auth::token_deps deps;
    deps.keys = {*api::auth::token_key::load(*pem)};
    deps.state = {std::shared_ptr<const api::reader>{}, &state()};
    deps.now = [clock = env().clock] { return clock->now(); };
    deps.new_id = [] { return "id"; };
    tokens = std::make_shared<const api::auth::service_account_tokens>(std::move(deps));
    run_controller([t = tokens] {
      return actors::make_service_account_token_controller({t, "the-ca"});
    });
    create("{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}");
    create("{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: "
           "{kubernetes.io/service-account.name: robot}}, type: "
           "kubernetes.io/service-account-token}");
    settle();
  }

  std::string value(const char* key) {
    return api::decode_base64(get<v1::secret>("s").data[key]).value_or("");
  }

  std::shared_ptr<const api::auth::service_account_tokens> tokens;
};

struct signing_fixture : cluster_fixture {
  const std::string certificate = test::make_authority("signed");

  signing_fixture() {
    auto p = std::make_shared<api::auth::policy>();
    p->set_index(api::auth::default_index());
    policy = p;
    actors::certificate_signing_deps deps;
    deps.policy = policy;
    deps.sign = [this](const std::string&, const std::vector<std::string>&,
                       std::chrono::seconds life, actors::wall_time) -> api::result<std::string> {
      ++signed_;
      lifetime = life;
      return certificate;
    };
    run_controller([deps] { return actors::make_certificate_signing(deps); });
  }

  void ask(const std::string& name, const std::string& signer, const std::string& request,
           const std::string& usages, api::user_info user, const std::string& more = "") {
    api::call c;
    c.verb = api::verb::create;
    c.resource = v1::certificate_signing_request::resource_name;
    c.body = R"({"metadata":{"name":")" + name + R"("},"spec":{"request":")" +
             api::encode_base64(request) + R"(","signerName":"kubernetes.io/)" + signer +
             R"(","usages":)" + usages + more + "}}";
    c.user = std::move(user);
    const auto res = send(std::move(c));
    BOOST_REQUIRE_MESSAGE(res.ok, res.failure.message);
    settle();
  }

  void approve(const std::string& name) {
    auto c = csr(name);
    c.status.conditions.emplace_back().type = "Approved";
    c.status.conditions.back().status = "True";
    must(actors::update_call(c, "approval"));
    settle();
  }

  v1::certificate_signing_request csr(const std::string& name) {
    return get<v1::certificate_signing_request>(name, "");
  }

  std::string condition(const std::string& name) {
    const auto c = csr(name);
    return c.status.conditions.empty() ? "" : c.status.conditions.back().type;
  }

  std::shared_ptr<const api::auth::policy> policy;
  int signed_ = 0;
  std::chrono::seconds lifetime{};
};

const std::string client_usages = R"(["digital signature","client auth"])";

} // namespace

BOOST_FIXTURE_TEST_SUITE(service_account_token, token_fixture)

BOOST_AUTO_TEST_CASE(a_secret_is_filled_for_the_account_it_names) {
  BOOST_TEST(value("namespace") == "default");
  BOOST_TEST(value("ca.crt") == "the-ca");
  const auto who = tokens->authenticate(value("token"));
  BOOST_REQUIRE(who);
  BOOST_TEST(who->user.name == "system:serviceaccount:default:robot");
  BOOST_TEST(get<v1::secret>("s").metadata.annotations["kubernetes.io/service-account.uid"] ==
             get("serviceaccounts", "robot")->uid());
}

BOOST_AUTO_TEST_CASE(a_token_that_is_taken_out_is_replaced) {
  const auto first = value("token");
  patch("secrets", "s", "{data: {token: null}}");
  settle();
  BOOST_TEST(!value("token").empty());
}

BOOST_AUTO_TEST_CASE(a_secret_goes_with_its_account) {
  remove("serviceaccounts", "robot");
  settle();
  BOOST_TEST(!get("secrets", "s"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(certificate_signing, signing_fixture)

BOOST_AUTO_TEST_CASE(nothing_is_signed_before_it_is_approved) {
  ask("a", "kube-apiserver-client", make_signing_request("ann", {"dev"}), client_usages,
      {"ann", "", {"dev"}});
  BOOST_TEST(csr("a").spec.username == "ann");
  BOOST_TEST(signed_ == 0);
  approve("a");
  BOOST_TEST(signed_ == 1);
  BOOST_TEST(api::decode_base64(csr("a").status.certificate).value() == certificate);
  BOOST_TEST(lifetime.count() == 365 * 24 * 3600);
}

BOOST_AUTO_TEST_CASE(a_denied_request_is_not_signed) {
  ask("a", "kube-apiserver-client", make_signing_request("ann", {}), client_usages,
      {"ann", "", {}});
  auto c = csr("a");
  c.status.conditions.emplace_back().type = "Denied";
  c.status.conditions.back().status = "True";
  must(actors::update_call(c, "approval"));
  settle();
  BOOST_TEST(signed_ == 0);
}

BOOST_AUTO_TEST_CASE(what_a_signer_does_not_sign_fails) {
  ask("a", "kubelet-serving", make_signing_request("ann", {"system:nodes"}, "DNS:n"),
      R"(["digital signature","server auth"])", {"ann", "", {}});
  approve("a");
  BOOST_TEST(signed_ == 0);
  BOOST_TEST(condition("a") == "Failed");
  BOOST_TEST(csr("a").status.conditions.back().reason == "SignerValidationFailure");
  ask("b", "kubelet-serving", make_signing_request("system:node:n", {"system:nodes"}, "DNS:n"),
      R"(["digital signature","server auth"])", {"system:node:n", "", {"system:nodes"}},
      R"(,"expirationSeconds":3600)");
  approve("b");
  BOOST_TEST(signed_ == 1);
  BOOST_TEST(lifetime.count() == 3600);
}

BOOST_AUTO_TEST_CASE(only_who_may_gets_a_nodes_certificate_unasked) {
  const auto request = make_signing_request("system:node:n", {"system:nodes"});
  // Nobody has been given certificatesigningrequests/selfnodeclient.
  ask("a", "kube-apiserver-client-kubelet", request, client_usages,
      {"system:node:n", "", {"system:nodes"}});
  BOOST_TEST(condition("a") == "");
  ask("b", "kube-apiserver-client-kubelet", request, client_usages,
      {"root", "", {"system:masters"}});
  BOOST_TEST(csr("b").status.conditions.at(0).reason == "AutoApproved");
  BOOST_TEST(signed_ == 1);
  // A request that asks for more than a node's certificate is nobody's to approve automatically.
  ask("c", "kube-apiserver-client-kubelet",
      make_signing_request("system:node:n", {"system:nodes"}, "DNS:x"), client_usages,
      {"root", "", {"system:masters"}});
  BOOST_TEST(condition("c") == "");
}

BOOST_AUTO_TEST_CASE(old_requests_are_forgotten) {
  ask("waits", "kube-apiserver-client", make_signing_request("ann", {}), client_usages,
      {"ann", "", {}});
  ask("done", "kube-apiserver-client", make_signing_request("ann", {}), client_usages,
      {"ann", "", {}});
  approve("done");
  advance(61min);
  BOOST_TEST(!get("certificatesigningrequests.certificates.k8s.io", "done", ""));
  BOOST_TEST(get("certificatesigningrequests.certificates.k8s.io", "waits", ""));
  advance(24h);
  BOOST_TEST(!get("certificatesigningrequests.certificates.k8s.io", "waits", ""));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct bootstrap_fixture : cluster_fixture {
  bootstrap_fixture() {
    for (const char* ns : {"kube-system", "kube-public"})
      create("{apiVersion: v1, kind: Namespace, metadata: {name: " + std::string{ns} + "}}");
    run_controller([] { return actors::make_bootstrap_signer(); });
    run_controller([] { return actors::make_token_cleaner(); });
    create("{apiVersion: v1, kind: ConfigMap, metadata: {name: cluster-info, namespace: "
           "kube-public}, data: {kubeconfig: some text}}");
  }
  void create_token(const std::string& more,
                    const std::string& type = "bootstrap.kubernetes.io/token") {
    create("{apiVersion: v1, kind: Secret, metadata: {name: bootstrap-token-abcdef, namespace: "
           "kube-system}, type: '" +
           type + "', stringData: {token-id: abcdef, token-secret: 0123456789abcdef" + more + "}}");
    settle();
  }
  std::string signature() {
    auto data = get<v1::config_map>("cluster-info", "kube-public").data;
    return data["jws-kubeconfig-abcdef"];
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(bootstrap_tokens, bootstrap_fixture)

BOOST_AUTO_TEST_CASE(sign_where_the_cluster_is) {
  create_token(", usage-bootstrap-signing: 'true'");
  // openssl: printf %s "$head.$body" | openssl dgst -sha256 -hmac 0123456789abcdef -binary
  BOOST_TEST(signature() == "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9.."
                            "RzzTNmkdnR64WxRM9cQYoRZ5sK_P4JnBWhAOkoOf4tA");
  patch("configmaps", "cluster-info", "{data: {kubeconfig: other}}", {}, "kube-public");
  settle();
  BOOST_TEST(signature() == actors::sign_detached("other", "abcdef", "0123456789abcdef"));
  remove("secrets", "bootstrap-token-abcdef", "kube-system");
  settle();
  BOOST_TEST(signature() == "");
  BOOST_TEST(get<v1::config_map>("cluster-info", "kube-public").data.size() == 1);
}

BOOST_AUTO_TEST_CASE(that_are_for_something_else_do_not_sign) {
  create_token(", usage-bootstrap-authentication: 'true'");
  BOOST_TEST(signature() == "");
}

BOOST_AUTO_TEST_CASE(end_when_they_expire) {
  create_token(", usage-bootstrap-signing: 'true', expiration: '" +
               api::format_time(now() + std::chrono::hours{1}) + "'");
  BOOST_TEST(signature() != "");
  advance(std::chrono::minutes{59});
  BOOST_TEST(count("secrets", "kube-system") == 1);
  advance(std::chrono::minutes{1});
  BOOST_TEST(count("secrets", "kube-system") == 0);
  BOOST_TEST(signature() == "");
}

BOOST_AUTO_TEST_CASE(other_secrets_stay) {
  create_token(", expiration: '2000-01-01T00:00:00Z'", "Opaque");
  advance(std::chrono::hours{1});
  BOOST_TEST(count("secrets", "kube-system") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
