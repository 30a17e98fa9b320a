#include "api/admission/plugins.hpp"
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

/// The plug-in once more, behind the others, with mounting on.
admission::plugin_ptr mounting() {
  admission::ports p;
  p.random_suffix = [](size_t n) { return std::string("abcdefgh").substr(0, n); };
  p.mount_tokens = true;
  return admission::service_account(p);
}

struct accounts : cluster {
  accounts() : cluster({mounting()}) {}
  object_ptr pod(const std::string& spec = {}, const std::string& container = {}) {
    return ok(create("pods", "default",
                     R"({"metadata":{"name":"p"},"spec":{)" + spec +
                         R"("containers":[{"name":"c","image":"i")" + container + "}]}}"))
        .object;
  }
  static std::string mounts(const object& o) {
    auto doc = o.parse();
    const auto* v = json::find(doc["spec"]["containers"][0], "volumeMounts");
    return v ? json::to_string(*v) : "";
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(service_account, accounts)

BOOST_AUTO_TEST_CASE(gives_pods_its_token_as_a_volume) {
  auto o = pod();
  BOOST_TEST(
      text_at(*o, {"spec", "volumes"}) ==
      R"([{"name":"kube-api-access-abcde","projected":{"defaultMode":420,"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},{"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}]}}])");
  BOOST_TEST(
      mounts(*o) ==
      R"([{"name":"kube-api-access-abcde","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}])");
}

BOOST_AUTO_TEST_CASE(gives_it_only_to_who_wants_it) {
  BOOST_TEST(mounts(*pod(R"("automountServiceAccountToken":false,)")) == "");
  ok(remove("pods", "default", "p"));
  ok(create("serviceaccounts", "default",
            R"({"metadata":{"name":"shy"},"automountServiceAccountToken":false})"));
  BOOST_TEST(mounts(*pod(R"("serviceAccountName":"shy",)")) == "");
  ok(remove("pods", "default", "p"));
  // The pod's own word goes first.
  BOOST_TEST(mounts(*pod(R"("serviceAccountName":"shy","automountServiceAccountToken":true,)")) !=
             "");
}

BOOST_AUTO_TEST_CASE(leaves_mounts_of_ones_own_alone) {
  auto o = pod(
      R"("volumes":[{"name":"own","emptyDir":{}}],)",
      R"(,"volumeMounts":[{"name":"own","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}])");
  BOOST_TEST(mounts(*o).find("kube-api-access") == std::string::npos);
  BOOST_TEST(text_at(*o, {"spec", "volumes"}) == R"([{"name":"own","emptyDir":{}}])");
}

BOOST_AUTO_TEST_CASE(lends_its_pull_secrets) {
  ok(create("serviceaccounts", "default",
            R"({"metadata":{"name":"puller"},"imagePullSecrets":[{"name":"s"}]})"));
  BOOST_TEST(text_at(*pod(R"("serviceAccountName":"puller",)"), {"spec", "imagePullSecrets"}) ==
             R"([{"name":"s"}])");
}

BOOST_AUTO_TEST_SUITE_END()
