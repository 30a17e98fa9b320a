#include "actors/pod/fake_state.hpp"
#include "actors/pod/host_files.hpp"
#include "actors/pod/pod_driver.hpp"
#include "actors/pod/pod_mounts.hpp"
#include "actors/pod/volume_port.hpp"
#include "signing_request.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace thespis;
using namespace thespis::test;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& p) {
  std::ifstream in{p, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

mode_t mode(const fs::path& p) {
  struct stat s {};
  BOOST_REQUIRE_EQUAL(stat(p.c_str(), &s), 0);
  return s.st_mode & 07777;
}

gid_t group(const fs::path& p) {
  struct stat s {};
  BOOST_REQUIRE_EQUAL(stat(p.c_str(), &s), 0);
  return s.st_gid;
}

struct volume_fixture {
  fs::path top;
  std::shared_ptr<fake_state> state = std::make_shared<fake_state>();
  node_facts node;
  std::shared_ptr<volume_port> port;

  volume_fixture() {
    std::string name = (fs::temp_directory_path() / "thespis-volumes-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()));
    top = name;
    node.name = "node-1";
    node.ip = "192.0.2.1";
    node.data_dir = (top / "data").string();
    node.cluster_domain = "cluster.local";
    node.memory_bytes = 1 << 30;
    port = make_disk_volumes(node, state);
    state->put("configmaps", "{metadata: {name: settings}, data: {color: blue, size: big}, "
                             "binaryData: {raw: AAEC}}");
    state->put("secrets", "{metadata: {name: keys}, data: {token: czNjcjN0}}");
  }
  ~volume_fixture() {
    port.reset();
    if (!remove_tree(top.string()))
      BOOST_ERROR("the test's directory could not be removed");
  }

  static std::shared_ptr<const api::v1::pod> pod_of(const std::string& volumes,
                                                    const std::string& more = "") {
    const auto o = make_pod("{metadata: {labels: {app: web}}, spec: {" + more +
                            "containers: [{name: main, image: i}], volumes: [" + volumes + "]}}");
    return api::typed<api::v1::pod>(*o);
  }

  api::result<volume_paths> prepare(std::shared_ptr<const api::v1::pod> pod) {
    std::promise<api::result<volume_paths>> done;
    port->prepare(std::move(pod), [&](auto r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
  fs::path made(const std::string& volume, const std::string& more = "") {
    const auto res = prepare(pod_of(volume, more));
    BOOST_REQUIRE_MESSAGE(res, res.error().message);
    return res->begin()->second;
  }
  std::string failure(const std::string& volume) {
    const auto res = prepare(pod_of(volume));
    BOOST_REQUIRE(!res);
    return res.error().message;
  }
  void remove(const std::string& uid) {
    std::promise<api::result<void>> done;
    port->remove(uid, [&](auto r) { done.set_value(std::move(r)); });
    const auto res = done.get_future().get();
    BOOST_REQUIRE_MESSAGE(res, res.error().message);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(pod_volumes, volume_fixture)

BOOST_AUTO_TEST_CASE(shows_config_maps_as_files) {
  const auto dir = made("{name: v, configMap: {name: settings, defaultMode: 416}}");
  BOOST_TEST(content(dir / "color") == "blue");
  BOOST_TEST(content(dir / "raw") == std::string("\0\1\2", 3));
  BOOST_TEST(mode(dir / "color") == 0640);
  BOOST_TEST(fs::read_symlink(dir / "color") == "..data/color");
  BOOST_TEST(fs::is_symlink(dir / "..data"));
}

BOOST_AUTO_TEST_CASE(shows_chosen_items_under_their_paths_and_modes) {
  const auto dir = made("{name: v, secret: {secretName: keys, items: [{key: token, path: "
                        "deep/er/t, mode: 256}]}}");
  BOOST_TEST(content(dir / "deep/er/t") == "s3cr3t");
  BOOST_TEST(mode(dir / "deep/er/t") == 0400);
  BOOST_TEST(!fs::exists(dir / "token"));
}

BOOST_AUTO_TEST_CASE(joins_projected_sources) {
  const auto dir =
      made("{name: v, projected: {sources: [{configMap: {name: settings, items: [{key: "
           "color, path: c}]}}, {secret: {name: keys}}, {configMap: {name: none, "
           "optional: true}}, {downwardAPI: {items: [{path: labels, fieldRef: "
           "{fieldPath: metadata.labels}}, {path: cpu, resourceFieldRef: "
           "{containerName: main, resource: requests.cpu}}]}}]}}");
  BOOST_TEST(content(dir / "c") == "blue");
  BOOST_TEST(content(dir / "token") == "s3cr3t");
  BOOST_TEST(content(dir / "labels") == "app=\"web\"");
  BOOST_TEST(content(dir / "cpu") == "0");
}

BOOST_AUTO_TEST_CASE(shows_trust_bundles_of_a_name_or_of_a_signer) {
  const auto bundle = [&](const std::string& name, const std::string& more,
                          const std::string& pem) {
    state->put("clustertrustbundles.certificates.k8s.io",
               R"({"metadata":{"namespace":"","name":")" + name + R"(","labels":{"use":")" +
                   more.substr(0, more.find(' ')) + R"("}},"spec":{"signerName":")" +
                   more.substr(more.find(' ') + 1) + R"(","trustBundle":)" + api::json::quote(pem) +
                   "}}");
  };
  const auto one = make_authority("one"), two = make_authority("two"), three = make_authority("3");
  bundle("s.io:a:1", "live s.io/a", "noise\n" + one);
  bundle("s.io:a:2", "live s.io/a", two + one);
  bundle("s.io:a:3", "test s.io/a", three);
  const auto shown = [&](const std::string& source) {
    const auto dir = made("{name: v, projected: {sources: [{clusterTrustBundle: {" + source +
                          ", path: d/ca.pem}}]}}");
    return content(dir / "d/ca.pem");
  };
  const auto count = [](const std::string& pem) {
    size_t n = 0;
    for (size_t at = 0; (at = pem.find("BEGIN CERTIFICATE", at)) != pem.npos; ++at)
      ++n;
    return n;
  };
  BOOST_TEST(shown("name: 's.io:a:1'") == one);
  BOOST_TEST(count(shown("signerName: s.io/a, labelSelector: {matchLabels: {use: live}}")) == 2u);
  BOOST_TEST(count(shown("signerName: s.io/a, labelSelector: {}")) == 3u);
  BOOST_TEST(shown("signerName: s.io/b, labelSelector: {}, optional: true") == "");
  BOOST_TEST(shown("name: none, optional: true") == "");
  const std::string begin = "MountVolume.SetUp failed for volume \"v\" : ";
  const auto wrong = [&](const std::string& source) {
    return failure("{name: v, projected: {sources: [{clusterTrustBundle: {" + source +
                   ", path: p}}]}}");
  };
  // No selector at all selects nothing.
  BOOST_TEST(wrong("signerName: s.io/a") == begin + "combination of signerName and labelSelector "
                                                    "matched zero ClusterTrustBundles");
  BOOST_TEST(wrong("name: none").find("\"none\" not found") != std::string::npos);
  bundle("s.io:a:1", "live s.io/a", three);
  BOOST_TEST(shown("name: 's.io:a:1'") == three);
}

BOOST_AUTO_TEST_CASE(changes_all_files_at_once_and_only_when_something_changed) {
  const std::string volume = "{name: v, configMap: {name: settings}}";
  const auto dir = made(volume);
  const auto first = fs::read_symlink(dir / "..data");
  made(volume);
  BOOST_TEST(fs::read_symlink(dir / "..data") == first);
  state->put("configmaps", "{metadata: {name: settings}, data: {color: red}}");
  made(volume);
  BOOST_TEST(fs::read_symlink(dir / "..data") != first);
  BOOST_TEST(content(dir / "color") == "red");
  BOOST_TEST(!fs::is_symlink(dir / "size"));
  BOOST_TEST(!fs::exists(dir / first));
  size_t entries = 0;
  for ([[maybe_unused]] const auto& e : fs::directory_iterator{dir})
    ++entries;
  BOOST_TEST(entries == 3); // ..data, what it leads to, and color
}

BOOST_AUTO_TEST_CASE(says_what_is_missing_in_kubelets_words) {
  const std::string begin = "MountVolume.SetUp failed for volume \"v\" : ";
  BOOST_TEST(failure("{name: v, configMap: {name: none}}") ==
             begin + "configmap \"none\" not found");
  BOOST_TEST(failure("{name: v, secret: {secretName: none}}") ==
             begin + "secret \"none\" not found");
  BOOST_TEST(failure("{name: v, configMap: {name: settings, items: [{key: x, path: x}]}}") ==
             begin + "references non-existent config key: x");
  BOOST_TEST(failure("{name: v, secret: {secretName: keys, items: [{key: token, path: ../x}]}}") ==
             begin + "invalid path \"../x\" in a volume");
  BOOST_TEST(fs::is_empty(made("{name: v, configMap: {name: none, optional: true}}") / "..data"));
}

BOOST_AUTO_TEST_CASE(gives_files_to_the_pods_group) {
  const auto dir = made("{name: v, secret: {secretName: keys, defaultMode: 256}}",
                        "securityContext: {fsGroup: 4711}, ");
  BOOST_TEST(group(dir / "token") == 4711);
  BOOST_TEST(mode(dir / "token") == 0440);
  const auto empty = made("{name: e, emptyDir: {}}", "securityContext: {fsGroup: 4711}, ");
  BOOST_TEST(group(empty) == 4711);
  BOOST_TEST((mode(empty) & S_ISGID) != 0);
}

BOOST_AUTO_TEST_CASE(an_empty_dir_stays_what_it_was) {
  const auto dir = made("{name: v, emptyDir: {}}");
  BOOST_TEST(mode(dir) == 0777);
  std::ofstream{dir / "kept"} << "x";
  BOOST_TEST(made("{name: v, emptyDir: {}}") == dir);
  BOOST_TEST(content(dir / "kept") == "x");
}

BOOST_AUTO_TEST_CASE(a_memory_dir_is_limited_and_unmounted_in_the_end) {
  const auto dir = made("{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}");
  made("{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}");
  BOOST_TEST(fs::space(dir).capacity == 1 << 20);
  std::ofstream{dir / "file"} << "x";
  remove("u-1");
  BOOST_TEST(!fs::exists(dir));
  BOOST_TEST(!fs::exists(pod_directory(node, "u-1")));
}

BOOST_AUTO_TEST_CASE(checks_host_paths) {
  const auto at = [this](const std::string& name, const std::string& type) {
    return "{name: v, hostPath: {path: " + (top / name).string() + ", type: " + type + "}}";
  };
  BOOST_TEST(failure(at("none", "Directory")) ==
             "MountVolume.SetUp failed for volume \"v\" : hostPath type check failed: " +
                 (top / "none").string() + " is not a directory");
  BOOST_TEST(fs::is_directory(made(at("dir", "DirectoryOrCreate"))));
  BOOST_TEST(fs::is_regular_file(made(at("file", "FileOrCreate"))));
  made(at("dir", "Directory"));
  made(at("file", "File"));
  for (const auto* type : {"File", "Socket", "CharDevice", "BlockDevice"})
    BOOST_TEST(failure(at("dir", type)).find("hostPath type check failed") != std::string::npos);
  made("{name: v, hostPath: {path: /dev/null, type: CharDevice}}");
}

BOOST_AUTO_TEST_CASE(removes_without_following_links) {
  fs::create_directory(top / "precious");
  std::ofstream{top / "precious/file"} << "x";
  const auto dir = made("{name: v, emptyDir: {}}");
  fs::create_directory_symlink(top / "precious", dir / "link");
  fs::create_directories(dir / "a/b");
  fs::create_symlink(top / "precious/file", dir / "a/b/link");
  fs::create_directory(dir / "bound");
  BOOST_REQUIRE_EQUAL(
      mount((top / "precious").c_str(), (dir / "bound").c_str(), nullptr, MS_BIND, nullptr), 0);
  fs::create_directories(fs::path{node.data_dir} / "logs/pods/default_web_u-1/main");
  fs::create_directories(fs::path{node.data_dir} / "logs/pods/default_web_u-11");
  BOOST_TEST((port->leftovers() == std::vector<std::string>{"u-1"}));
  remove("u-1");
  BOOST_TEST(content(top / "precious/file") == "x");
  BOOST_TEST(!fs::exists(dir));
  BOOST_TEST(port->leftovers().empty());
  BOOST_TEST(!fs::exists(fs::path{node.data_dir} / "logs/pods/default_web_u-1"));
  BOOST_TEST(fs::exists(fs::path{node.data_dir} / "logs/pods/default_web_u-11"));
}

BOOST_AUTO_TEST_CASE(never_removes_more_than_one_pod) {
  made("{name: v, emptyDir: {}}");
  for (const auto* uid : {"", ".", "..", "../pods", "u-1/.."}) {
    std::promise<bool> done;
    port->remove(uid, [&](auto r) { done.set_value(r.has_value()); });
    BOOST_TEST(!done.get_future().get());
  }
  BOOST_TEST((port->leftovers() == std::vector<std::string>{"u-1"}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(pod_mounts, volume_fixture)

namespace {

struct mounted {
  api::result<std::vector<runtime::container_mount>> all;
  const runtime::container_mount* at(const std::string& path) const {
    BOOST_REQUIRE_MESSAGE(all, all.error().message);
    for (const auto& m : *all)
      if (m.container_path == path)
        return &m;
    return nullptr;
  }
};

mounted mounts_of(volume_fixture& f, const std::string& volumes, const std::string& mounts,
                  const std::string& more = "") {
  const auto o = make_pod("{spec: {" + more + "volumes: [" + volumes +
                          "], containers: [{name: main, image: i, terminationMessagePath: "
                          "/dev/termination-log, volumeMounts: [" +
                          mounts + "]}]}}");
  const auto pod = api::typed<api::v1::pod>(*o);
  auto paths = f.prepare(pod);
  BOOST_REQUIRE_MESSAGE(paths, paths.error().message);
  return {make_mounts(*pod, pod->spec.containers.front(),
                      {f.node, *f.state, *paths, {"10.42.0.5", "fd42::5"}, 3, {}, {}, {}},
                      {{"DIR", "from-env"}, {"UP", "../.."}})};
}

} // namespace

BOOST_AUTO_TEST_CASE(tell_where_volumes_are_and_whether_they_can_be_written) {
  const auto m = mounts_of(*this, "{name: e, emptyDir: {}}, {name: c, configMap: {name: settings}}",
                           "{name: e, mountPath: /e, mountPropagation: HostToContainer}, {name: e, "
                           "mountPath: /r, readOnly: true}, {name: c, mountPath: /c}");
  BOOST_TEST(!m.at("/e")->readonly);
  BOOST_TEST((m.at("/e")->propagation == runtime::mount_propagation::host_to_container));
  BOOST_TEST(m.at("/r")->readonly);
  BOOST_TEST(m.at("/c")->readonly);
  BOOST_TEST(fs::exists(fs::path{m.at("/c")->host_path} / "color"));
}

BOOST_AUTO_TEST_CASE(make_the_hosts_file) {
  const auto m = mounts_of(*this, "", "",
                           "hostname: box, subdomain: sub, hostAliases: [{ip: 1.2.3.4, hostnames: "
                           "[a, b]}], ");
  const auto text = content(m.at("/etc/hosts")->host_path);
  BOOST_TEST(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
  BOOST_TEST(text.find("\n10.42.0.5\tbox.sub.default.svc.cluster.local\tbox\n"
                       "fd42::5\tbox.sub.default.svc.cluster.local\tbox\n") != std::string::npos);
  BOOST_TEST(text.ends_with("\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"));
  const auto host = mounts_of(*this, "", "", "hostNetwork: true, ");
  BOOST_TEST(content(host.at("/etc/hosts")->host_path) ==
             "# Kubernetes-managed hosts file (host network).\n" + content("/etc/hosts"));
}

BOOST_AUTO_TEST_CASE(make_a_file_for_the_termination_message_of_each_instance) {
  const auto m = mounts_of(*this, "", "");
  const auto path = m.at("/dev/termination-log")->host_path;
  BOOST_TEST(path == pod_directory(node, "u-1") + "/containers/main/3");
  BOOST_TEST(mode(path) == 0666);
}

BOOST_AUTO_TEST_CASE(mount_parts_of_volumes) {
  const auto m = mounts_of(*this, "{name: e, emptyDir: {}}, {name: c, configMap: {name: settings}}",
                           "{name: e, mountPath: /s, subPath: new/dir}, {name: e, mountPath: /x, "
                           "subPathExpr: $(DIR)/y}, {name: c, mountPath: /color, subPath: color}");
  BOOST_TEST(content(m.at("/color")->host_path) == "blue");
  const auto volume = fs::path{pod_directory(node, "u-1")} / "volumes/kubernetes.io~empty-dir/e";
  BOOST_TEST(mode(volume / "new/dir") == 0777);
  std::ofstream{volume / "new/dir/file"} << "seen";
  BOOST_TEST(content(fs::path{m.at("/s")->host_path} / "file") == "seen");
  BOOST_TEST(fs::is_directory(volume / "from-env/y"));
  // The next instance mounts anew in the same place.
  const auto again =
      mounts_of(*this, "{name: e, emptyDir: {}}", "{name: e, mountPath: /s, subPath: new/dir}");
  BOOST_TEST(content(fs::path{again.at("/s")->host_path} / "file") == "seen");
  remove("u-1");
  BOOST_TEST(port->leftovers().empty());
}

BOOST_AUTO_TEST_CASE(do_not_leave_the_volume) {
  const std::string volume = "{name: e, emptyDir: {}}";
  const auto dir = made(volume);
  fs::create_directory(top / "outside");
  fs::create_directory_symlink(top / "outside", dir / "absolute");
  fs::create_directory_symlink("../../../../../outside", dir / "relative");
  fs::create_directory(dir / "inside");
  fs::create_directory_symlink("inside", dir / "fine");
  for (const auto* path :
       {"absolute", "relative", "absolute/new", "relative/new/er", "fine/../../x", "/etc", ".."}) {
    const auto m =
        mounts_of(*this, volume, "{name: e, mountPath: /s, subPath: '" + std::string{path} + "'}");
    BOOST_TEST_CONTEXT(path) {
      BOOST_REQUIRE(!m.all);
      // What says so by itself is told in kubelet's words; what a link does is found out.
      const std::string_view why = path[0] == '/' ? "must not be an absolute path"
                                   : std::string_view{path}.find("..") != std::string_view::npos
                                       ? "must not contain '..'"
                                       : "leaves the volume";
      BOOST_TEST(m.all.error().message.find(why) != std::string::npos);
    }
  }
  BOOST_TEST(fs::is_empty(top / "outside"));
  BOOST_TEST(!mounts_of(*this, volume, "{name: e, mountPath: /s, subPathExpr: $(UP)}").all);
  BOOST_TEST(!mounts_of(*this, volume, "{name: e, mountPath: /s, subPathExpr: $(NONE)}").all);
  BOOST_TEST(
      mounts_of(*this, volume, "{name: e, mountPath: /s, subPath: fine/new}").all.has_value());
  BOOST_TEST(fs::is_directory(dir / "inside/new"));
}

BOOST_AUTO_TEST_CASE(refuse_volumes_that_the_pod_does_not_have) {
  const auto m = mounts_of(*this, "", "{name: none, mountPath: /n}");
  BOOST_REQUIRE(!m.all);
  BOOST_TEST(m.all.error().message ==
             "cannot find volume \"none\" to mount into container \"main\"");
}

BOOST_AUTO_TEST_SUITE_END()
