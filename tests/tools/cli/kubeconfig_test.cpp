// `thespis kubeconfig`: what it issues, and that it leaves alone what is there.
#include "api/text/base64.hpp"
#include "config/certificates.hpp"
#include "config/files.hpp"
#include "config/temporary_directory.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

#include <sys/stat.h>

using namespace thespis;

namespace {

/// The data directory of a cluster that was started once.
struct started : test::temporary_directory {
  started() {
    constexpr config::wall_time new_year{std::chrono::seconds{1893456000}};
    BOOST_REQUIRE(config::ensure_pki(path() + "/pki", {"localhost"}, new_year));
    tools::instance_state state;
    state.server = "https://127.0.0.1:6443";
    state.context = "thespis";
    BOOST_REQUIRE(tools::write_state(path(), state));
  }

  int write(std::string user, std::vector<std::string> groups) {
    tools::kubeconfig_request r;
    r.data_dir = path();
    r.user = std::move(user);
    r.groups = std::move(groups);
    r.file = file();
    return tools::run_kubeconfig(r);
  }

  std::string file() const { return path() + "/home/.kube/config"; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(kubeconfig_command, started)

BOOST_AUTO_TEST_CASE(certificate_names_user_and_groups) {
  BOOST_REQUIRE_EQUAL(write("ann", {"dev", "ops"}), 0);
  struct stat s {};
  BOOST_REQUIRE_EQUAL(::stat(file().c_str(), &s), 0);
  BOOST_TEST((s.st_mode & 07777) == 0600u);
  auto root = YAML::LoadFile(file());
  BOOST_TEST(root["current-context"].Scalar() == "thespis-ann");
  BOOST_TEST(root["clusters"][0]["cluster"]["server"].Scalar() == "https://127.0.0.1:6443");
  const auto pem = api::decode_base64(root["users"][0]["user"]["client-certificate-data"].Scalar());
  BOOST_REQUIRE(pem);
  const auto info = config::inspect_certificate(*pem);
  BOOST_REQUIRE(info);
  BOOST_TEST(info->common_name == "ann");
  BOOST_TEST((info->organizations == std::vector<std::string>{"dev", "ops"}));
}

BOOST_AUTO_TEST_CASE(what_stands_there_stays) {
  BOOST_REQUIRE_EQUAL(write("ann", {}), 0);
  BOOST_REQUIRE_EQUAL(write("", {}), 0);
  auto root = YAML::LoadFile(file());
  BOOST_TEST(root["contexts"].size() == 2u);
  BOOST_TEST(root["current-context"].Scalar() == "thespis");
}

BOOST_AUTO_TEST_CASE(directory_without_a_cluster_is_told) {
  tools::kubeconfig_request r;
  r.data_dir = path() + "/elsewhere";
  r.file = file();
  BOOST_TEST(tools::run_kubeconfig(r) == 1);
  BOOST_TEST(!config::read_file(file()));
}

BOOST_AUTO_TEST_SUITE_END()
