// Traffic through a service, side by side in one run: chosen by balancers, chosen by the kernel
// alone, through HAProxy where it is installed, and straight to the endpoints.
#include "proxy/balancer_set.hpp"
#include "runtime/actor_system.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/service_lab.hpp"

#include <csignal>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace thespis::tools::bench {

namespace {

using proxy::service_port;
using proxy::service_port_name;

const service_port_name name{"default", "bench", "http"};

service_port port_at(const std::string& ip) {
  service_port p;
  p.cluster_ips = {ip};
  p.port = 80;
  for (size_t i = 0; i < service_lab::endpoints; ++i)
    p.endpoints.push_back({.ip = service_lab::endpoint_text(i), .port = service_lab::port});
  return p;
}

template <class T>
T value_of(api::result<T> r) {
  if (!r)
    throw std::runtime_error(r.error().message);
  return std::move(*r);
}

void need(const api::result<void>& r) {
  if (!r)
    throw std::runtime_error(r.error().message);
}

/// HAProxy in the machine's namespace, with the balance that is nearest to ours.
class haproxy {
public:
  static constexpr const char* program = "/usr/sbin/haproxy";

  haproxy(const service_lab& lab, const std::string& directory) {
    if (access(program, X_OK) != 0)
      return;
    const auto file = directory + "/haproxy.cfg";
    std::ofstream out{file};
    out << "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n"
           "  timeout server 60s\nlisten bench\n  bind 10.244.1.1:8000\n  balance leastconn\n";
    for (size_t i = 0; i < service_lab::endpoints; ++i)
      out << "  server e" << i << " " << service_lab::endpoint_text(i) << ":" << service_lab::port
          << "\n";
    out.close();
    lab.node.run([&] {
      std::array<const char*, 6> args{program, "-db", "-q", "-f", file.c_str(), nullptr};
      if (posix_spawn(&pid_, program, nullptr, nullptr, const_cast<char**>(args.data()), environ) !=
          0)
        pid_ = 0;
    });
    if (pid_ != 0)
      usleep(500'000); // it says nothing when it listens
  }
  ~haproxy() {
    if (pid_ == 0)
      return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  bool runs() const { return pid_ != 0; }

private:
  pid_t pid_ = 0;
};

/// The ways to the endpoints. Only one is in use at a time, and conntrack tells its news only while
/// balancers listen, so that nobody pays for another's.
class ways {
public:
  explicit ways(const std::string& directory)
      : config_{2}, system_{config_}, haproxy_{lab, directory} {
    env_.roles = std::make_shared<runtime::directory>();
    env_.random = runtime::machine_random_port();
    balancers_.emplace(env_.roles, [this](const service_port_name& n) {
      return system_.spawn<proxy::balancer_actor>(proxy::balancer_deps{env_, n, {}});
    });
    lab.node.run([&] {
      kernel_.emplace(value_of(proxy::data_path::open(options("thespis_bench_k"))));
      need(kernel_->replace({{name, port_at("10.96.0.1")}}));
      open_gate();
      auto o = options("thespis_bench_m");
      o.queue = gate_->queue();
      mailbox_.emplace(value_of(proxy::data_path::open(o)));
      need(mailbox_->replace({{name, port_at("10.96.0.2")}}));
      gate_.reset();
    });
  }
  ~ways() {
    gate_.reset();
    balancers_->end_all();
  }

  double by_mailbox(const std::function<double(const target&)>& load) {
    lab.node.run([&] { open_gate(); });
    const auto res = load({{0x0a600002U}, 80});
    gate_.reset();
    return res;
  }
  double by_kernel(const std::function<double(const target&)>& load) {
    return load({{0x0a600001U}, 80});
  }
  double direct(const std::function<double(const target&)>& load) {
    target t{{}, service_lab::port};
    for (size_t i = 0; i < service_lab::endpoints; ++i)
      t.addresses.push_back(service_lab::endpoint(i));
    return load(t);
  }
  double by_haproxy(const std::function<double(const target&)>& load) {
    return haproxy_.runs() ? load({{0x0af40101U}, 8000}) : 0;
  }

  service_lab lab;

private:
  static proxy::data_path_options options(const std::string& table) {
    proxy::data_path_options o;
    o.table = table;
    o.pod_cidrs = {"10.244.0.0/16"};
    o.localhost_node_ports = false;
    return o;
  }
  void open_gate() {
    proxy::flow_gate_options o;
    o.first_queue = 100;
    o.choice_mark = proxy::data_path_options{}.choice_mark;
    o.pod_cidrs = {"10.244.0.0/16"};
    gate_ = value_of(proxy::flow_gate::start(system_, o, [] {}));
    balancers_->replace({{name, port_at("10.96.0.2")}}, gate_.get());
  }

  runtime::system_config config_;
  caf::actor_system system_;
  runtime::environment env_;
  std::optional<proxy::balancer_set> balancers_;
  std::unique_ptr<proxy::flow_gate> gate_;
  std::optional<proxy::data_path> kernel_;
  std::optional<proxy::data_path> mailbox_;
  haproxy haproxy_;
};

/// Each way by turns, so that what else the machine does meets all alike.
struct compared {
  double mailbox = 0, kernel = 0, direct = 0, through_haproxy = 0;
};

compared by_turns(ways& all, const std::function<double(const target&)>& load) {
  constexpr int turns = 4;
  compared sum;
  for (int i = 0; i < turns; ++i) {
    sum.kernel += all.by_kernel(load) / turns;
    sum.mailbox += all.by_mailbox(load) / turns;
    sum.direct += all.direct(load) / turns;
    sum.through_haproxy += all.by_haproxy(load) / turns;
  }
  return sum;
}

figure row(std::string what, double value, std::string unit, double reference,
           std::string reference_name, double least_ratio) {
  figure f;
  f.what = std::move(what);
  f.value = value;
  f.unit = std::move(unit);
  f.reference = reference;
  f.reference_name = std::move(reference_name);
  f.target = reference * least_ratio;
  return f;
}

void add(figures& out, const std::string& what, const std::string& unit, const compared& c,
         bool with_kernel) {
  if (with_kernel)
    out.push_back(row(what, c.mailbox, unit, c.kernel, "kernel's choice", 0.9));
  out.push_back(row(what, c.mailbox, unit, c.direct, "direct", with_kernel ? 0 : 0.98));
  if (c.through_haproxy > 0)
    out.push_back(row(what, c.mailbox, unit, c.through_haproxy, "HAProxy", 0));
}

double p99(std::vector<double> all) {
  if (all.empty())
    return 0;
  const auto at = all.begin() + static_cast<long>(all.size() * 99 / 100);
  std::nth_element(all.begin(), at, all.end());
  return *at;
}

figure with_a_slow_endpoint(ways& all, double seconds) {
  constexpr int slow_ms = 100;
  all.lab.slow_first(slow_ms);
  std::vector<double> chosen, random;
  const auto load = [&](std::vector<double>& into) {
    return [&](const target& t) { return all.lab.connects(t, seconds, 10, &into); };
  };
  all.by_kernel(load(random));
  all.by_mailbox(load(chosen));
  all.lab.slow_first(0);
  auto f = row("p99, one of ten slow", p99(chosen), "ms", p99(random), "random choice", 1.0 / 3);
  f.less_is_better = true;
  f.note = "the slow one answers after 100 ms";
  return f;
}

} // namespace

api::result<figures> measure_traffic(const context& c) {
  if (geteuid() != 0)
    return api::fail(api::bad_request("network namespaces take root"));
  try {
    ways all{c.directory};
    const double turn = static_cast<double>(c.opts.seconds) / 5;
    figures out;
    c.log.say("new connections");
    add(out, "new connections", "/s",
        by_turns(all, [&](const target& t) { return all.lab.connects(t, turn, 16); }), true);
    c.log.say("requests on open connections");
    add(out, "requests", "/s",
        by_turns(all, [&](const target& t) { return all.lab.requests(t, turn, 16); }), false);
    c.log.say("bytes on open connections");
    add(out, "throughput", "MB/s",
        by_turns(all, [&](const target& t) { return all.lab.throughput(t, turn, 4); }), false);
    c.log.say("latency with one slow endpoint");
    out.push_back(with_a_slow_endpoint(all, 4 * turn));
    return out;
  } catch (const std::exception& e) {
    return api::fail(api::internal_error(e.what()));
  }
}

} // namespace thespis::tools::bench
