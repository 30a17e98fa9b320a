// Real pods in real containers, of a cluster that `thespis up` starts for this: how soon 30 more
// are ready, and how soon a deleted one is replaced.
#include "api/json.hpp"
#include "config/files.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/wait.hpp"
#include "tools/cli/https_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace thespis::tools::bench {

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr double kubernetes_more = 4.6;     // s, 30 more pods
constexpr double kubernetes_replaced = 1.1; // s
constexpr int first_pods = 3;
constexpr int more_pods = 30;
/// As tools/sample_image names what it makes.
constexpr const char* image_name = "thespis.local/sample:v1";
constexpr const char* pods_path = "/api/v1/namespaces/default/pods";

/// Runs this program with these arguments, its output into `log`. False when it fails.
bool run_self(std::vector<std::string> arguments, const std::string& log) {
  const auto child = ::fork();
  if (child == 0) {
    const auto out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    std::string name = "thespis";
    std::vector<char*> argv{name.data()};
    for (auto& a : arguments)
      argv.push_back(a.data());
    argv.push_back(nullptr);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  int status = 1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

uint16_t free_port() {
  const auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  return bound ? ntohs(at.sin_port) : uint16_t{7443};
}

/// A cluster of its own process and ranges, taken down with all of its pods at the end.
class real_cluster {
public:
  explicit real_cluster(const context& c)
      : data_dir_(c.directory + "/cluster"), log_(c.directory + "/log"), port_(free_port()) {}
  ~real_cluster() { run_self({"down", "--data-dir", data_dir_, "--purge"}, log_); }
  real_cluster(const real_cluster&) = delete;
  real_cluster& operator=(const real_cluster&) = delete;

  api::result<void> start(const std::string& image) {
    if (!run_self({"up", "--detach", "--data-dir", data_dir_, "--bind-address", "127.0.0.1",
                   "--api-port", std::to_string(port_), "--pod-cidr", "10.62.0.0/16",
                   "--service-cidr", "10.63.0.0/16", "--no-ingress"},
                  log_) ||
        !run_self({"image", "import", "--data-dir", data_dir_, image}, log_))
      return failed();
    const auto pki = data_dir_ + "/pki/";
    auto ca = config::read_file(pki + "ca.crt");
    auto certificate = config::read_file(pki + "admin.crt");
    auto key = config::read_file(pki + "admin.key");
    if (!ca || !certificate || !key)
      return failed();
    target_ = {"https://127.0.0.1:" + std::to_string(port_), *ca, {*certificate, *key}, {}};
    return {};
  }

  api::result<std::string> ask(const std::string& method, const std::string& path,
                               const std::string& body = {}) const {
    auto res = https_ask(target_, method, path, 5s, body);
    if (!res)
      return api::fail(std::move(res.error()));
    if (res->code >= 300)
      return api::fail(api::internal_error(method + " " + path + ": " + res->body));
    return std::move(res->body);
  }

  api::result<void> make_deployment(const std::string& name, int replicas) const {
    const auto text = R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":")" + name +
                      R"("},"spec":{"replicas":)" + std::to_string(replicas) +
                      R"(,"selector":{"matchLabels":{"app":")" + name +
                      R"("}},"template":{"metadata":{"labels":{"app":")" + name +
                      R"("}},"spec":{"containers":[{"name":"web","image":")" + image_name +
                      R"(","imagePullPolicy":"Never"}]}}}})";
    auto made = ask("POST", "/apis/apps/v1/namespaces/default/deployments", text);
    return made ? api::result<void>{} : api::fail(std::move(made.error()));
  }

  /// The names of the pods that are ready and stay.
  std::set<std::string> ready_pods(const std::string& app) const {
    std::set<std::string> res;
    const auto text = ask("GET", pods_path + ("?labelSelector=app%3D" + app));
    auto list = text ? api::json::parse(*text) : api::result<api::json::document>{};
    const auto* items = list ? api::json::find(*list, "items") : nullptr;
    if (!items || !items->IsArray())
      return res;
    for (const auto& pod : items->GetArray()) {
      const auto* conditions = api::json::at(pod, {"status", "conditions"});
      if (api::json::at(pod, {"metadata", "deletionTimestamp"}) || !conditions)
        continue;
      for (const auto& x : conditions->GetArray())
        if (api::json::get_string(x, "type") == "Ready" &&
            api::json::get_string(x, "status") == "True")
          res.emplace(api::json::get_string(*api::json::find(pod, "metadata"), "name"));
    }
    return res;
  }

private:
  tl::unexpected<api::error> failed() const {
    auto said = config::read_file(log_);
    return api::fail(api::internal_error(said ? *said : "the cluster did not start"));
  }

  const std::string data_dir_;
  const std::string log_;
  const uint16_t port_;
  https_target target_;
};

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

figure in_seconds(std::string what, double value, double reference, double target,
                  std::string note) {
  figure f;
  f.what = std::move(what);
  f.value = value;
  f.unit = "s";
  f.reference = reference;
  f.reference_name = "Kubernetes";
  f.target = target;
  f.less_is_better = true;
  f.note = std::move(note);
  return f;
}

/// How long after the deletion of one pod as many are ready again, another in its place.
api::result<double> replace_one(const real_cluster& cluster, const std::string& app) {
  const auto before = cluster.ready_pods(app);
  const auto begin = steady_clock::now();
  if (auto gone = cluster.ask("DELETE", pods_path + ("/" + *before.begin())); !gone)
    return api::fail(std::move(gone.error()));
  if (!wait_until(60s, [&] {
        const auto now = cluster.ready_pods(app);
        return now.size() >= before.size() && !now.contains(*before.begin());
      }))
    return api::fail(api::internal_error("the deleted pod was not replaced within a minute"));
  return seconds_since(begin);
}

} // namespace

api::result<figures> measure_real_pods(const context& c) {
  if (c.opts.image.empty() && c.opts.what.empty()) {
    c.log.say("left out: it needs --image");
    return figures{};
  }
  if (c.opts.image.empty() || ::geteuid() != 0)
    return api::fail(api::bad_request("needs root, and an archive given with --image that "
                                      "tools/sample_image made"));
  real_cluster cluster{c};
  c.log.say("starting a cluster");
  if (auto up = cluster.start(c.opts.image); !up)
    return api::fail(std::move(up.error()));
  const auto all_ready = [&](const std::string& app, size_t n) {
    return wait_until(120s, [&] { return cluster.ready_pods(app).size() >= n; });
  };
  if (auto made = cluster.make_deployment("first", first_pods); !made)
    return api::fail(std::move(made.error()));
  if (!all_ready("first", first_pods))
    return api::fail(api::internal_error("the first pods did not become ready"));
  c.log.say("30 more pods");
  const auto begin = steady_clock::now();
  if (auto made = cluster.make_deployment("more", more_pods); !made)
    return api::fail(std::move(made.error()));
  if (!all_ready("more", more_pods))
    return api::fail(api::internal_error("not all of the pods became ready"));
  const auto more = seconds_since(begin);
  c.log.say("replacing pods");
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    auto t = replace_one(cluster, "first");
    if (!t)
      return api::fail(std::move(t.error()));
    times.push_back(*t);
  }
  std::nth_element(times.begin(), times.begin() + 2, times.end());
  c.log.say("taking the cluster down");
  return figures{
      in_seconds("30 more real pods ready", more, kubernetes_more, 4.0,
                 "containerd and runc, no probes; seen by asking the API every 10 ms"),
      in_seconds("deleted pod ready anew", times[2], kubernetes_replaced, 0.9,
                 "median of 5, from the DELETE until another is ready"),
  };
}

} // namespace thespis::tools::bench
