// The program's command line, each call in a process of its own as in a terminal.
#include "tools/cli/commands.hpp"

#include "config/files.hpp"
#include "config/settings_reader.hpp"
#include "config/temporary_directory.hpp"
#include "tools/cli/instance.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace thespis;

namespace {

struct outcome {
  int status = -1;
  std::string out;
  std::string err;
};

/// A cluster that serves nothing and ends when asked, leaving a note.
int idle_cluster(const config::settings& s, tools::startup& start) {
  start.say("API serves at https://127.0.0.1:" + std::to_string(s.api.port));
  start.ready();
  auto number = start.wait_for_stop();
  auto noted = config::write_file(s.data_dir + "/stopped", std::to_string(number), 0600);
  return noted ? 0 : 1;
}

outcome run(std::vector<std::string> args, tools::commands with = {}) {
  test::temporary_directory dir;
  if (!with.up)
    with.up = idle_cluster;
  std::fflush(nullptr);
  auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(::open((dir / "out").c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::dup2(::open((dir / "err").c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    // `down` removes nftables rules: never those of the machine that runs the test.
    if (::geteuid() == 0 && ::unshare(CLONE_NEWNET) != 0)
      _exit(99);
    std::vector<const char*> argv{"thespis"};
    for (const auto& arg : args)
      argv.push_back(arg.c_str());
    int status = tools::run_cli(static_cast<int>(argv.size()), argv.data(), with);
    std::fflush(nullptr);
    _exit(status);
  }
  int how = 0;
  BOOST_REQUIRE_EQUAL(::waitpid(child, &how, 0), child);
  outcome result;
  result.status = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
  result.out = config::read_file(dir / "out").value_or("");
  result.err = config::read_file(dir / "err").value_or("");
  return result;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A data directory whose cluster, if any, ends with the test.
struct cluster_directory : test::temporary_directory {
  std::string data = path() + "/data";

  std::vector<std::string> up(std::vector<std::string> more = {}) const {
    std::vector<std::string> args{"up", "--no-local-node", "--data-dir", data};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  ~cluster_directory() {
    if (auto pid = tools::instance_lock::holder(data))
      ::kill(pid, SIGKILL);
    for (int i = 0; i < 1000 && tools::instance_lock::holder(data) != 0; ++i)
      ::poll(nullptr, 0, 10);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(version_is_printed) {
  auto r = run({"version"});
  BOOST_CHECK_EQUAL(r.status, 0);
  BOOST_CHECK_EQUAL(r.out, "thespis " + std::string{tools::version()} + "\n");
}

BOOST_AUTO_TEST_CASE(help_names_every_flag_and_its_default) {
  auto r = run({"up", "--help"});
  BOOST_CHECK_EQUAL(r.status, 0);
  // What a joining machine alone is told is the agent's.
  for (const auto& o : config::options())
    if (!o.flag.empty() && !o.key.starts_with("agent."))
      BOOST_CHECK_MESSAGE(has(r.out, std::string{o.flag}), o.flag);
  for (const auto* part : {"--detach", "--config", "=6443", "10.42.0.0/16", "--no-local-node",
                           "Examples:", "/var/lib/thespis"})
    BOOST_CHECK_MESSAGE(has(r.out, part), part);
  auto overview = run({"--help"});
  for (const auto* part : {"up", "status", "down", "image", "config", "version", "KUBECONFIG"})
    BOOST_CHECK_MESSAGE(has(overview.out, part), part);
}

BOOST_AUTO_TEST_CASE(help_of_the_agent_names_what_joining_takes) {
  tools::commands with;
  with.agent = idle_cluster;
  auto r = run({"agent", "--help"}, with);
  BOOST_CHECK_EQUAL(r.status, 0);
  for (const auto& o : config::options())
    if (!o.flag.empty() && o.key.starts_with("agent."))
      BOOST_CHECK_MESSAGE(has(r.out, std::string{o.flag}), o.flag);
  BOOST_CHECK(has(r.out, "--token"));
}

BOOST_AUTO_TEST_CASE(command_that_is_not_there_is_not_offered) {
  BOOST_CHECK_EQUAL(run({"shell"}).status, 2);
  tools::commands with;
  with.shell = [](const tools::shell_request& r) {
    return r.execute == "ps" && r.output == "json" ? 7 : 8;
  };
  BOOST_CHECK_EQUAL(run({"shell", "-e", "ps", "-o", "json"}, with).status, 7);
}

BOOST_AUTO_TEST_CASE(wrong_command_line_is_refused) {
  for (const auto& args : std::vector<std::vector<std::string>>{
           {}, {"up", "--prot", "1"}, {"frobnicate"}, {"status", "-o", "yaml"}, {"image"}}) {
    auto r = run(args);
    BOOST_CHECK_EQUAL(r.status, 2);
    BOOST_CHECK(!r.err.empty());
  }
}

BOOST_AUTO_TEST_CASE(impossible_settings_are_refused_with_their_flag) {
  auto r = run({"up", "--api-port", "http", "--pod-cidr", "10.43.0.0/16"});
  BOOST_CHECK_EQUAL(r.status, 1);
  BOOST_CHECK_EQUAL(r.err, "--api-port: expected a whole number from 1 to 65535 (got http)\n");
}

BOOST_AUTO_TEST_CASE(printed_default_configuration_checks_as_good) {
  test::temporary_directory dir;
  auto printed = run({"config", "default"});
  BOOST_REQUIRE(config::write_file(dir / "c.yaml", printed.out, 0600));
  auto good = run({"config", "check", dir / "c.yaml"});
  BOOST_CHECK_EQUAL(good.status, 0);
  BOOST_REQUIRE(config::write_file(dir / "c.yaml", "api:\n  prot: 1\n", 0600));
  auto bad = run({"config", "check", dir / "c.yaml"});
  BOOST_CHECK_EQUAL(bad.status, 1);
  BOOST_CHECK_EQUAL(bad.err,
                    (dir / "c.yaml") + ":2:3: api.prot: unknown key; did you mean \"port\"?\n");
}

BOOST_AUTO_TEST_CASE(flags_and_file_reach_the_cluster) {
  cluster_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "c.yaml", "api: {port: 7001, context: x}\n", 0600));
  tools::commands with;
  with.up = [](const config::settings& s, tools::startup&) {
    bool right = s.api.port == 7002 && s.api.context == "x" && !s.node.local &&
                 s.api.tls_sans == std::vector<std::string>{"a.example", "b.example"};
    return right ? 42 : 1;
  };
  auto r = run(dir.up({"--config", dir / "c.yaml", "--api-port", "7002", "--tls-san", "a.example",
                       "--tls-san", "b.example"}),
               with);
  BOOST_CHECK_EQUAL(r.status, 42);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(life)

BOOST_AUTO_TEST_CASE(detached_cluster_reports_serves_and_goes_down) {
  cluster_directory dir;
  auto up = run(dir.up({"--detach", "--api-port", "1"}));
  BOOST_CHECK_EQUAL(up.status, 0);
  BOOST_CHECK_MESSAGE(up.out.starts_with(" ✓ API serves at https://127.0.0.1:1 ("), up.out);
  auto pid = tools::instance_lock::holder(dir.data);
  BOOST_REQUIRE(pid != 0);
  BOOST_CHECK(pid != ::getpid());

  auto again = run(dir.up());
  BOOST_CHECK_EQUAL(again.status, 1);
  BOOST_CHECK_MESSAGE(
      has(again.err, "runs in " + dir.data + " already (process " + std::to_string(pid) + ")"),
      again.err);

  auto status = run({"status", "--data-dir", dir.data});
  BOOST_CHECK_EQUAL(status.status, 1);
  BOOST_CHECK_MESSAGE(has(status.out, "does not serve"), status.out);

  auto down = run({"down", "--data-dir", dir.data});
  BOOST_CHECK_EQUAL(down.status, 0);
  BOOST_CHECK_EQUAL(tools::instance_lock::holder(dir.data), 0);
  BOOST_CHECK_EQUAL(config::read_file(dir.data + "/stopped").value_or(""), std::to_string(SIGTERM));
  auto gone = run({"status", "--data-dir", dir.data, "-o", "json"});
  BOOST_CHECK_EQUAL(gone.status, 3);
  BOOST_CHECK(has(gone.out, "\"running\": false"));
}

BOOST_AUTO_TEST_CASE(failed_start_is_told_in_the_terminal) {
  cluster_directory dir;
  tools::commands with;
  with.up = [](const config::settings&, tools::startup& start) {
    start.fail("port 6443 is taken");
    return 1;
  };
  auto r = run(dir.up({"--detach"}), with);
  BOOST_CHECK_EQUAL(r.status, 1);
  BOOST_CHECK_EQUAL(r.err, " ✗ port 6443 is taken\n");
}

BOOST_AUTO_TEST_CASE(sudden_death_before_ready_is_told_in_the_terminal) {
  cluster_directory dir;
  tools::commands with;
  with.up = [](const config::settings&, tools::startup&) -> int { ::_exit(5); };
  auto r = run(dir.up({"--detach"}), with);
  BOOST_CHECK_EQUAL(r.status, 1);
  BOOST_CHECK_MESSAGE(has(r.err, "ended before it was ready (status 5)"), r.err);
}

BOOST_AUTO_TEST_CASE(purge_removes_the_data_directory) {
  cluster_directory dir;
  BOOST_CHECK_EQUAL(run(dir.up({"--detach"})).status, 0);
  auto down = run({"down", "--purge", "--data-dir", dir.data});
  BOOST_CHECK_EQUAL(down.status, 0);
  BOOST_CHECK(!std::filesystem::exists(dir.data));
  auto again = run({"down", "--data-dir", dir.data});
  BOOST_CHECK_EQUAL(again.status, 0);
  BOOST_CHECK(has(again.out, "Nothing to do"));
}

BOOST_AUTO_TEST_CASE(directory_of_something_else_is_never_purged) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "precious", "x", 0600));
  BOOST_CHECK_EQUAL(run({"down", "--purge", "--data-dir", dir.path()}).status, 0);
  BOOST_CHECK(std::filesystem::exists(dir / "precious"));
}

BOOST_AUTO_TEST_CASE(state_survives_a_round_trip_and_damage_is_told) {
  test::temporary_directory dir;
  config::settings s;
  s.data_dir = dir.path();
  s.api.bind_address = "192.0.2.1";
  auto state = tools::state_of(s);
  BOOST_REQUIRE(tools::write_state(dir.path(), state));
  auto read = tools::read_state(dir.path());
  BOOST_REQUIRE(read);
  BOOST_CHECK_EQUAL(read->server, "https://192.0.2.1:6443");
  BOOST_CHECK_EQUAL(read->kubeconfig, dir / "kubeconfig");
  BOOST_CHECK_EQUAL(read->proxy_table, state.proxy_table);
  BOOST_REQUIRE(config::write_file(dir / "state.json", "[]", 0600));
  BOOST_CHECK(tools::read_state(dir.path()).error().why == api::reason::bad_request);
}

BOOST_AUTO_TEST_CASE(lock_is_free_again_when_its_holder_is_gone) {
  test::temporary_directory dir;
  {
    auto lock = tools::instance_lock::take(dir.path());
    BOOST_REQUIRE(lock);
    BOOST_CHECK_EQUAL(tools::instance_lock::holder(dir.path()), ::getpid());
    BOOST_CHECK(tools::instance_lock::take(dir.path()).error().why == api::reason::conflict);
  }
  BOOST_CHECK_EQUAL(tools::instance_lock::holder(dir.path()), 0);
  BOOST_CHECK(tools::instance_lock::take(dir.path()));
}

BOOST_AUTO_TEST_SUITE_END()
