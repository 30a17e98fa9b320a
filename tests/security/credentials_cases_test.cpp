// Tokens, what nodes may read, files of pods, and requests that the cluster itself sends.
#include "actors/pod/volume_files.hpp"
#include "actors/pod/volume_port.hpp"
#include "api/audit/policy.hpp"
#include "api/auth/bootstrap_tokens.hpp"
#include "api/auth/policy.hpp"
#include "api/auth/service_account_tokens.hpp"
#include "api/outbound/https_client.hpp"
#include "api/outbound/https_server.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"
#include "config/temporary_directory.hpp"
#include "runtime/store/encryption.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <future>

using namespace thespis;
using namespace thespis::api;
using testing::cluster;
namespace fs = std::filesystem;

namespace {

struct issued {
  issued() : key(*auth::token_key::load(*auth::token_key::make())) {
    cluster::ok(c.create("namespaces", "", R"({"metadata":{"name":"kube-system"}})"));
    for (const char* name : {"default", "robot", "other"})
      cluster::ok(c.create("serviceaccounts", "default",
                           R"({"metadata":{"name":")" + std::string{name} + R"("}})"));
    for (const char* node : {"n1", "n2"})
      cluster::ok(c.create("nodes", "", R"({"metadata":{"name":")" + std::string{node} + R"("}})"));
    cluster::ok(c.create("pods", "default",
                         R"({"metadata":{"name":"p"},"spec":{"serviceAccountName":"robot",
                           "nodeName":"n1","containers":[{"name":"c","image":"i"}],"volumes":[
                           {"name":"v","secret":{"secretName":"used"}}]}})"));
    auth::token_deps deps;
    deps.keys = {key};
    deps.issuer = "https://issuer";
    deps.state = c.state;
    deps.now = [this] { return c.now; };
    deps.new_id = [] { return "id"; };
    tokens = std::make_shared<auth::service_account_tokens>(std::move(deps));
    access = std::make_shared<auth::policy>(c.state);
  }

  std::string token(std::vector<std::string> audiences = {}) {
    v1::token_request r;
    r.spec.expiration_seconds = 600;
    r.spec.audiences = std::move(audiences);
    auto& ref = r.spec.bound_object_ref.ensure();
    ref.kind = "Pod";
    ref.api_version = "v1";
    ref.name = "p";
    auto made = tokens->issue("default", "robot", std::move(r));
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    return made->status.token;
  }
  bool good(std::string_view t, const std::vector<std::string>& audiences = {}) {
    return tokens->authenticate(t, audiences).has_value();
  }
  static std::string with_header(const std::string& t, std::string_view header) {
    return encode_base64url(header) + t.substr(t.find('.'));
  }
  bool node_may(std::string_view verb, std::string_view resource, std::string_view name,
                std::string_view sub = {}, std::vector<std::string> groups = {"system:nodes"}) {
    const user_info who{"system:node:n1", "", std::move(groups)};
    return access->authorize({who, true, verb, "", "v1", "default", resource, sub, name, ""})
        .allowed();
  }
  void bootstrap_token(const std::string& id, const std::string& secret, const std::string& more) {
    auto member = [](const std::string& k, const std::string& v) {
      return "\"" + k + "\":\"" + encode_base64(v) + "\"";
    };
    cluster::ok(c.create("secrets", "kube-system",
                         R"({"type":"bootstrap.kubernetes.io/token","metadata":{"name":)"
                         R"("bootstrap-token-)" +
                             id + R"("},"data":{)" + member("token-id", id) + "," +
                             member("token-secret", secret) + "," +
                             member("usage-bootstrap-authentication", "true") + more + "}}"));
  }
  bool joins(std::string_view t) {
    return auth::authenticate_bootstrap_token(*c.state, c.now, t).has_value();
  }

  cluster c;
  auth::token_key key;
  std::shared_ptr<auth::service_account_tokens> tokens;
  std::shared_ptr<auth::policy> access;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(tokens, issued)

BOOST_AUTO_TEST_CASE(an_unsigned_token_is_none) {
  const auto t = token();
  BOOST_REQUIRE(good(t));
  const auto body = t.substr(t.find('.'), t.rfind('.') - t.find('.'));
  BOOST_TEST(!good(encode_base64url(R"({"alg":"none"})") + body + "."));
  BOOST_TEST(!good(t.substr(0, t.rfind('.') + 1)));
}

BOOST_AUTO_TEST_CASE(the_algorithm_is_the_keys_and_not_the_tokens) {
  const auto t = token();
  BOOST_TEST(!good(with_header(t, R"({"alg":"HS256"})")));
  BOOST_TEST(!good(with_header(t, R"({"alg":"none","kid":")" + key.id() + "\"}")));
}

BOOST_AUTO_TEST_CASE(a_token_for_others_is_not_for_us) {
  BOOST_TEST(!good(token({"vault"})));
  BOOST_TEST(good(token({"vault"}), {"vault"}));
}

BOOST_AUTO_TEST_CASE(a_token_ends_with_its_pod) {
  const auto t = token();
  BOOST_REQUIRE(good(t));
  cluster::ok(c.remove("pods", "default", "p", R"({"gracePeriodSeconds":0})"));
  BOOST_TEST(!good(t));
}

BOOST_AUTO_TEST_CASE(a_token_ends_in_time) {
  const auto t = token();
  c.advance(std::chrono::seconds{601 + 60});
  BOOST_TEST(!good(t));
}

BOOST_AUTO_TEST_CASE(nobody_joins_with_half_a_token) {
  bootstrap_token("abcdef", "0123456789abcdef", "");
  BOOST_REQUIRE(joins("abcdef.0123456789abcdef"));
  for (const auto* t : {"abcdef.", "abcdef", ".", "", "abcdef.0123456789abcde", "abcdef.0"})
    BOOST_TEST(!joins(t), t);
}

BOOST_AUTO_TEST_CASE(a_token_with_an_empty_secret_lets_nobody_join) {
  bootstrap_token("nosecr", "", "");
  BOOST_TEST(!joins("nosecr."));
  BOOST_TEST(!joins("nosecr"));
}

BOOST_AUTO_TEST_CASE(an_expired_token_lets_nobody_join) {
  bootstrap_token("expird", "0123456789abcdef",
                  ",\"expiration\":\"" + encode_base64("2029-01-01T00:00:00Z") + "\"");
  BOOST_TEST(!joins("expird.0123456789abcdef"));
}

BOOST_AUTO_TEST_CASE(a_joining_machine_is_no_master) {
  bootstrap_token("master", "0123456789abcdef",
                  ",\"auth-extra-groups\":\"" + encode_base64("system:masters") + "\"");
  BOOST_TEST(!joins("master.0123456789abcdef"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(what_a_node_may_read, issued)

BOOST_AUTO_TEST_CASE(secrets_that_its_pods_use_and_no_others) {
  BOOST_REQUIRE(node_may("get", "secrets", "used"));
  BOOST_TEST(!node_may("get", "secrets", "unused"));
}

BOOST_AUTO_TEST_CASE(no_list_of_secrets) {
  BOOST_TEST(!node_may("list", "secrets", ""));
  BOOST_TEST(!node_may("watch", "secrets", ""));
}

BOOST_AUTO_TEST_CASE(tokens_of_its_pods_accounts_and_no_others) {
  BOOST_REQUIRE(node_may("create", "serviceaccounts", "robot", "token"));
  BOOST_TEST(!node_may("create", "serviceaccounts", "other", "token"));
}

BOOST_AUTO_TEST_CASE(nothing_by_its_name_alone) {
  BOOST_TEST(!node_may("get", "secrets", "used", "", {"dev"}));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct files {
  files() {
    node.name = "n1";
    node.data_dir = folder / "data";
    fs::create_directories(node.data_dir);
    port = actors::make_disk_volumes(node, std::make_shared<testing::memory_state>());
  }
  bool removed(const std::string& uid) {
    std::promise<bool> done;
    port->remove(uid, [&](auto r) { done.set_value(r.has_value()); });
    return done.get_future().get();
  }
  test::temporary_directory folder;
  actors::node_facts node;
  std::shared_ptr<actors::volume_port> port;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(files_of_pods, files)

BOOST_AUTO_TEST_CASE(cleaning_up_follows_no_links) {
  fs::create_directory(folder / "precious");
  std::ofstream{folder / "precious/file"} << "x";
  const auto dir = fs::path{actors::pod_directory(node, "u-1")} / "volumes/x";
  fs::create_directories(dir);
  fs::create_directory_symlink(folder / "precious", dir / "link");
  BOOST_TEST(removed("u-1"));
  BOOST_TEST(fs::exists(folder / "precious/file"));
  BOOST_TEST(!fs::exists(dir));
}

BOOST_AUTO_TEST_CASE(cleaning_up_one_pod_is_not_cleaning_up_all) {
  fs::create_directories(fs::path{actors::pod_directory(node, "u-1")} / "volumes");
  for (const auto* uid : {"", ".", "..", "../pods", "u-1/..", "../../data"})
    BOOST_TEST(!removed(uid), uid);
  BOOST_TEST(fs::exists(actors::pod_directory(node, "u-1")));
}

BOOST_AUTO_TEST_CASE(a_volumes_files_stay_in_its_folder) {
  const auto to = folder / "volume";
  fs::create_directory(to);
  for (const auto* path : {"../outside", "/outside", "a/../../outside", ".."})
    BOOST_TEST(!actors::show_files(to, {{path, {"x"}}}, std::nullopt), path);
  BOOST_TEST(!fs::exists(folder / "outside"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(requests_of_our_own)

BOOST_AUTO_TEST_CASE(a_webhook_sends_us_nowhere_else) {
  testing::test_pki pki;
  int asked = 0;
  testing::https_server elsewhere(pki.server, [&] {
    ++asked;
    return testing::http_answer("{}");
  });
  testing::https_server hook(pki.server, [&] {
    return testing::http_answer("", "307 Temporary Redirect",
                                "Location: " + elsewhere.url() + "\r\n");
  });
  outbound::https_client client;
  outbound::request r;
  r.url = hook.url();
  r.ca_bundle = pki.ca.pem().certificate;
  r.body = "{}";
  r.timeout = std::chrono::seconds{20};
  const auto got = client.send(r);
  BOOST_REQUIRE(got);
  BOOST_TEST(got->code == 307);
  BOOST_TEST(asked == 0);
}

BOOST_AUTO_TEST_CASE(a_webhook_proves_who_it_is) {
  testing::test_pki pki, other;
  testing::https_server hook(pki.server, [&] { return testing::http_answer("{}"); });
  outbound::https_client client;
  outbound::request r;
  r.url = hook.url();
  r.ca_bundle = other.ca.pem().certificate;
  r.body = "{}";
  r.timeout = std::chrono::seconds{20};
  BOOST_TEST(!client.send(r));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(secrets_at_rest)

BOOST_AUTO_TEST_CASE(a_sealed_secret_opens_in_its_own_place_only) {
  const auto e = runtime::encryption::parse(
      "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
      "- {resources: [secrets], providers: [{aesgcm: {keys: [{name: k, secret: "
      "Y2NjY2NjY2NjY2NjY2NjYw==}]}}]}\n");
  BOOST_REQUIRE(e);
  const auto sealed = e->seal("secrets", "mine", "{value}");
  BOOST_TEST(sealed.find("value") == std::string::npos);
  BOOST_REQUIRE(e->open("secrets", "mine", sealed));
  BOOST_TEST(!e->open("secrets", "theirs", sealed));
}

BOOST_AUTO_TEST_CASE(the_audit_log_keeps_no_secrets_by_default) {
  const user_info ann{"ann", "", {"dev"}};
  const auto& p = audit::policy::standard();
  for (const auto* verb : {"create", "update", "patch"})
    for (const auto* resource : {"secrets", "configmaps"})
      BOOST_TEST((p.decide({ann, true, verb, "", "v1", "a", resource, "", "x", ""}).how ==
                  audit::level::metadata));
}

BOOST_AUTO_TEST_SUITE_END()
