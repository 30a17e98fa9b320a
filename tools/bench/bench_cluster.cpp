#include "tools/bench/bench_cluster.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/framework/reconciler.hpp"
#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_namespace.hpp"
#include "runtime/introspection.hpp"
#include "tools/bench/wait.hpp"
#include "tools/cluster/audit_sink.hpp"
#include "tools/cluster/bootstrap.hpp"
#include "tools/shell/text_table.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace thespis::tools::bench {

using namespace std::chrono_literals;
namespace v1 = api::v1;

namespace {

constexpr const char* bench_namespace = "bench";
/// Where the Service `kubernetes` leads, which nothing here uses: an endpoint may not be loopback.
constexpr const char* unused_address = "192.0.2.1";

api::error timed_out(std::string message) {
  return api::make_error(api::reason::timeout, std::move(message));
}

config::settings settings_for(const context& c, int nodes) {
  config::settings s;
  s.data_dir = c.directory;
  s.node.local = false;
  s.api.bind_address = "127.0.0.1";
  s.api.port = 0;
  s.simulation.nodes = nodes;
  return s;
}

v1::pod_template_spec pod_template(const std::string& app) {
  v1::pod_template_spec t;
  t.metadata.labels = {{"app", app}};
  auto& container = t.spec.containers.emplace_back();
  container.name = "main";
  container.image = "bench.thespis.dev/pause:1";
  container.resources.ensure().requests = {{"cpu", "10m"}, {"memory", "16Mi"}};
  return t;
}

template <class Workload>
api::call workload_call(const std::string& name, int replicas) {
  Workload w;
  w.metadata.name = name;
  w.metadata.namespace_ = bench_namespace;
  w.metadata.labels = {{"app", name}};
  w.spec.replicas = replicas;
  w.spec.selector.match_labels = {{"app", name}};
  w.spec.template_ = pod_template(name);
  return actors::create_call(w);
}

} // namespace

api::result<bench_cluster*> bench_cluster::start(const context& c, int nodes) {
  auto settings = settings_for(c, nodes);
  const auto now = std::chrono::floor<std::chrono::seconds>(runtime::system_clock_port()->now());
  auto pki = config::ensure_pki(settings.pki_dir(), config::server_names(settings), now);
  if (!pki)
    return api::fail(std::move(pki.error()));
  auto storage = runtime::open_rocksdb_engine(settings.data_dir + "/store");
  if (!storage)
    return api::fail(std::move(storage.error()));
  auto* res = new bench_cluster{std::move(settings), std::move(*pki)};
  res->cluster_ = std::make_unique<cluster>(res->settings_, std::move(*storage));
  auto serving = res->serve();
  if (!serving)
    return api::fail(std::move(serving.error()));
  res->server_ = std::move(*serving);
  bootstrap_cluster(*res->cluster_, res->settings_.network.service_cidrs(),
                    res->settings_.kubernetes_service_ip(unused_address), unused_address,
                    res->port());
  if (nodes > 0) {
    c.log.say("starting " + std::to_string(nodes) + " simulated nodes");
    res->nodes_ =
        std::make_unique<simulated_nodes>(host_of(*res->cluster_, res->settings_), res->settings_);
  }
  if (!res->wait_for_nodes(c.log))
    return api::fail(timed_out("the simulated nodes did not become Ready"));
  return res;
}

api::result<bench_cluster::served>
bench_cluster::serve(std::shared_ptr<const api::audit::sink> audit) {
  api::rest::server_options o;
  o.transport.address = "127.0.0.1";
  o.transport.tls = {pki_.server.certificate, pki_.server.key, pki_.ca.pem().certificate, true};
  o.transport.io_threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  o.now = [clock = cluster_->env().clock] { return clock->now(); };
  o.audit = std::move(audit);
  return api::rest::server::start(cluster_->backend(), cluster_->schemas(), std::move(o));
}

api::result<uint16_t> bench_cluster::serve_audited() {
  config::audit_settings s;
  s.log_path = settings_.data_dir + "/audit.log";
  auto sink = open_audit(s);
  if (!sink)
    return api::fail(std::move(sink.error()));
  auto serving = serve(*sink);
  if (!serving)
    return api::fail(std::move(serving.error()));
  audited_ = std::move(*serving);
  return audited_->port();
}

bool bench_cluster::wait_for_nodes(const progress& log) {
  const auto wanted = static_cast<size_t>(settings_.simulation.nodes);
  const bool ready = wait_until(60s, [&] {
    const auto nodes = cluster_->state()->list("nodes");
    return static_cast<size_t>(
               std::count_if(nodes.objects.begin(), nodes.objects.end(), [](const auto& n) {
                 return n->bytes().find(R"("reason":"KubeletReady")") != std::string::npos;
               })) >= wanted;
  });
  if (ready && wanted > 0)
    log.say(std::to_string(wanted) + " nodes are Ready");
  return ready;
}

pod_counter::pod_counter(cluster& c) {
  const std::lock_guard lock{shared_->mutex};
  shared_->watch = c.backend().watch(
      "pods", {}, 0,
      {[all = shared_](const api::watch_events& e) { all->take(e); }, [](const api::error&) {}});
}

pod_counter::~pod_counter() {
  const std::lock_guard lock{shared_->mutex};
  shared_->watch.reset();
}

void pod_counter::shared::take(const api::watch_events& batch) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock{mutex};
  if (!watch)
    return;
  for (const auto& e : batch.events) {
    const auto [known, is_new] = pods.emplace(e.object->uid(), 0);
    seen.made += is_new;
    if (known->second == 0 && !e.object->meta().node_name.empty()) {
      known->second = 1;
      ++seen.bound;
      last.bound = now;
    }
    if (known->second == 1 && e.object->bytes().find(R"("phase":"Running")") != std::string::npos) {
      known->second = 2;
      ++seen.running;
      last.running = now;
    }
  }
  watch->ack();
  changed.notify_all();
}

pod_counter::counts pod_counter::now() const {
  const std::lock_guard lock{shared_->mutex};
  return shared_->seen;
}

bool pod_counter::wait_for(size_t n, const progress& log, moments& when) {
  auto& all = *shared_;
  std::unique_lock lock{all.mutex};
  auto told = std::chrono::steady_clock::now();
  auto moved = told;
  size_t sum = 0;
  while (all.seen.running < n) {
    all.changed.wait_for(lock, 250ms);
    const auto now = std::chrono::steady_clock::now();
    const auto& c = all.seen;
    if (const auto next = c.made + c.bound + c.running; next != sum) {
      sum = next;
      moved = now;
    }
    if (now - moved > 120s)
      return false;
    if (now - told >= 1s) {
      told = now;
      log.say("of " + std::to_string(n) + " pods " + std::to_string(c.made) + " made, " +
              std::to_string(c.bound) + " bound, " + std::to_string(c.running) + " Running");
    }
  }
  when = all.last;
  return true;
}

std::string workload_kind(cluster& c) {
  const auto all = actors::all_controllers(c.env());
  const bool deployments =
      std::any_of(all.begin(), all.end(), [](const auto& e) { return e.name == "deployment"; });
  return deployments ? "Deployments" : "ReplicaSets";
}

api::result<void> make_workloads(cluster& c, int n, int replicas) {
  std::vector<api::call> calls;
  if (!c.state()->get("namespaces", {}, bench_namespace)) {
    v1::namespace_ home;
    home.metadata.name = bench_namespace;
    c.run({actors::create_call(home)});
  }
  const bool deployments = workload_kind(c) == "Deployments";
  for (int i = 0; i < n; ++i) {
    const auto name = "load-" + std::to_string(i);
    calls.push_back(deployments ? workload_call<v1::deployment>(name, replicas)
                                : workload_call<v1::replica_set>(name, replicas));
  }
  for (auto& o : c.run(std::move(calls)).outcomes)
    if (!o.ok)
      return api::fail(std::move(o.failure));
  return {};
}

std::string where_time_went(cluster& c) {
  struct sum {
    std::string kind;
    uint64_t actors = 0;
    uint64_t handled = 0;
    uint64_t busy = 0;
  };
  std::unordered_map<std::string, sum> by_kind;
  for (const auto& i : runtime::introspection_of(c.system()).list()) {
    // Controllers and registries differ by name, pods and nodes do not.
    const bool many = i.kind == "pod" || i.kind == "node" || i.kind == "bench";
    const auto key = many || i.name.empty() ? i.kind : i.kind + " " + i.name;
    auto& s = by_kind[key];
    s.kind = key;
    ++s.actors;
    s.handled += i.handled;
    s.busy += i.busy_ns;
  }
  std::vector<sum> rows;
  for (auto& [kind, s] : by_kind)
    rows.push_back(std::move(s));
  std::sort(rows.begin(), rows.end(), [](const sum& a, const sum& b) { return a.busy > b.busy; });
  text_table table{
      {{"KIND"}, {"ACTORS", true}, {"MESSAGES", true}, {"BUSY", true}, {"A MESSAGE", true}}};
  constexpr size_t shown = 14;
  for (size_t i = 0; i < std::min(rows.size(), shown); ++i) {
    const auto& r = rows[i];
    table.add({r.kind, grouped(r.actors), grouped(r.handled), short_duration(r.busy),
               short_duration(r.handled > 0 ? r.busy / r.handled : 0)});
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto nanoseconds = [](const timeval& t) {
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(t.tv_usec) * 1000;
  };
  return table.render(palette{}) +
         "processor time of the process: " + short_duration(nanoseconds(used.ru_utime)) +
         " in user space, " + short_duration(nanoseconds(used.ru_stime)) + " in the kernel\n";
}

} // namespace thespis::tools::bench
