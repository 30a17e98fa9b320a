// Reads over TLS: one object, and a list of 500 pods.
#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_namespace.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/https_load.hpp"
#include "tools/bench/wait.hpp"

#include <atomic>
#include <cmath>
#include <thread>

namespace thespis::tools::bench {

namespace {

constexpr double kubernetes_gets = 4150;
constexpr double kubernetes_lists = 97;
constexpr int listed_pods = 500;
constexpr auto list_path = "/api/v1/namespaces/bench/pods?limit=500";

api::result<load_result> load(bench_cluster& cluster, const options& o, std::string path,
                              std::string accept = "application/json", uint16_t port = 0) {
  load_request r;
  r.accept = std::move(accept);
  r.port = port > 0 ? port : cluster.port();
  r.path = std::move(path);
  r.ca_pem = cluster.certificates().ca.pem().certificate;
  r.client = cluster.certificates().admin;
  r.connections = o.connections;
  r.time = std::chrono::seconds{o.seconds};
  return run_load(r);
}

figure rate_of(std::string what, const load_result& r, double reference, double target) {
  figure f;
  f.what = std::move(what);
  f.value = static_cast<double>(r.answers) / r.seconds;
  f.unit = "/s";
  f.reference = reference;
  f.reference_name = "Kubernetes";
  f.target = target;
  return f;
}

std::string volume(const load_result& r) {
  return std::to_string(std::lround(static_cast<double>(r.bytes) / r.seconds / 1e6)) + " MB/s, " +
         std::to_string(r.answers > 0 ? r.bytes / r.answers / 1000 : 0) + " KB an answer";
}

/// Patches one pod's label about a hundred times a second until it is destroyed.
class disturbance {
public:
  explicit disturbance(cluster& c) : thread_{[this, &c] { run(c); }} {}
  ~disturbance() {
    stop_ = true;
    thread_.join();
  }
  disturbance(const disturbance&) = delete;
  disturbance& operator=(const disturbance&) = delete;

private:
  void run(cluster& c) {
    const auto pods = c.state()->list("pods", "bench").objects;
    for (size_t i = 0; !stop_; ++i) {
      const auto& pod = pods[i % pods.size()];
      c.run({actors::patch_call("pods", {pod->ns(), pod->name()},
                                R"({"metadata":{"labels":{"turn":")" + std::to_string(i) +
                                    R"("}}})")});
      pause_for(10);
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// Creates pods that wait for a scheduling gate, so that nobody works on them.
api::result<void> make_gated_pods(cluster& c, int n, const progress& log) {
  constexpr int at_once = 2000;
  api::v1::namespace_ home;
  home.metadata.name = "bench";
  c.run({actors::create_call(home)});
  for (int made = 0; made < n;) {
    std::vector<api::call> calls;
    for (int i = 0; i < at_once && made < n; ++i, ++made) {
      api::v1::pod pod;
      pod.metadata.name = "pod-" + std::to_string(made);
      pod.metadata.namespace_ = "bench";
      pod.metadata.labels = {{"app", "app-" + std::to_string(made % 100)}};
      auto& container = pod.spec.containers.emplace_back();
      container.name = "main";
      container.image = "bench.thespis.dev/pause:1";
      container.resources.ensure().requests = {{"cpu", "10m"}, {"memory", "16Mi"}};
      pod.spec.scheduling_gates.emplace_back().name = "bench.thespis.dev/gate";
      calls.push_back(actors::create_call(pod));
    }
    for (auto& o : c.run(std::move(calls)).outcomes)
      if (!o.ok)
        return api::fail(std::move(o.failure));
    if (made % 20'000 == 0)
      log.say(std::to_string(made) + " pods");
  }
  return {};
}

} // namespace

api::result<figures> measure_list_all(const context& c) {
  auto started = bench_cluster::start(c, 0);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& cluster = **started;
  if (auto made = make_gated_pods(cluster.control(), c.opts.listed_pods, c.log); !made)
    return api::fail(std::move(made.error()));
  auto one = c.opts;
  one.connections = 1;
  figures all;
  for (const auto* encoding : {"JSON", "protobuf"}) {
    c.log.say(std::string("listing them as ") + encoding);
    const bool json = encoding == std::string_view("JSON");
    auto r = load(cluster, one, "/api/v1/pods",
                  json ? "application/json" : "application/vnd.kubernetes.protobuf");
    if (!r)
      return api::fail(std::move(r.error()));
    figure f;
    f.what = "LIST " + std::to_string(c.opts.listed_pods) + " pods, " + encoding;
    f.value = r->seconds / static_cast<double>(r->answers) * 1000;
    f.unit = "ms";
    f.less_is_better = true;
    f.target = json ? 300 : 0;
    f.note = volume(*r) + ", one connection";
    all.push_back(std::move(f));
  }
  return all;
}

api::result<figures> measure_get(const context& c) {
  auto cluster = bench_cluster::start(c, 0);
  if (!cluster)
    return api::fail(std::move(cluster.error()));
  c.log.say(std::to_string(c.opts.connections) + " connections ask for one namespace");
  auto res = load(**cluster, c.opts, "/api/v1/namespaces/default");
  if (!res)
    return api::fail(std::move(res.error()));
  auto f = rate_of("GET one namespace", *res, kubernetes_gets, 20'000);
  f.note = "TLS, " + std::to_string(c.opts.connections) +
           " kept connections; client and server share this machine";
  const auto port = (*cluster)->serve_audited();
  if (!port)
    return api::fail(port.error());
  c.log.say("the same, each written down in the audit log");
  auto audited = load(**cluster, c.opts, "/api/v1/namespaces/default", "application/json", *port);
  if (!audited)
    return api::fail(std::move(audited.error()));
  auto second = rate_of("GET one namespace, audited", *audited, f.value, 0);
  second.reference_name = "without";
  second.note = "the built-in policy: metadata, one event a request";
  return figures{f, second};
}

api::result<figures> measure_list(const context& c) {
  auto started = bench_cluster::start(c, 10);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& control = (*started)->control();
  pod_counter::moments when;
  {
    pod_counter counter{control};
    if (auto made = make_workloads(control, 5, listed_pods / 5); !made)
      return api::fail(std::move(made.error()));
    if (!counter.wait_for(listed_pods, c.log, when))
      return api::fail(api::internal_error("the pods to list do not run"));
  }
  c.log.say("500 pods run; listing them");
  auto calm = load(**started, c.opts, list_path);
  if (!calm)
    return api::fail(std::move(calm.error()));
  c.log.say("listing them while they change");
  const disturbance changes{control};
  auto busy = load(**started, c.opts, list_path);
  if (!busy)
    return api::fail(std::move(busy.error()));
  auto first = rate_of("LIST 500 pods", *calm, kubernetes_lists, 1000);
  first.note = volume(*calm);
  auto second = rate_of("LIST 500 changing pods", *busy, kubernetes_lists, 1000);
  second.note = "about a hundred of them change a second; " + volume(*busy);
  return figures{first, second};
}

} // namespace thespis::tools::bench
