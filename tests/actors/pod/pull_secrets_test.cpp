#include "actors/pod/fake_state.hpp"
#include "actors/pod/pull_secrets.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"

using namespace thespis;
using namespace thespis::actors;
using namespace thespis::test;

namespace {

struct registry_fixture {
  fake_state state;

  void secret(const std::string& name, const std::string& key, const std::string& text) {
    state.put("secrets", "{apiVersion: v1, kind: Secret, metadata: {name: " + name + "}, data: {" +
                             key + ": " + api::encode_base64(text) + "}}");
  }
  pull_secrets find(const std::string& image) const {
    auto doc = *api::yaml::parse(
        "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {containers: "
        "[{name: c, image: i}], imagePullSecrets: [{name: one}, {name: two}]}}");
    return find_pull_secrets(*api::typed<api::v1::pod>(*api::seal(api::make_draft("pods", doc), 1)),
                             image, state);
  }
  std::string users(const std::string& image) const {
    std::string res;
    for (const auto& c : find(image).credentials)
      res += c.username + ":" + c.password + " ";
    return res;
  }
};

std::string fault(const std::string& image) {
  const auto why = image_name_error(image).value_or("");
  return why.substr(why.find("\": ") == std::string::npos ? 0 : why.rfind("\": ") + 3);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pull_secrets_of_pods, registry_fixture)

BOOST_AUTO_TEST_CASE(finds_who_may_pull_an_image) {
  secret("one", ".dockerconfigjson",
         R"({"auths":{"reg.example.com:5000":{"username":"u","password":"p"},)"
         R"("reg.example.com:5000/team":{"auth":")" +
             api::encode_base64("t:s:x") +
             R"("},"*.wild.io":{"username":"w","password":""},)"
             R"("https://index.docker.io/v1/":{"username":"hub","password":"h"}}})");
  BOOST_TEST(users("reg.example.com:5000/app:v1") == "u:p ");
  BOOST_TEST(users("reg.example.com:5000/team/app:v1") == "t:s:x u:p ");
  BOOST_TEST(users("reg.example.com/app:v1") == "");
  BOOST_TEST(users("a.wild.io/app") == "w: ");
  BOOST_TEST(users("a.b.wild.io/app") == "");
  BOOST_TEST(users("nginx:1") == "hub:h ");
  BOOST_TEST(users("docker.io/library/nginx") == "hub:h ");
  BOOST_TEST(find("nginx").missing == std::vector<std::string>{"two"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reads_the_older_form_and_nothing_from_rubbish) {
  secret("one", ".dockerconfigjson", "{not json");
  secret("two", ".dockercfg", R"({"reg.io":{"username":"u","password":"p"},"other":3})");
  BOOST_TEST(users("reg.io/app") == "u:p ");
  BOOST_TEST(find("reg.io/app").missing.empty());
}

BOOST_AUTO_TEST_CASE(tells_what_can_be_no_image) {
  for (const auto* good :
       {"web:1", "thespis.local/sample:v1", "10.0.0.1:5000/a/b__c:V_1.0", "localhost/x",
        "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})
    BOOST_TEST(!image_name_error(good), good);
  BOOST_TEST(fault("no such image") == "invalid reference format");
  BOOST_TEST(fault("") == "invalid reference format");
  BOOST_TEST(fault("web:") == "invalid reference format");
  BOOST_TEST(fault("Web:1") ==
             "invalid reference format: repository name (library/Web) must be lowercase");
  BOOST_TEST(fault("reg.io/Team/app:1") ==
             "invalid reference format: repository name (Team/app) must be lowercase");
  BOOST_TEST(image_name_error("a b").value_or("") ==
             "Failed to apply default image tag \"a b\": couldn't parse image name \"a b\": "
             "invalid reference format");
}

BOOST_AUTO_TEST_SUITE_END()
