// A cluster in this process for the bench to load: RocksDB in a temporary directory, simulated
// nodes, and the REST server on loopback.
#pragma once

#include "api/rest/server.hpp"
#include "config/certificates.hpp"
#include "tools/bench/bench.hpp"
#include "tools/cluster/cluster.hpp"
#include "tools/cluster/nodes.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace thespis::tools::bench {

/// Lives until the process ends, which is soon: taking a loaded cluster apart would only cost time.
/// One a process.
class bench_cluster {
public:
  /// Blocks until all `nodes` are Ready. Errors: those of the store, certificates and the server;
  /// timeout when nodes do not become Ready.
  static api::result<bench_cluster*> start(const context& c, int nodes);

  cluster& control() { return *cluster_; }
  const config::pki& certificates() const { return pki_; }
  uint16_t port() const { return server_->port(); }
  /// A further server of the same cluster that writes down all requests in a file of the data
  /// directory; its port.
  api::result<uint16_t> serve_audited();
  /// Connections that the server holds now.
  size_t connections() const { return server_->stats().connections; }

private:
  bench_cluster(config::settings settings, config::pki pki)
      : settings_(std::move(settings)), pki_(std::move(pki)) {}
  using served = std::unique_ptr<api::rest::server>;
  api::result<served> serve(std::shared_ptr<const api::audit::sink> audit = nullptr);
  bool wait_for_nodes(const progress& log);

  config::settings settings_;
  config::pki pki_;
  std::unique_ptr<cluster> cluster_;
  served server_, audited_;
  std::unique_ptr<simulated_nodes> nodes_;
};

/// Counts pods by what the watch shows: bound, Running. Thread-safe.
class pod_counter {
public:
  explicit pod_counter(cluster& c);
  ~pod_counter();

  struct counts {
    size_t made = 0;
    size_t bound = 0;
    size_t running = 0;
  };
  counts now() const;

  /// When the n-th pod was seen bound, and Running. Valid once that many are.
  struct moments {
    std::chrono::steady_clock::time_point bound;
    std::chrono::steady_clock::time_point running;
  };
  /// Blocks until `n` pods run, telling about it every second. False after two minutes in which
  /// nothing came.
  bool wait_for(size_t n, const progress& log, moments& when);

private:
  /// Shared with the watch, whose last batch may come when the counter is gone.
  struct shared {
    std::mutex mutex;
    std::condition_variable changed;
    counts seen;
    std::unordered_map<std::string, int> pods; ///< by uid: 0 made, 1 bound, 2 Running
    moments last;                              ///< of the newest pod bound, and Running
    std::unique_ptr<api::rest::watch_handle> watch;

    void take(const api::watch_events& batch);
  };
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

/// What makes the pods: Deployments where the cluster has their controller, ReplicaSets where not.
std::string workload_kind(cluster& c);

/// Creates `n` workloads of `replicas` small pods in the namespace "bench", which is made when
/// missing. Errors: the first refusal.
api::result<void> make_workloads(cluster& c, int n, int replicas);

/// What the actors of each kind did since the start, the busiest kind first: a table.
std::string where_time_went(cluster& c);

} // namespace thespis::tools::bench
