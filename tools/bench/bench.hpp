// `thespis bench`: what it can measure, and what a measurement gives.
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools::bench {

/// The command line of `thespis bench`.
struct options {
  std::vector<std::string> what; ///< names of measurements; empty: all
  int seconds = 5;               ///< how long a rate is measured
  int nodes = 100;               ///< simulated nodes
  int deployments = 20;
  int replicas = 200; ///< of each deployment
  int memory_pods = 6000;
  int listed_pods = 100'000;
  int idle_watchers = 2000;
  int slow_clients = 10'000;
  int services = 10'000;
  int agents = 100;
  std::string image;                  ///< archive of a container image for `real-pods`
  int connections = 4;                ///< of the REST client, one thread each
  bool explain = false;               ///< tell where the time of `pods` went
  std::string output = "table";       ///< or json
  std::string directory = "/var/tmp"; ///< where the temporary data directory is made
};

/// One row of the result.
struct figure {
  std::string what; ///< "pods bound"
  double value = 0;
  std::string unit;           ///< "/s", "MB", "µs"
  double reference = 0;       ///< what is compared with, in the same unit; 0: nothing
  std::string reference_name; ///< "Kubernetes"
  double target = 0;          ///< what Thespis is to reach; 0: nothing set
  bool less_is_better = false;
  std::string note; ///< what else a reader must know
};

/// How many times better than the reference; 0 when there is none.
double ratio(const figure& f);
bool reached(const figure& f);

/// Tells on standard error how far a measurement is, with the seconds since its start.
class progress {
public:
  explicit progress(std::string name) : name_(std::move(name)) {}
  void say(const std::string& text) const;
  double seconds() const;

private:
  std::string name_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// What a measurement works with.
struct context {
  const options& opts;
  const progress& log;
  std::string directory; ///< empty, its own, removed afterwards
};

using figures = std::vector<figure>;

/// One thing to measure. Runs in a process of its own that ends without tidying up.
struct measurement {
  std::string_view name;
  std::string_view help;
  std::function<api::result<figures>(const context&)> run;
  bool only_named = false; ///< it takes so long that one has to ask for it
};

/// All measurements, in the order they run.
const std::vector<measurement>& measurements();

/// Whether it is to be run when these are named: all but the long ones when none is.
bool is_wanted(const measurement& m, const std::vector<std::string>& named);

// One function a measurement; see `measurements` for what each is.
api::result<figures> measure_pods(const context& c);
api::result<figures> measure_get(const context& c);
api::result<figures> measure_list(const context& c);
api::result<figures> measure_list_all(const context& c);
api::result<figures> measure_memory(const context& c);
api::result<figures> measure_real_pods(const context& c);
api::result<figures> measure_services(const context& c);
/// The part of `services` that carries traffic.
api::result<figures> measure_traffic(const context& c);
api::result<figures> measure_dns(const context& c);
api::result<figures> measure_actors(const context& c);
api::result<figures> measure_store(const context& c);
api::result<figures> measure_watch(const context& c);
api::result<figures> measure_watchers(const context& c);
api::result<figures> measure_writes(const context& c);
api::result<figures> measure_links(const context& c);
api::result<figures> measure_joining(const context& c);
api::result<figures> measure_spread(const context& c);
api::result<figures> measure_slow_clients(const context& c);
api::result<figures> measure_rights(const context& c);

} // namespace thespis::tools::bench
