#include "actors/controllers/trust_bundle_publisher.hpp"
#include "actors/fixture.hpp"
#include "signing_request.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr const char* bundles = "clustertrustbundles.certificates.k8s.io";

struct publisher_fixture : cluster_fixture {
  publisher_fixture() {
    run_controller([pem = pem] { return actors::make_trust_bundle_publisher({pem}); });
    create("{apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}");
    settle();
  }
  std::string bundle(const std::string& name, const std::string& signer, const std::string& text) {
    return R"({"apiVersion":"certificates.k8s.io/v1beta1","kind":"ClusterTrustBundle","metadata":
      {"name":")" +
           name + R"("},"spec":{"signerName":")" + signer + R"(","trustBundle":)" +
           api::json::quote(text) + "}}";
  }
  api::object_ptr only() {
    api::object_ptr res;
    for (const auto& o : state().list(bundles, "").objects)
      if (o->name().starts_with("kubernetes.io:kube-apiserver-serving:")) {
        BOOST_TEST(!res);
        res = o;
      }
    BOOST_REQUIRE(res);
    return res;
  }
  std::string pem = make_authority("cluster");
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(trust_bundle_publisher, publisher_fixture)

BOOST_AUTO_TEST_CASE(publishes_the_authority_of_the_api) {
  const auto doc = only()->parse();
  BOOST_TEST(api::json::as_string(*api::json::at(doc, {"spec", "trustBundle"})) == pem);
  BOOST_TEST(api::json::as_string(*api::json::at(doc, {"spec", "signerName"})) ==
             "kubernetes.io/kube-apiserver-serving");
  BOOST_TEST(only()->name().size() ==
             std::string{"kubernetes.io:kube-apiserver-serving:"}.size() + 24);
}

BOOST_AUTO_TEST_CASE(puts_it_right_and_deletes_others_of_the_signer_alone) {
  const auto name = only()->name();
  create(bundle("kubernetes.io:kube-apiserver-serving:old", "kubernetes.io/kube-apiserver-serving",
                make_authority("old")));
  create(bundle("example.com:a:b", "example.com/a", pem));
  settle();
  BOOST_TEST(only()->name() == name);
  BOOST_TEST(get(bundles, "example.com:a:b", "") != nullptr);
  update(bundle(std::string{name}, "kubernetes.io/kube-apiserver-serving", make_authority("x")));
  settle();
  const auto doc = only()->parse();
  BOOST_TEST(api::json::as_string(*api::json::at(doc, {"spec", "trustBundle"})) == pem);
  remove(bundles, std::string{name}, "");
  settle();
  BOOST_TEST(only()->name() == name);
}

BOOST_AUTO_TEST_SUITE_END()
