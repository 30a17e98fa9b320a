// A real node for tests: containerd in a directory of its own, and pods in it. Needs root,
// containerd, runc, the CNI plugins and busybox-static.
#pragma once

#include "await.hpp"

#include "runtime/cri/command.hpp"
#include "runtime/cri/containerd_process.hpp"
#include "runtime/cri/cri_runtime.hpp"
#include "runtime/cri/node_cleanup.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace thespis::runtime::test {

namespace fs = std::filesystem;
using std::chrono::seconds;

inline const std::string sample = "thespis.local/sample:v1";

inline std::string read_all(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// One node for all cases: a data directory, a containerd, a client.
struct node {
  explicit node(const std::string& pod_cidr) {
    char name[] = "/tmp/thespis-cri-XXXXXX";
    dir = ::mkdtemp(name);
    options.data_dir = dir;
    options.network.pod_cidrs = {pod_cidr};
    fs::create_directories(dir / "images");
    const fs::path tool = fs::path{__FILE__}.parent_path() / "../../../tools/sample_image";
    const auto made = check_command(
        {tool.string(), "-t", sample, "-o", (dir / "images/sample.tar").string()}, seconds{60});
    BOOST_REQUIRE_MESSAGE(made.has_value(), made.error().message);
    start();
  }

  ~node() {
    stop();
    (void)clean_up_node(options, true);
    std::error_code ec;
    fs::remove_all(dir, ec);
  }

  void start() {
    auto started = containerd_process::start(options, [this](containerd_event e, std::string) {
      const std::lock_guard lock{mutex};
      events.push_back(e);
      changed.notify_all();
    });
    BOOST_REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
    containerd = std::move(*started);
    cri = make_cri_runtime(containerd->socket());
  }

  void stop() {
    cri.reset();
    containerd.reset();
  }

  bool wait_for_event(containerd_event e) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, seconds{60}, [&] {
      return std::find(events.begin(), events.end(), e) != events.end();
    });
  }

  fs::path dir;
  containerd_options options;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<containerd_event> events; // guarded by mutex
  std::unique_ptr<containerd_process> containerd;
  std::unique_ptr<container_runtime> cri;
};

/// A precondition of test suites: loud, so that nobody takes a skipped suite for a passed one.
inline boost::test_tools::assertion_result needs_root(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result r{::geteuid() == 0};
  r.message() << "real containers need root: run the tests as root";
  if (!r)
    std::cerr << "SKIPPED: real containers need root\n";
  return r;
}

/// A pod of one sandbox, removed at the end of the case.
struct pod {
  pod(node& n, const std::string& name) : host{n} {
    config.metadata = {name, name + "-uid", "default", 0};
    config.hostname = name + "-host";
    config.log_directory = (n.dir / "logs" / name).string();
    config.labels = {{"app", name}};
    config.cgroup_parent = n.containerd->layout().cgroup_root() + "/" + name;
    fs::create_directories(config.log_directory);
  }

  ~pod() {
    if (id.empty() || !host.cri)
      return;
    (void)await<void>([&](auto cb) { host.cri->stop_sandbox(id, cb); });
    (void)await<void>([&](auto cb) { host.cri->remove_sandbox(id, cb); });
    remove_cgroup(config.cgroup_parent);
  }

  pod& run() {
    id = must<std::string>([&](auto cb) { host.cri->run_sandbox(config, cb); });
    return *this;
  }

  static container_config shell(const std::string& name, const std::string& script) {
    container_config c;
    c.name = name;
    c.image = sample;
    c.command = {"/bin/sh", "-c", script};
    c.log_path = name + ".log";
    c.security.masked_paths = default_masked_paths();
    c.security.readonly_paths = default_readonly_paths();
    return c;
  }

  std::string create(const container_config& c) {
    return must<std::string>([&](auto cb) { host.cri->create_container(id, c, config, cb); });
  }

  std::string start(const container_config& c) {
    const std::string container = create(c);
    must<void>([&](auto cb) { host.cri->start_container(container, cb); });
    return container;
  }

  container_status status(const std::string& container) {
    return must<container_status>([&](auto cb) { host.cri->get_container(container, cb); });
  }

  exec_result exec(const std::string& container, const std::string& script) {
    return must<exec_result>([&](auto cb) {
      host.cri->exec_sync(container, {"/bin/sh", "-c", script}, seconds{20}, cb);
    });
  }

  node& host;
  sandbox_config config;
  std::string id;
};

} // namespace thespis::runtime::test
