// Certificate signing requests on their way to a certificate.
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"
#include "signing_request.hpp"

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;
using thespis::test::make_authority;
using thespis::test::make_signing_request;

namespace {

constexpr const char* csr = "certificatesigningrequests.certificates.k8s.io";

struct signing : cluster {
  std::string ask(const std::string& name, const std::string& pem, const std::string& more = {},
                  const std::string& signer = "example.com/mine") {
    return said(create(csr, "",
                       R"({"metadata":{"name":")" + name + R"("},"spec":{"request":")" +
                           encode_base64(pem) + R"(","signerName":")" + signer +
                           R"(","usages":["client auth"])" + more + "}}"));
  }
  std::string status(const std::string& text, const std::string& sub = "status") {
    return said(patch(csr, "", "a", R"({"status":{)" + text + "}}", patch_kind::json_merge, sub));
  }
  static std::string certificate(const std::string& pem) {
    return R"("certificate":")" + encode_base64(pem) + '"';
  }
  static std::string condition(const std::string& type, const std::string& value = "True",
                               const std::string& more = {}) {
    return R"("conditions":[{"type":")" + type + R"(","status":")" + value + '"' + more + "}]";
  }
  static std::string said(const reply& r) {
    const auto at = r.failure.message.find(" is invalid: ");
    return r.ok ? "accepted" : r.failure.message.substr(at == std::string::npos ? 0 : at + 13);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(signing_requests, signing)

BOOST_AUTO_TEST_CASE(a_request_proves_its_key) {
  const auto good = make_signing_request("ann", {});
  BOOST_TEST(ask("a", good) == "accepted");
  BOOST_TEST(ask("b", make_authority("x")).ends_with("PEM block type must be CERTIFICATE REQUEST"));
  auto der = *decode_base64([&] {
    auto body = good.substr(good.find('\n') + 1);
    body.resize(body.find("-----"));
    std::erase(body, '\n');
    return body;
  }());
  der[der.find("ann")] = 'b'; // signed for another name
  const auto forged = "-----BEGIN CERTIFICATE REQUEST-----\n" + encode_base64(der) +
                      "\n-----END CERTIFICATE REQUEST-----\n";
  BOOST_TEST(ask("c", forged).find("signature of the certificate request is wrong") !=
             std::string::npos);
  BOOST_TEST(ask("d", good, R"(,"expirationSeconds":599)").find("less than 600 seconds") !=
             std::string::npos);
  BOOST_TEST(ask("e", good, {}, "kubernetes.io/legacy-unknown") ==
             "spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy "
             "signerName is not allowed via this API version");
}

BOOST_AUTO_TEST_CASE(a_certificate_is_one_and_stays) {
  BOOST_REQUIRE(ask("a", make_signing_request("ann", {})) == "accepted");
  const std::string refused = "status.certificate: Invalid value: \"<certificate data>\": ";
  const auto good = make_authority("x");
  BOOST_TEST(status(certificate("no certificate")) ==
             refused + "must contain at least one CERTIFICATE PEM block");
  BOOST_TEST(status(certificate(make_signing_request("x", {}))) ==
             refused + "only CERTIFICATE PEM blocks are allowed, found \"CERTIFICATE REQUEST\"");
  BOOST_TEST(status(certificate(good + make_signing_request("x", {}))).starts_with(refused));
  BOOST_TEST(
      status(certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")) ==
      refused + "x509: malformed certificate");
  BOOST_TEST(status(certificate("-----BEGIN CERTIFICATE-----\na: b\n\n" +
                                good.substr(good.find('\n') + 1)))
                 .starts_with(refused + "no PEM block headers"));
  // Approving is not signing.
  status(certificate(good), "approval");
  BOOST_TEST(text_at(*get(csr, "", "a"), {"status", "certificate"}) == "");
  BOOST_TEST(status(certificate(good + make_authority("y"))) == "accepted");
  BOOST_TEST(status(certificate(good)) ==
             "status.certificate: Forbidden: updates may not modify existing certificate content");
  BOOST_TEST(status(certificate("")).find("may not modify") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(conditions_are_true_or_missing_and_stay) {
  BOOST_REQUIRE(ask("a", make_signing_request("ann", {})) == "accepted");
  BOOST_TEST(status(condition("Approved")) ==
             "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"");
  BOOST_TEST(status(condition("Failed", "False")) ==
             "status.conditions[0].status: Unsupported value: \"False\": supported values: "
             "\"True\"");
  BOOST_TEST(status(condition("Odd", "Maybe"), "approval")
                 .starts_with("status.conditions[0].status: Unsupported value: \"Maybe\""));
  const auto both = condition("Approved").substr(0, condition("Approved").size() - 1) + "," +
                    condition("Denied").substr(std::string{"\"conditions\":["}.size());
  BOOST_TEST(status(both, "approval") ==
             "status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied conditions "
             "are mutually exclusive");
  BOOST_TEST(status(condition("Approved"), "approval") == "accepted");
  BOOST_TEST(status(condition("Approved", "True", R"(,"reason":"other")")) == "accepted");
  BOOST_TEST(text_at(*get(csr, "", "a"), {"status", "conditions"}).find("other") ==
             std::string::npos);
  BOOST_TEST(status(condition("Denied"), "approval").find("may not remove a condition") !=
             std::string::npos);
  BOOST_TEST(status(R"("conditions":[])", "approval").find("may not remove a condition") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
