// Whole machines, as processes: how soon they have joined, and what a cluster of many nodes that
// are spread over processes carries.
#include "api/json.hpp"
#include "config/files.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/wait.hpp"
#include "tools/cli/https_client.hpp"

#include <cstring>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace thespis::tools::bench {

using namespace std::chrono_literals;

namespace {

constexpr int spread_processes = 3;
constexpr int spread_nodes = 1000;
constexpr int spread_pods = 30'000;
constexpr int spread_deployments = 30;
constexpr double spread_memory_mb = 8000;
constexpr auto start_limit = 60s;
constexpr auto join_limit = 180s;
constexpr auto spread_limit = 900s;

/// Runs this program with other arguments; ends with this process.
pid_t run_program(const std::vector<std::string>& arguments, const std::string& output) {
  const auto parent = ::getpid();
  const auto child = ::fork();
  if (child != 0)
    return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(1);
  const int out = ::open(output.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  std::vector<char*> argv;
  std::string self = "thespis";
  argv.push_back(self.data());
  auto copies = arguments;
  for (auto& a : copies)
    argv.push_back(a.data());
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

/// A port of 127.0.0.1 that nobody has; 0 when there is none.
uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool ok = ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  return ok ? ntohs(at.sin_port) : uint16_t{0};
}

/// Resident memory of a process in MB (10^6 bytes).
double resident_mb(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/statm"};
  double size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

double free_memory_mb() {
  std::ifstream in{"/proc/meminfo"};
  std::string key;
  double kb = 0;
  while (in >> key)
    if (key == "MemAvailable:" && in >> kb)
      return kb / 1e3;
  return 0;
}

/// A server in a process, and those that join it.
class joined_cluster {
public:
  explicit joined_cluster(const context& c)
      : c_(c), port_(std::to_string(free_port())), data_(c.directory + "/server") {}
  ~joined_cluster() {
    for (const auto pid : pids_)
      ::kill(pid, SIGKILL);
    for (const auto pid : pids_)
      ::waitpid(pid, nullptr, 0);
  }
  joined_cluster(const joined_cluster&) = delete;

  api::result<void> start() {
    pids_.push_back(run_program({"server", "--data-dir", data_, "--bind-address", "127.0.0.1",
                                 "--advertise-address", "192.0.2.1", "--api-port", port_,
                                 "--log-level", "warn"},
                                c_.directory + "/server.out"));
    if (!wait_until(start_limit, [&] { return !read("/readyz").empty(); }))
      return api::fail(api::internal_error("the server does not come up: " + tail("server.out")));
    const auto token = run_program({"token", "create", "--data-dir", data_, "--ttl", "1h"},
                                   c_.directory + "/token");
    ::waitpid(token, nullptr, 0);
    const auto text = config::read_file(c_.directory + "/token");
    token_ = text ? text->substr(0, text->find('\n')) : "";
    return token_.empty() ? api::result<void>{api::fail(api::internal_error("no token"))}
                          : api::result<void>{};
  }

  /// Starts a machine that joins; its nodes are simulated.
  void join(int number, int nodes) {
    const auto name = "machine-" + std::to_string(number);
    pids_.push_back(
        run_program({"agent", "--server", "127.0.0.1:" + port_, "--token", token_, "--data-dir",
                     c_.directory + "/" + name, "--node-name", name, "--no-local-node",
                     "--simulated-nodes", std::to_string(nodes), "--log-level", "warn"},
                    c_.directory + "/" + name + ".out"));
  }

  /// How often a text stands in what the API answers.
  size_t count(const std::string& path, const std::string& what) {
    const auto body = read(path);
    size_t res = 0;
    for (auto at = body.find(what); at != body.npos; at = body.find(what, at + what.size()))
      ++res;
    return res;
  }
  size_t ready_nodes() { return count("/api/v1/nodes", R"("reason":"KubeletReady")"); }

  /// Sums over the Deployments.
  int64_t ready_pods() {
    const auto doc = api::json::parse(read("/apis/apps/v1/namespaces/default/deployments"));
    int64_t res = 0;
    const auto* items = doc ? api::json::find(*doc, "items") : nullptr;
    if (items && items->IsArray())
      for (const auto& d : items->GetArray())
        if (const auto* status = api::json::find(d, "status"))
          res += api::json::get_int(*status, "readyReplicas");
    return res;
  }

  /// Of the server and the machines, or of the machines alone.
  double memory_mb(bool with_server) const {
    double res = 0;
    for (size_t i = with_server ? 0 : 1; i < pids_.size(); ++i)
      res += resident_mb(pids_[i]);
    return res;
  }
  std::string tail(const std::string& file) const {
    const auto text = config::read_file(c_.directory + "/" + file).value_or("");
    return text.size() > 300 ? text.substr(text.size() - 300) : text;
  }
  /// A Deployment of small pods. Errors: what the server says.
  api::result<void> deploy(const std::string& name, int replicas) {
    const auto labels = R"({"app":")" + name + "\"}";
    const auto done = ask(
        "POST", "/apis/apps/v1/namespaces/default/deployments",
        R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":")" + name +
            R"("},"spec":{"replicas":)" + std::to_string(replicas) +
            R"(,"selector":{"matchLabels":)" + labels + R"(},"template":{"metadata":{"labels":)" +
            labels +
            R"(},"spec":{"containers":[{"name":"main","image":"bench.thespis.dev/pause:1"}]}}}})");
    if (!done)
      return api::fail(done.error());
    return done->code == 201 ? api::result<void>{} : api::fail(api::bad_request(done->body));
  }

private:
  api::result<https_answer> ask(const std::string& method, const std::string& path,
                                const std::string& body = {}) {
    const auto read = [&](const char* name) {
      return config::read_file(data_ + "/pki/" + name).value_or("");
    };
    return https_ask(
        {"https://127.0.0.1:" + port_, read("ca.crt"), {read("admin.crt"), read("admin.key")}, {}},
        method, path, 30s, body);
  }
  /// What is read there; empty when the server does not give it.
  std::string read(const std::string& path) {
    const auto a = ask("GET", path);
    return a && a->code == 200 ? a->body : std::string{};
  }

  const context& c_;
  const std::string port_, data_;
  std::string token_;
  std::vector<pid_t> pids_;
};

api::error too_slow(const std::string& what) {
  api::error e;
  e.why = api::reason::timeout;
  e.message = what;
  return e;
}

} // namespace

api::result<figures> measure_joining(const context& c) {
  joined_cluster all{c};
  if (auto ok = all.start(); !ok)
    return api::fail(std::move(ok.error()));
  const auto n = static_cast<size_t>(c.opts.agents);
  c.log.say("starting " + std::to_string(n) + " agents");
  const auto begin = c.log.seconds();
  for (size_t i = 0; i < n; ++i)
    all.join(static_cast<int>(i), 1);
  if (!wait_until(join_limit, [&] { return all.ready_nodes() >= n; }))
    return api::fail(too_slow("only " + std::to_string(all.ready_nodes()) + " of " +
                              std::to_string(n) +
                              " nodes are Ready: " + all.tail("machine-0.out")));
  figure f;
  f.what = std::to_string(n) + " agents joining";
  f.value = c.log.seconds() - begin;
  f.unit = "s";
  f.target = 20;
  f.less_is_better = true;
  f.note = "each a process: by token and certificate to a link and a Ready node";
  figure m;
  m.what = "memory of an agent";
  m.value = all.memory_mb(false) / static_cast<double>(n);
  m.unit = "MB";
  m.less_is_better = true;
  return figures{f, m};
}

api::result<figures> measure_spread(const context& c) {
  if (free_memory_mb() < spread_memory_mb)
    return api::fail(api::internal_error("this needs 8 GB of free memory"));
  joined_cluster all{c};
  if (auto ok = all.start(); !ok)
    return api::fail(std::move(ok.error()));
  c.log.say(std::to_string(spread_nodes) + " nodes in " + std::to_string(spread_processes) +
            " processes");
  for (int i = 0; i < spread_processes; ++i)
    all.join(i, spread_nodes / spread_processes + (i < spread_nodes % spread_processes ? 1 : 0));
  if (!wait_until(join_limit, [&] { return all.ready_nodes() >= spread_nodes; }))
    return api::fail(too_slow("only " + std::to_string(all.ready_nodes()) + " nodes are Ready"));
  const auto begin = c.log.seconds();
  for (int i = 0; i < spread_deployments; ++i)
    if (auto ok = all.deploy("d" + std::to_string(i), spread_pods / spread_deployments); !ok)
      return api::fail(std::move(ok.error()));
  int64_t told = 0;
  const auto ready = [&] {
    const auto now = all.ready_pods();
    if (now >= told + spread_pods / 10)
      c.log.say(std::to_string(told = now) + " pods are ready");
    pause_for(500);
    return now >= spread_pods;
  };
  if (!wait_until(spread_limit, ready))
    return api::fail(too_slow("only " + std::to_string(all.ready_pods()) + " pods are ready"));
  figure f;
  f.what = "pods ready, nodes elsewhere";
  f.value = spread_pods / (c.log.seconds() - begin);
  f.unit = "/s";
  f.note = "30,000 pods on 1,000 simulated nodes in three processes that are linked to a fourth";
  figure m;
  m.what = "memory of the four";
  m.value = all.memory_mb(true);
  m.unit = "MB";
  m.less_is_better = true;
  return figures{f, m};
}

} // namespace thespis::tools::bench
