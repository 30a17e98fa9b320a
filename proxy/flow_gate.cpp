#include "proxy/flow_gate.hpp"

#include "proxy/flow_routes.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace thespis::proxy {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Runs the actors that messages from the gate wake, on the gate's thread.
class lane : public caf::execution_unit {
public:
  explicit lane(caf::actor_system& sys) : caf::execution_unit(&sys), system_(sys) {}

  void exec_later(caf::resumable* what) override {
    if (enqueuing_)
      ready_.push_back(what);
    else
      system_.scheduler().enqueue(what); // what an actor that runs here has woken
  }

  template <class T>
  void tell(const balancer_handle& to, T message) {
    enqueuing_ = true;
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(
        nullptr, caf::make_message_id(), caf::make_message(std::move(message)), this);
    enqueuing_ = false;
  }

  void run() {
    while (!ready_.empty()) {
      auto* next = ready_.front();
      ready_.pop_front();
      switch (next->resume(this, throughput)) {
      case caf::resumable::resume_later:
        system_.scheduler().enqueue(next);
        break;
      case caf::resumable::done:
      case caf::resumable::awaiting_message:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(next);
        break;
      }
    }
  }

private:
  static constexpr size_t throughput = 64;

  caf::actor_system& system_;
  std::deque<caf::resumable*> ready_;
  bool enqueuing_ = false;
};

std::vector<api::cidr> parsed(const std::vector<std::string>& cidrs) {
  std::vector<api::cidr> out;
  for (const auto& text : cidrs)
    if (const auto range = api::parse_cidr(text); range && range->prefix() >= 1)
      out.push_back(*range);
  return out;
}

/// Verdicts from balancers. Outlives the gate when a balancer still holds it.
class desk : public verdict_port {
public:
  desk(flow_queue queue, uint32_t choice_mark)
      : queue_(std::move(queue)), choice_mark_(choice_mark) {}

  void answer(const std::vector<packet_verdict>& verdicts) override {
    std::vector<packet_verdict> marked;
    marked.reserve(verdicts.size());
    const std::unique_lock lock{mutex_};
    for (auto v : verdicts) {
      if (waiting_.erase(v.id) == 0)
        continue; // late: it has gone on
      if (v.number)
        v.mark |= choice_mark_;
      marked.push_back(v);
    }
    if (std::this_thread::get_id() == own_thread_)
      gathered_.insert(gathered_.end(), marked.begin(), marked.end());
    else
      queue_.send(marked);
  }

  // What follows is for the gate's thread.
  void begin() {
    const std::unique_lock lock{mutex_};
    own_thread_ = std::this_thread::get_id();
  }
  void expect(const std::vector<asked_flow>& flows, clock::time_point until) {
    const std::unique_lock lock{mutex_};
    for (const auto& f : flows)
      waiting_.insert_or_assign(f.packet, until);
  }
  void pass(uint32_t packet) { gathered_.push_back({packet, std::nullopt, 0}); }
  void flush() {
    if (!gathered_.empty())
      queue_.send(gathered_);
    gathered_.clear();
  }
  /// Lets the packets pass that have waited too long; how many.
  size_t give_up(clock::time_point now) {
    const std::unique_lock lock{mutex_};
    size_t n = 0;
    for (auto i = waiting_.begin(); i != waiting_.end();) {
      if (i->second > now) {
        ++i;
        continue;
      }
      gathered_.push_back({i->first, std::nullopt, 0});
      i = waiting_.erase(i);
      ++n;
    }
    return n;
  }
  bool waits() const {
    const std::unique_lock lock{mutex_};
    return !waiting_.empty();
  }
  flow_queue& queue() { return queue_; }

private:
  flow_queue queue_;
  const uint32_t choice_mark_;
  mutable std::mutex mutex_;
  std::thread::id own_thread_;
  std::unordered_map<uint32_t, clock::time_point> waiting_;
  std::vector<packet_verdict> gathered_; // of the gate's thread
};

} // namespace

struct flow_gate::parts {
  parts(caf::actor_system& sys, flow_gate_options o, flow_queue queue, flow_events from,
        on_lost when_lost)
      : lane_(sys), options_(std::move(o)), pods_(parsed(options_.pod_cidrs)),
        desk_(std::make_shared<desk>(std::move(queue), options_.choice_mark)),
        events_(std::move(from)), lost_(std::move(when_lost)), wake_(eventfd(0, EFD_CLOEXEC)) {}
  ~parts() { close(wake_); }

  void run();
  void take_packets();
  void take_news();
  bool inside(const queued_packet& p) const;

  lane lane_;
  const flow_gate_options options_;
  const std::vector<api::cidr> pods_;
  std::shared_ptr<desk> desk_;
  flow_events events_;
  on_lost lost_;
  clock::time_point lost_last_{};
  int wake_ = -1;
  flow_routes routes_;
  std::atomic<uint64_t> asked_{0}, batches_{0}, unknown_{0}, late_{0}, news_{0};
  std::thread thread_;
};

bool flow_gate::parts::inside(const queued_packet& p) const {
  return p.local || std::any_of(pods_.begin(), pods_.end(),
                                [&](const api::cidr& r) { return r.contains(p.what.source); });
}

void flow_gate::parts::take_packets() {
  std::vector<queued_packet> packets;
  desk_->queue().read(packets);
  if (packets.empty())
    return;
  std::unordered_map<balancer_handle, std::vector<asked_flow>> batches;
  std::vector<char> known(packets.size(), 0);
  routes_.each(packets, [&](size_t i, const flow_routes::route& r) {
    const auto& p = packets[i];
    asked_flow f{p.id, p.mark, p.what, balance::reach::everywhere, 0};
    if (r.local_only && r.external && inside(p))
      f.offset = inside_offset;
    else if (r.local_only)
      f.from = balance::reach::here;
    batches[r.to].push_back(f);
    known[i] = 1;
  });
  for (size_t i = 0; i < packets.size(); ++i)
    if (!known[i]) {
      desk_->pass(packets[i].id);
      ++unknown_;
    }
  const auto until = clock::now() + options_.patience;
  for (auto& [to, flows] : batches) {
    asked_ += flows.size();
    ++batches_;
    desk_->expect(flows, until);
    lane_.tell(to, choose_flows{std::move(flows), desk_});
  }
  lane_.run();
  desk_->flush();
}

void flow_gate::parts::take_news() {
  std::vector<flow_event> news;
  bool lost = false;
  events_.read(news, lost);
  std::unordered_map<balancer_handle, std::vector<flow_event>> reports;
  routes_.each(news,
               [&](size_t i, const flow_routes::route& r) { reports[r.to].push_back(news[i]); });
  for (auto& [to, events] : reports) {
    news_ += events.size();
    lane_.tell(to, flow_report{std::move(events)});
  }
  lane_.run();
  if (const auto now = clock::now(); lost && now - lost_last_ >= 2s) {
    lost_last_ = now;
    lost_();
  }
}

void flow_gate::parts::run() {
  desk_->begin();
  std::array<pollfd, 4> fds{{{wake_, POLLIN, 0},
                             {desk_->queue().descriptor(), POLLIN, 0},
                             {events_.updates(), POLLIN, 0},
                             {events_.endings(), POLLIN, 0}}};
  while (poll(fds.data(), fds.size(), desk_->waits() ? 10 : -1) >= 0 || errno == EINTR) {
    if (fds[0].revents)
      return;
    // News first: a flow that has ended makes room for the next.
    if (fds[2].revents || fds[3].revents)
      take_news();
    if (fds[1].revents)
      take_packets();
    if (const auto n = desk_->give_up(clock::now())) {
      late_ += n;
      desk_->flush();
    }
  }
}

api::result<std::unique_ptr<flow_gate>> flow_gate::start(caf::actor_system& sys,
                                                         flow_gate_options options, on_lost lost) {
  auto queue = flow_queue::open(options.first_queue);
  if (!queue)
    return api::fail(queue.error());
  auto events = flow_events::open();
  if (!events)
    return api::fail(events.error());
  auto p = std::make_unique<parts>(sys, std::move(options), std::move(*queue), std::move(*events),
                                   std::move(lost));
  p->thread_ = std::thread{[raw = p.get()] { raw->run(); }};
  return std::unique_ptr<flow_gate>{new flow_gate{std::move(p)}};
}

flow_gate::flow_gate(std::unique_ptr<parts> p) : parts_(std::move(p)) {}

flow_gate::~flow_gate() {
  const uint64_t one = 1;
  if (write(parts_->wake_, &one, sizeof one) < 0)
    spdlog::error("proxy: cannot end the packet queue: {}", std::strerror(errno));
  parts_->thread_.join();
}

uint16_t flow_gate::queue() const {
  return parts_->desk_->queue().number();
}

void flow_gate::set(const service_port_name& name, const service_port& port,
                    balancer_handle balancer) {
  parts_->routes_.set(name, port, std::move(balancer));
}

void flow_gate::erase(const service_port_name& name) {
  parts_->routes_.erase(name);
}

std::vector<std::pair<balancer_handle, std::vector<std::pair<flow, backend>>>>
flow_gate::group(const std::vector<flow_event>& flows) const {
  std::unordered_map<balancer_handle, std::vector<std::pair<flow, backend>>> by;
  for (auto& b : parts_->routes_.balancers())
    by.try_emplace(std::move(b));
  parts_->routes_.each(flows, [&](size_t i, const flow_routes::route& r) {
    by[r.to].emplace_back(flows[i].what, flows[i].to);
  });
  return {std::make_move_iterator(by.begin()), std::make_move_iterator(by.end())};
}

flow_gate_figures flow_gate::figures() const {
  return {parts_->asked_, parts_->batches_, parts_->unknown_, parts_->late_, parts_->news_};
}

} // namespace thespis::proxy
