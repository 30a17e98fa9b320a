#include "config/files.hpp"
#include "config/kubeconfig.hpp"
#include "config/temporary_directory.hpp"

#include <yaml-cpp/yaml.h>

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

using namespace thespis;

namespace {

const config::kubeconfig_entry entry{"thespis", "https://127.0.0.1:6443", "CA", "CERT", "KEY"};

const std::string foreign = "apiVersion: v1\n"
                            "kind: Config\n"
                            "preferences: {}\n"
                            "clusters:\n"
                            "- {name: prod, cluster: {server: 'https://prod'}}\n"
                            "- {name: thespis, cluster: {server: 'https://old'}}\n"
                            "contexts:\n"
                            "- {name: prod, context: {cluster: prod, user: bob, namespace: x}}\n"
                            "users:\n"
                            "- {name: bob, user: {token: \"12345\", password: 'true'}}\n"
                            "current-context: prod\n"
                            "extensions: null\n";

YAML::Node load(const std::string& path) {
  auto text = config::read_file(path);
  BOOST_REQUIRE_MESSAGE(text, text.error().message);
  return YAML::Load(*text);
}

YAML::Node find(const YAML::Node& root, const char* list, const std::string& name) {
  for (const auto& e : root[list])
    if (e["name"].Scalar() == name)
      return e;
  BOOST_FAIL("no " << list << " " << name);
  return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(kubeconfig)

BOOST_AUTO_TEST_CASE(base64_pads) {
  BOOST_CHECK_EQUAL(config::base64(""), "");
  BOOST_CHECK_EQUAL(config::base64("f"), "Zg==");
  BOOST_CHECK_EQUAL(config::base64("fo"), "Zm8=");
  BOOST_CHECK_EQUAL(config::base64("foobar"), "Zm9vYmFy");
}

BOOST_AUTO_TEST_CASE(new_file_holds_one_cluster_and_is_private) {
  test::temporary_directory dir;
  auto path = dir / "sub/config";
  BOOST_REQUIRE(config::write_kubeconfig(path, entry));
  struct stat s {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &s), 0);
  BOOST_CHECK_EQUAL(s.st_mode & 07777, 0600u);
  auto root = load(path);
  BOOST_CHECK_EQUAL(root["kind"].Scalar(), "Config");
  BOOST_CHECK_EQUAL(root["current-context"].Scalar(), "thespis");
  auto cluster = find(root, "clusters", "thespis")["cluster"];
  BOOST_CHECK_EQUAL(cluster["server"].Scalar(), "https://127.0.0.1:6443");
  BOOST_CHECK_EQUAL(cluster["certificate-authority-data"].Scalar(), "Q0E=");
  auto user = find(root, "users", "thespis")["user"];
  BOOST_CHECK_EQUAL(user["client-certificate-data"].Scalar(), "Q0VSVA==");
  BOOST_CHECK_EQUAL(user["client-key-data"].Scalar(), "S0VZ");
  auto context = find(root, "contexts", "thespis")["context"];
  BOOST_CHECK_EQUAL(context["cluster"].Scalar(), "thespis");
  BOOST_CHECK_EQUAL(context["user"].Scalar(), "thespis");
}

BOOST_AUTO_TEST_CASE(other_clusters_are_kept_and_ours_is_replaced) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "config", foreign, 0644));
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", entry));
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", entry));
  auto root = load(dir / "config");
  BOOST_CHECK_EQUAL(root["clusters"].size(), 2u);
  BOOST_CHECK_EQUAL(root["contexts"].size(), 2u);
  BOOST_CHECK_EQUAL(root["users"].size(), 2u);
  BOOST_CHECK_EQUAL(find(root, "clusters", "thespis")["cluster"]["server"].Scalar(),
                    "https://127.0.0.1:6443");
  BOOST_CHECK_EQUAL(find(root, "contexts", "prod")["context"]["namespace"].Scalar(), "x");
  BOOST_CHECK_EQUAL(root["current-context"].Scalar(), "thespis");
  // Text that looks like a number or a bool must stay text, or kubectl refuses the whole file.
  auto user = find(root, "users", "bob")["user"];
  BOOST_CHECK_EQUAL(user["token"].Tag(), "!");
  BOOST_CHECK_EQUAL(user["token"].Scalar(), "12345");
  BOOST_CHECK_EQUAL(user["password"].Tag(), "!");
}

BOOST_AUTO_TEST_CASE(name_that_looks_like_a_number_stays_text) {
  test::temporary_directory dir;
  auto numbered = entry;
  numbered.name = "42";
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", numbered));
  BOOST_CHECK_EQUAL(load(dir / "config")["current-context"].Tag(), "!");
}

BOOST_AUTO_TEST_CASE(file_that_is_no_kubeconfig_is_left_alone) {
  test::temporary_directory dir;
  for (const auto* text : {"- a\n", "kind: Pod\n", "clusters: {a: b}\n", "{{{", "just text\n"}) {
    BOOST_REQUIRE(config::write_file(dir / "config", text, 0600));
    auto done = config::write_kubeconfig(dir / "config", entry);
    BOOST_REQUIRE_MESSAGE(!done, text);
    BOOST_CHECK_MESSAGE(done.error().message.find("not a kubeconfig") != std::string::npos,
                        done.error().message);
    BOOST_CHECK_EQUAL(config::read_file(dir / "config").value(), text);
  }
}

BOOST_AUTO_TEST_CASE(removal_takes_only_our_entries) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "config", foreign, 0600));
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", entry));
  BOOST_REQUIRE(config::remove_from_kubeconfig(dir / "config", "thespis", "CA"));
  auto root = load(dir / "config");
  BOOST_CHECK_EQUAL(root["clusters"].size(), 1u);
  BOOST_CHECK_EQUAL(root["users"].size(), 1u);
  BOOST_CHECK_EQUAL(root["current-context"].Scalar(), "");
}

BOOST_AUTO_TEST_CASE(removal_spares_another_authority_of_the_same_name) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", entry));
  BOOST_REQUIRE(config::remove_from_kubeconfig(dir / "config", "thespis", "OTHER"));
  BOOST_CHECK_EQUAL(load(dir / "config")["clusters"].size(), 1u);
}

BOOST_AUTO_TEST_CASE(removal_of_the_last_cluster_removes_the_file) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_kubeconfig(dir / "config", entry));
  BOOST_REQUIRE(config::remove_from_kubeconfig(dir / "config", "thespis", "CA"));
  BOOST_CHECK(!std::filesystem::exists(dir / "config"));
  BOOST_CHECK(config::remove_from_kubeconfig(dir / "config", "thespis", "CA"));
}

BOOST_AUTO_TEST_SUITE_END()
