// ClusterTrustBundles: what is one, and who may write it.
#include "api/admission/plugins.hpp"
#include "api/auth/policy.hpp"
#include "api/auth/trust_anchors.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "signing_request.hpp"

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::test::make_authority;

namespace {

constexpr const char* bundles = "clustertrustbundles.certificates.k8s.io";
constexpr const char* rbac = ".rbac.authorization.k8s.io";

/// Ann may write bundles, and attest for example.com/one and all of other.org.
struct trust_bundles {
  trust_bundles()
      : access(std::make_shared<auth::policy>()),
        c({admission::cluster_trust_bundle_attest(asking(access))}, nullptr, access) {
    root(std::string{"clusterroles"} + rbac, R"({"metadata":{"name":"ann"},"rules":[
      {"verbs":["create","update"],"apiGroups":["certificates.k8s.io"],
       "resources":["clustertrustbundles"]},
      {"verbs":["attest"],"apiGroups":["certificates.k8s.io"],"resources":["signers"],
       "resourceNames":["example.com/one","other.org/*"]}]})");
    root(std::string{"clusterrolebindings"} + rbac, R"({"metadata":{"name":"ann"},"roleRef":
      {"kind":"ClusterRole","name":"ann"},"subjects":[{"kind":"User","name":"ann"}]})");
    access->rebuild(*c.state);
  }

  static admission::authorizer asking(std::shared_ptr<const auth::policy> p) {
    return [p = std::move(p)](const user_info& user, std::string_view verb, std::string_view group,
                              std::string_view resource, std::string_view name) {
      return p->authorize({user, true, verb, group, "*", "", resource, "", name, ""}).allowed();
    };
  }
  std::string send(user_info user, verb v, const std::string& resource, const std::string& body,
                   const std::string& name = {}) {
    auto call = cluster::make(v, resource, "", name, body, {});
    call.user = std::move(user);
    const auto r = c.send(call);
    return r.ok ? "" : r.failure.message;
  }
  void root(const std::string& resource, const std::string& body) {
    BOOST_REQUIRE_EQUAL(send({"root", "", {"system:masters"}}, verb::create, resource, body), "");
  }
  std::string write(const std::string& name, const std::string& signer, const std::string& pem,
                    verb v = verb::create) {
    const auto signed_by = signer.empty() ? "" : R"("signerName":")" + signer + R"(",)";
    return send({"ann", "", {}}, v, bundles,
                R"({"metadata":{"name":")" + name + R"("},"spec":{)" + signed_by +
                    R"("trustBundle":)" + json::quote(pem) + "}}",
                v == verb::update ? name : "");
  }

  std::shared_ptr<auth::policy> access;
  cluster c;
  const std::string one = make_authority("one"), two = make_authority("two");
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(trust_bundle, trust_bundles)

BOOST_AUTO_TEST_CASE(is_named_after_its_signer) {
  BOOST_TEST(write("roots", "", one) == "");
  BOOST_TEST(write("example.com:one:roots", "example.com/one", one) == "");
  BOOST_TEST(write("other.org:any:x", "other.org/any", one) == "");
  const std::string begin = "ClusterTrustBundle.certificates.k8s.io ";
  BOOST_TEST(write("a:b", "", one) ==
             begin + "\"a:b\" is invalid: metadata.name: Invalid value: \"a:b\": "
                     "ClusterTrustBundle without signer name must not have \":\" in its name");
  BOOST_TEST(write("roots2", "example.com/one", one) ==
             begin + "\"roots2\" is invalid: metadata.name: Invalid value: \"roots2\": "
                     "ClusterTrustBundle for signerName example.com/one must be named with prefix "
                     "example.com:one:");
  BOOST_TEST(write("example.com:one:", "example.com/one", one) != "");
  BOOST_TEST(write("example.com:one:A", "example.com/one", one) != "");
  BOOST_TEST(write("one:x", "one", one).find("spec.signerName") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(is_written_by_who_may_attest_for_its_signer) {
  BOOST_TEST(write("example.com:two:x", "example.com/two", one) ==
             "clustertrustbundles.certificates.k8s.io \"example.com:two:x\" is forbidden: user "
             "not permitted to attest for signerName \"example.com/two\"");
  root(bundles, R"({"metadata":{"name":"example.com:two:x"},"spec":{"signerName":"example.com/two",
                    "trustBundle":)" +
                    json::quote(one) + "}}");
  BOOST_TEST(write("example.com:two:x", "example.com/two", two, verb::update)
                 .find("not permitted to attest") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keeps_its_signer) {
  BOOST_TEST(write("other.org:a:x", "other.org/a", one) == "");
  BOOST_TEST(write("other.org:a:x", "other.org/a", one + two, verb::update) == "");
  const auto why = write("other.org:a:x", "other.org/b", one, verb::update);
  BOOST_TEST(why.find("spec.signerName: Invalid value: \"other.org/b\": field is immutable") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(holds_certificates_each_once_and_nothing_else) {
  const auto wrong = [&](const std::string& pem) {
    const auto why = write("w", "", pem);
    const std::string before = "Invalid value: \"<value omitted>\": ";
    const auto at = why.find(before);
    return at == why.npos ? why : why.substr(at + before.size());
  };
  BOOST_TEST(wrong("no pem") == "at least one trust anchor must be provided");
  BOOST_TEST(wrong(one + two + one) == "duplicate trust anchor (indices [0 2])");
  BOOST_TEST(wrong(one + thespis::test::make_signing_request("x", {})) ==
             "entry 1 has bad block type: CERTIFICATE REQUEST");
  auto headers = one;
  headers.insert(headers.find('\n') + 1, "Some: header\n\n");
  BOOST_TEST(wrong(headers) == "entry 0 has PEM block headers");
  BOOST_TEST(wrong("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") ==
             "entry 0 does not parse as X.509");
  BOOST_TEST(wrong(one + "-----BEGIN CERTIFICATE-----\nAAAA\n") ==
             "entry 1 does not parse as X.509");
  BOOST_TEST(wrong(std::string(auth::max_trust_bundle + 1, 'x')).find("Too long") !=
             std::string::npos);
  BOOST_TEST(wrong("words before\n" + one + "and between\n" + two) == "");
}

BOOST_AUTO_TEST_CASE(is_the_same_text_whatever_order_it_came_in) {
  const auto set = [](const std::string& pem) {
    const auto der = auth::read_trust_anchors(pem).der;
    return auth::trust_anchors_pem({der.begin(), der.end()});
  };
  BOOST_TEST(set(one + two) == set(two + "\nnoise\n" + one + one));
  BOOST_TEST(auth::read_trust_anchors(set(one + two)).der.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
