// A net_lab whose node has balancers: an actor system, a gate and a data path that asks it.
#pragma once

#include "proxy/balancer_set.hpp"
#include "proxy/kernel_lab.hpp"
#include "runtime/actor_system.hpp"

#include <caf/all.hpp>

#include <atomic>

namespace thespis::test {

using namespace std::chrono_literals;

/// An actor system for as long as a test.
struct actor_world {
  runtime::system_config config{1};
  caf::actor_system system{config};
};

struct gate_lab {
  explicit gate_lab(int pods) : net{pods} {
    env.roles = std::make_shared<runtime::directory>();
    env.random = std::make_shared<runtime::random_port>(11);
    balancers.emplace(env.roles, [this](const service_port_name& name) {
      balancer_deps deps;
      deps.env = env;
      deps.name = name;
      deps.limits.answer_limit = 200ms;
      return world.system.spawn<balancer_actor>(std::move(deps));
    });
    open_gate();
    auto o = options_for("thespis_test");
    o.pod_cidrs.push_back("fd10:244::/64");
    o.service_cidrs.push_back("fd10:96::/112");
    o.queue = gate->queue();
    path_.emplace(net, o);
    path_->replace({});
    net.outside.ip("route add 10.96.0.0/16 via 192.168.77.1\n"
                   "route add fd10:96::/112 via fd77::1\n");
  }
  ~gate_lab() {
    gate.reset();
    balancers->end_all();
    if (deaf_)
      caf::anon_send_exit(deaf_, caf::exit_reason::kill);
  }

  void open_gate() {
    net.node.run([&] {
      flow_gate_options o;
      o.first_queue = 100;
      o.choice_mark = options_for("x").choice_mark;
      o.pod_cidrs = {"10.244.0.0/16", "fd10:244::/64"};
      auto opened = flow_gate::start(world.system, o, [] {});
      if (!opened)
        throw std::runtime_error(opened.error().message);
      gate = std::move(*opened);
    });
  }
  /// As after a crash: new balancers and a new gate at the queue that the rules name.
  void start_anew() {
    gate.reset();
    balancers->end_all();
    open_gate();
  }
  void set(const service_port_name& name, const service_port& port) {
    balance(name, port);
    path_->set(name, port);
  }
  /// Tells the balancer alone.
  void balance(const service_port_name& name, const service_port& port) {
    balancers->change({{name, port}}, gate.get());
    describe(name); // it has taken it
  }
  std::string describe(const service_port_name& name) {
    caf::scoped_actor self{world.system};
    std::string out;
    const auto to = caf::actor_cast<caf::actor>(balancers->find(name));
    self->request(to, 5s, runtime::describe_request{})
        .receive([&](const runtime::description& d) { out = d.json; }, [](const caf::error&) {});
    return out;
  }
  /// Of all endpoints.
  int outstanding(const service_port_name& name) {
    const auto text = describe(name);
    const std::string field = "\"outstanding\":";
    int sum = 0;
    for (auto at = text.find(field); at != std::string::npos; at = text.find(field, at + 1))
      sum += std::atoi(text.c_str() + at + field.size());
    return sum;
  }
  void recount() {
    std::vector<flow_event> open;
    const auto as_of = std::chrono::steady_clock::now();
    net.node.run([&] { open = flow_events::census().value(); });
    for (auto& [balancer, flows] : gate->group(open))
      caf::anon_send(balancer, flow_recount{flows, as_of});
  }
  /// Packets in the kernel's queue.
  uint64_t queued() const {
    uint64_t number = 0, port = 0, n = 0;
    std::istringstream{net.node.read("/proc/thread-self/net/netfilter/nfnetlink_queue")} >>
        number >> port >> n;
    return n;
  }
  bool becomes(const std::function<bool()>& held) const {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      if (held())
        return true;
      std::this_thread::yield();
    }
    return false;
  }
  /// A balancer that takes questions and never answers.
  balancer_handle deaf() {
    deaf_ = world.system.spawn(
        [](balancer_handle::pointer, int) -> balancer_handle::behavior_type {
          return {
              [](const balance_over&) {},
              [](const choose_flows&) {},
              [](const flow_report&) {},
              [](const flow_recount&) {},
              [](const choose_endpoint&) { return chosen_endpoint{}; },
              [](const endpoint_done&) {},
              [](const to_service&) {},
          };
        },
        0);
    return deaf_;
  }

  net_lab net;
  actor_world world;
  runtime::environment env;
  std::optional<balancer_set> balancers;
  std::unique_ptr<flow_gate> gate;
  std::optional<programmed> path_;
  programmed& path() { return *path_; }

private:
  balancer_handle deaf_;
};

/// Sends SYNs from many addresses nobody has, as fast as it can: at most `most`, until told to
/// stop.
void flood_with_syns(const net_space& from, const std::string& to, uint16_t port, int most,
                     const std::atomic<bool>& stop, std::atomic<int>& sent);

/// An IPv4 packet with this payload.
void send_raw(const net_space& from, const std::string& to, uint8_t protocol,
              const std::vector<uint8_t>& payload);

} // namespace thespis::test
