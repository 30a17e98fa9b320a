// The port over a real containerd of our own.
#include "node_fixture.hpp"

#include "runtime/cri/containerd_child.hpp"

#include <boost/test/unit_test.hpp>

#include <signal.h>

#include <algorithm>

using namespace thespis;
using namespace thespis::runtime;
using namespace thespis::runtime::test;

namespace {

/// One node for all cases, ended after the last, when it was ever started.
struct shared_node {
  static inline std::unique_ptr<node> instance;
  ~shared_node() { instance.reset(); }
};

node& the_node() {
  if (!shared_node::instance)
    shared_node::instance = std::make_unique<node>("10.213.77.0/24");
  return *shared_node::instance;
}

/// Collects the ids that on_exit tells.
class exits {
public:
  explicit exits(container_runtime& cri) {
    cri.on_exit([state = state_](std::string id) {
      const std::lock_guard lock{state->mutex};
      state->ids.push_back(std::move(id));
      state->changed.notify_all();
    });
  }

  bool wait(const std::string& id) {
    std::unique_lock lock{state_->mutex};
    return state_->changed.wait_for(lock, seconds{60}, [&] {
      return std::find(state_->ids.begin(), state_->ids.end(), id) != state_->ids.end();
    });
  }

private:
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> ids;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// The output in a CRI log file, without times and tags.
std::string log_text(const fs::path& path) {
  std::istringstream lines{read_all(path)};
  std::string out;
  for (std::string line; std::getline(lines, line);)
    out += line.substr(line.find(' ', line.find(' ', line.find(' ') + 1) + 1) + 1) + "\n";
  return out;
}

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(shared_node);

BOOST_AUTO_TEST_SUITE(containerd, *boost::unit_test::precondition(needs_root))

BOOST_AUTO_TEST_CASE(serves_with_runtime_and_network_ready_and_images_imported) {
  auto& n = the_node();
  const auto version = must<runtime_version>([&](auto cb) { n.cri->get_version(cb); });
  BOOST_TEST(version.name == "containerd");
  const auto status = must<runtime_status>([&](auto cb) { n.cri->get_status(cb); });
  BOOST_TEST(status.runtime_ready.status);
  BOOST_TEST(status.network_ready.status, status.network_ready.message);
  const auto image =
      must<std::optional<image_info>>([&](auto cb) { n.cri->get_image(sample, cb); });
  BOOST_REQUIRE(image.has_value());
  BOOST_TEST(image->tags == std::vector{sample});
  BOOST_TEST(image->size > 0U);
  const auto missing = must<std::optional<image_info>>(
      [&](auto cb) { n.cri->get_image("thespis.local/none:v1", cb); });
  BOOST_TEST(!missing.has_value());
}

BOOST_AUTO_TEST_CASE(runs_a_container_to_its_exit_and_tells_code_log_and_times) {
  auto& n = the_node();
  exits ended{*n.cri};
  pod p{n, "lifecycle"};
  p.run();
  const auto sandbox = must<sandbox_status>([&](auto cb) { n.cri->get_sandbox(p.id, cb); });
  BOOST_TEST((sandbox.state == sandbox_state::ready));
  BOOST_REQUIRE(!sandbox.ips.empty());
  BOOST_TEST(sandbox.ips.front().starts_with("10.213.77."));
  BOOST_TEST(sandbox.metadata.uid == "lifecycle-uid");

  auto c = pod::shell("main", "echo out $WORD; echo err >&2; sleep 0.2; exit 7");
  c.env = {{"WORD", "a b"}};
  const auto id = p.create(c);
  BOOST_TEST((p.status(id).state == container_state::created));
  must<void>([&](auto cb) { n.cri->start_container(id, cb); });
  BOOST_TEST(ended.wait(id));
  const auto status = p.status(id);
  BOOST_TEST((status.state == container_state::exited));
  BOOST_TEST(status.exit_code == 7);
  BOOST_TEST(status.reason == "Error");
  BOOST_TEST(status.image == sample);
  BOOST_TEST(status.image_ref.find("sha256:") != std::string::npos);
  BOOST_TEST(status.finished_at > status.started_at);
  BOOST_TEST(log_text(status.log_path).find("out a b\n") != std::string::npos);
  BOOST_TEST(log_text(status.log_path).find("err\n") != std::string::npos);
  must<void>([&](auto cb) { n.cri->remove_container(id, cb); });
  const auto gone = await<container_status>([&](auto cb) { n.cri->get_container(id, cb); });
  BOOST_REQUIRE(!gone.has_value());
  BOOST_TEST((gone.error().why == api::reason::not_found));
}

BOOST_AUTO_TEST_CASE(containers_of_a_pod_share_address_ipc_and_host_name) {
  auto& n = the_node();
  pod p{n, "shared"};
  p.run();
  const auto server = p.start(pod::shell("server", "httpd -p 8080 -h /www; echo x > /dev/shm/x; "
                                                   "sleep 1000"));
  const auto client = p.start(pod::shell("client", "sleep 1000"));
  const auto hosts = p.exec(client, "hostname");
  BOOST_TEST(hosts.out == "shared-host\n");
  BOOST_TEST(p.exec(server, "hostname").out == hosts.out);
  const auto answer =
      p.exec(client, "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://127.0.0.1:8080/ && break; "
                     "sleep 0.2; done");
  BOOST_TEST(answer.out == "shared-host v1\n");
  BOOST_TEST(p.exec(client, "cat /dev/shm/x").out == "x\n");
  BOOST_TEST(p.exec(client, "readlink /proc/self/ns/ipc").out ==
             p.exec(server, "readlink /proc/self/ns/ipc").out);
  BOOST_TEST(p.exec(client, "readlink /proc/self/ns/pid").out !=
             p.exec(server, "readlink /proc/self/ns/pid").out);
}

BOOST_AUTO_TEST_CASE(exec_sync_gives_code_and_streams_and_ends_at_its_timeout) {
  auto& n = the_node();
  pod p{n, "exec"};
  p.run();
  const auto id = p.start(pod::shell("main", "sleep 1000"));
  const auto r = p.exec(id, "echo out; echo err >&2; exit 3");
  BOOST_TEST(r.exit_code == 3);
  BOOST_TEST(r.out == "out\n");
  BOOST_TEST(r.err == "err\n");
  const auto late = await<exec_result>([&](auto cb) {
    n.cri->exec_sync(id, {"sleep", "100"}, seconds{1}, cb);
  });
  BOOST_REQUIRE(!late.has_value());
  BOOST_TEST((late.error().why == api::reason::timeout), late.error().message);
  const auto url = must<std::string>([&](auto cb) {
    n.cri->exec(id, {"sh"}, {true, true, false, true}, cb);
  });
  BOOST_TEST(url.starts_with("http://127.0.0.1:"));
  const auto forward = must<std::string>([&](auto cb) { n.cri->port_forward(p.id, {8080}, cb); });
  BOOST_TEST(forward.starts_with("http://127.0.0.1:"));
}

BOOST_AUTO_TEST_CASE(applies_resources_user_capabilities_mounts_and_read_only_root) {
  auto& n = the_node();
  pod p{n, "secure"};
  p.run();
  auto c = pod::shell("main", "sleep 1000");
  const fs::path data = n.dir / "volume";
  fs::create_directories(data);
  std::ofstream{data / "file"} << "content";
  c.mounts = {{data.string(), "/data", true, mount_propagation::none}};
  c.resources.memory_limit = 64 << 20;
  c.resources.cpu_shares = 128;
  c.security.run_as_user = 65534;
  c.security.run_as_group = 65534;
  c.security.drop_capabilities = {"ALL"};
  c.security.readonly_rootfs = true;
  c.security.no_new_privs = true;
  c.security.seccomp.type = seccomp_profile::kind::runtime_default;
  const auto id = p.start(c);
  BOOST_TEST(p.exec(id, "id -u; id -g").out == "65534\n65534\n");
  BOOST_TEST(p.exec(id, "cat /data/file").out == "content");
  BOOST_TEST(p.exec(id, "echo x > /data/file").exit_code != 0);
  BOOST_TEST(p.exec(id, "echo x > /x").exit_code != 0);
  const auto proc = p.exec(id, "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status").out;
  BOOST_TEST(proc.find("CapEff:\t0000000000000000") != std::string::npos, proc);
  BOOST_TEST(proc.find("NoNewPrivs:\t1") != std::string::npos, proc);
  BOOST_TEST(proc.find("Seccomp:\t2") != std::string::npos, proc);
  const auto limit = p.exec(id, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes "
                                "/sys/fs/cgroup/memory.max 2>/dev/null")
                         .out;
  BOOST_TEST(limit.find("67108864") != std::string::npos, limit);
}

BOOST_AUTO_TEST_CASE(stops_with_grace_and_then_by_force) {
  auto& n = the_node();
  pod p{n, "stopping"};
  p.run();
  const auto kind =
      p.start(pod::shell("kind", "trap 'echo bye; exit 5' TERM; while :; do sleep 0.1; done"));
  const auto deaf = p.start(pod::shell("deaf", "trap '' TERM; echo up; while :; do sleep 1; done"));
  BOOST_TEST(p.exec(kind, "true").exit_code == 0);
  must<void>([&](auto cb) { n.cri->stop_container(kind, seconds{30}, cb); });
  BOOST_TEST(p.status(kind).exit_code == 5);
  must<void>([&](auto cb) { n.cri->stop_container(deaf, seconds{1}, cb); });
  BOOST_TEST(p.status(deaf).exit_code == 137);
  must<void>([&](auto cb) { n.cri->stop_container("0123456789abcdef", seconds{0}, cb); });
}

BOOST_AUTO_TEST_CASE(the_sample_image_serves_and_ends_after_its_drain) {
  auto& n = the_node();
  pod p{n, "sample"};
  p.run();
  auto c = pod::shell("main", "");
  c.command = {};
  c.env = {{"DRAIN", "0.5"}, {"GREETING", "hello"}};
  const auto id = p.start(c);
  const auto client = p.start(pod::shell("client", "sleep 1000"));
  const std::string get = "for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://127.0.0.1:8080";
  BOOST_TEST(p.exec(client, get + "/ && break; sleep 0.2; done").out == "sample-host v1\n");
  BOOST_TEST(p.exec(client, get + "/healthz && break; done").out == "ok\n");
  BOOST_TEST(p.exec(client, get + "/cgi-bin/env.cgi && break; done").out.find("GREETING=hello\n") !=
             std::string::npos);
  must<void>([&](auto cb) { n.cri->stop_container(id, seconds{30}, cb); });
  BOOST_TEST(p.status(id).exit_code == 0);
  BOOST_TEST(p.status(id).reason == "Completed");
  BOOST_TEST(log_text(p.status(id).log_path) ==
             "sample-host v1 serves port 8080\nending in 0.5 s\n");
}

BOOST_AUTO_TEST_CASE(names_why_a_container_could_not_start) {
  auto& n = the_node();
  pod p{n, "broken"};
  p.run();
  auto c = pod::shell("main", "");
  c.command = {"/no/such/program"};
  const auto id = p.create(c);
  const auto r = await<void>([&](auto cb) { n.cri->start_container(id, cb); });
  BOOST_REQUIRE(!r.has_value());
  BOOST_TEST(r.error().message.find("/no/such/program") != std::string::npos, r.error().message);
  c.name = "other";
  c.image = "thespis.local/none:v1";
  const auto none =
      await<std::string>([&](auto cb) { n.cri->create_container(p.id, c, p.config, cb); });
  BOOST_REQUIRE(!none.has_value());
}

BOOST_AUTO_TEST_CASE(counts_what_a_container_uses) {
  auto& n = the_node();
  pod p{n, "stats"};
  p.run();
  const auto id =
      p.start(pod::shell("main", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; sleep 1000"));
  BOOST_TEST(p.exec(id, "true").exit_code == 0);
  const auto s = must<container_stats>([&](auto cb) { n.cri->get_container_stats(id, cb); });
  BOOST_TEST(s.cpu_core_nanoseconds > 0U);
  BOOST_TEST(s.memory_usage > 0U);
  BOOST_TEST(s.name == "main");
  container_filter in_pod;
  in_pod.sandbox_id = p.id;
  const auto all =
      must<std::vector<container_stats>>([&](auto cb) { n.cri->list_container_stats(in_pod, cb); });
  BOOST_TEST(all.size() == 1U);
  BOOST_TEST(
      !must<std::vector<filesystem_usage>>([&](auto cb) { n.cri->image_filesystem(cb); }).empty());
}

BOOST_AUTO_TEST_CASE(lists_by_label_and_state) {
  auto& n = the_node();
  pod p{n, "listed"};
  p.run();
  auto c = pod::shell("main", "sleep 1000");
  c.labels = {{"role", "listed-main"}};
  const auto id = p.start(c);
  container_filter f;
  f.labels = {{"role", "listed-main"}};
  f.state = container_state::running;
  const auto found =
      must<std::vector<container_summary>>([&](auto cb) { n.cri->list_containers(f, cb); });
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found.front().id == id);
  BOOST_TEST(found.front().sandbox_id == p.id);
  sandbox_filter s;
  s.labels = {{"app", "listed"}};
  const auto boxes =
      must<std::vector<sandbox_summary>>([&](auto cb) { n.cri->list_sandboxes(s, cb); });
  BOOST_TEST(boxes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(containers_outlive_a_killed_containerd_which_is_started_again) {
  auto& n = the_node();
  pod p{n, "survivor"};
  p.run();
  const auto id = p.start(pod::shell("main", "sleep 1000"));
  const auto before = p.status(id);
  const int old_pid = n.containerd->pid();
  ::kill(old_pid, SIGKILL);
  BOOST_TEST(n.wait_for_event(containerd_event::died));
  BOOST_TEST(n.wait_for_event(containerd_event::serving));
  BOOST_TEST(n.containerd->pid() != old_pid);
  const auto after = p.status(id);
  BOOST_TEST((after.state == container_state::running));
  BOOST_TEST(after.started_at == before.started_at);
  BOOST_TEST(p.exec(id, "echo alive").out == "alive\n");
}

BOOST_AUTO_TEST_CASE(a_later_start_adopts_running_containers) {
  auto& n = the_node();
  pod p{n, "adopted"};
  p.run();
  const auto id = p.start(pod::shell("main", "sleep 1000"));
  const auto before = p.status(id);
  const int old_pid = n.containerd->pid();
  n.stop();
  BOOST_TEST(::kill(old_pid, 0) != 0);
  BOOST_TEST(!find_shims(node_layout{n.dir}).empty());
  n.start();
  const auto after = p.status(id);
  BOOST_TEST((after.state == container_state::running));
  BOOST_TEST(after.started_at == before.started_at);
  exits ended{*n.cri};
  // The event stream may open after the stop: the state itself is what must be true.
  must<void>([&](auto cb) { n.cri->stop_container(id, seconds{0}, cb); });
  BOOST_TEST((p.status(id).state == container_state::exited));
}

BOOST_AUTO_TEST_CASE(refuses_a_data_directory_that_is_in_use) {
  auto& n = the_node();
  const auto second = containerd_process::start(n.options);
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST((second.error().why == api::reason::conflict));
}

BOOST_AUTO_TEST_CASE(calls_fail_at_once_when_no_runtime_serves) {
  const auto cri = make_cri_runtime("/tmp/thespis-no-such.sock");
  const auto r = await<runtime_version>([&](auto cb) { cri->get_version(cb); });
  BOOST_REQUIRE(!r.has_value());
  BOOST_TEST((r.error().why == api::reason::service_unavailable));
}

BOOST_AUTO_TEST_CASE(clean_up_leaves_no_process_mount_or_rule) {
  auto& n = the_node();
  pod p{n, "left"};
  p.config.ports = {{port_protocol::tcp, 8080, 31877, ""}};
  p.run();
  p.start(pod::shell("main", "httpd -p 8080 -h /www; sleep 1000"));
  const node_layout layout{n.dir};
  const auto before = run_command({"iptables", "-t", "nat", "-S"}, seconds{10});
  BOOST_TEST(before->text.find(layout.network_name()) != std::string::npos, before->text);
  n.stop();
  const auto report = clean_up_node(n.options);
  for (const auto& problem : report.problems)
    BOOST_TEST_MESSAGE(problem);
  BOOST_TEST(report.problems.empty());
  BOOST_TEST(report.sandboxes_removed == 1U);
  BOOST_TEST(report.processes_killed == 0U);
  BOOST_TEST(find_shims(layout).empty());
  BOOST_TEST(find_containerd(layout).empty());
  BOOST_TEST(read_all("/proc/self/mountinfo").find(n.dir.string()) == std::string::npos);
  BOOST_TEST(read_all("/proc/net/route").find("004DD50A") == std::string::npos);
  const auto tables = run_command({"nft", "list", "tables"}, seconds{10});
  BOOST_TEST(tables->text.find(layout.nft_table()) == std::string::npos);
  const auto nat = run_command({"iptables", "-t", "nat", "-S"}, seconds{10});
  BOOST_TEST(nat->text.find(layout.network_name()) == std::string::npos, nat->text);
  p.id.clear();
  n.start();
}

BOOST_AUTO_TEST_CASE(clean_up_kills_what_containerd_does_not_know) {
  auto& n = the_node();
  pod p{n, "orphan"};
  p.run();
  p.start(pod::shell("main", "sleep 1000"));
  const node_layout layout{n.dir};
  n.stop();
  // Without its database containerd finds no sandbox: shims and mounts are left to us.
  fs::remove_all(layout.containerd_root() / "io.containerd.metadata.v1.bolt");
  fs::remove_all(layout.containerd_root() / "io.containerd.grpc.v1.cri");
  const auto report = clean_up_node(n.options, true);
  BOOST_TEST(find_shims(layout).empty());
  BOOST_TEST(read_all("/proc/self/mountinfo").find(n.dir.string()) == std::string::npos);
  BOOST_TEST(!fs::exists(layout.containerd_dir()));
  BOOST_TEST(!fs::exists("/run/containerd/runc/k8s.io/" + p.id));
  for (const auto& result : fs::directory_iterator{"/var/lib/cni/results"})
    BOOST_TEST(result.path().string().find(p.id) == std::string::npos, result.path());
  p.id.clear();
  n.start();
}

BOOST_AUTO_TEST_SUITE_END()
