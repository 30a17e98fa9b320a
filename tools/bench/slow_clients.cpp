// Healthy clients beside thousands that never finish what they begin.
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/https_load.hpp"
#include "tools/bench/wait.hpp"

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::tools::bench {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Each sends a byte this often, of a handshake or of a request that never ends.
constexpr auto pace = 5s;
/// How many are begun anew in a second at most, when the server has ended theirs.
constexpr size_t renewed_a_second = 1000;
constexpr auto between_requests = 5ms;

size_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

/// Clients that dribble the beginning of a TLS handshake, on a thread of their own.
class slow_crowd {
public:
  slow_crowd(uint16_t port, size_t n) : port_(port), wanted_(n), epoll_(::epoll_create1(0)) {
    thread_ = std::thread{[this] { run(); }};
  }
  ~slow_crowd() {
    stop_ = true;
    thread_.join();
    for (const auto& c : clients_)
      ::close(c.fd);
    ::close(epoll_);
  }
  slow_crowd(const slow_crowd&) = delete;
  slow_crowd& operator=(const slow_crowd&) = delete;

  size_t begun() const { return begun_; }
  size_t renewed() const { return renewed_; }

private:
  struct slow_client {
    int fd = -1;
  };

  /// From addresses of their own, so that ports do not run out.
  bool open(size_t i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
      return false;
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + static_cast<uint32_t>(i % 60'000));
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from);
    ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
    epoll_event e{};
    e.events = EPOLLIN | EPOLLRDHUP;
    e.data.u64 = i;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
    clients_[i].fd = fd;
    return true;
  }

  /// Ended clients begin again.
  void renew(int wait_ms, size_t& budget) {
    epoll_event events[256];
    const int n = ::epoll_wait(epoll_, events, 256, wait_ms);
    for (int k = 0; k < n && budget > 0; ++k, --budget) {
      const auto i = static_cast<size_t>(events[k].data.u64);
      ::close(clients_[i].fd);
      open(i);
      ++renewed_;
    }
  }

  void run() {
    clients_.resize(wanted_);
    size_t opened = 0, next = 0, budget = 0;
    auto second = clock::now();
    while (!stop_) {
      if (clock::now() - second >= 100ms) {
        second = clock::now();
        budget = renewed_a_second / 10;
      }
      for (; opened < wanted_ && budget > 0; --budget, ++opened)
        if (!open(opened))
          break;
      begun_ = opened;
      // In each turn of 10 ms some send their byte.
      const auto share = std::max<size_t>(1, wanted_ * 10 / (pace / 1ms));
      for (size_t k = 0; k < share && opened > 0; ++k)
        ::send(clients_[next++ % opened].fd, "\x16", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
      renew(10, budget);
      if (budget == 0)
        pause_for(5);
    }
  }

  const uint16_t port_;
  const size_t wanted_;
  const int epoll_;
  std::vector<slow_client> clients_;
  std::atomic<size_t> begun_{0}, renewed_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

api::result<load_result> healthy(bench_cluster& cluster, const options& o) {
  load_request r;
  r.port = cluster.port();
  r.path = "/api/v1/namespaces/default";
  r.ca_pem = cluster.certificates().ca.pem().certificate;
  r.client = cluster.certificates().admin;
  r.connections = o.connections;
  r.time = std::chrono::seconds{o.seconds};
  r.pause = between_requests;
  return run_load(r);
}

figure latency_of(std::string what, const load_result& r) {
  figure f;
  f.what = std::move(what);
  f.value = r.p99_ms;
  f.unit = "ms";
  f.less_is_better = true;
  f.note = std::to_string(r.answers) + " requests, the middle one " +
           std::to_string(r.median_ms).substr(0, 5) + " ms";
  return f;
}

} // namespace

api::result<figures> measure_slow_clients(const context& c) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const auto n = static_cast<size_t>(c.opts.slow_clients);
  auto started = bench_cluster::start(c, 0);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& cluster = **started;
  c.log.say("healthy clients alone");
  const auto quiet = healthy(cluster, c.opts);
  if (!quiet)
    return api::fail(quiet.error());
  const auto before = resident_bytes();
  const slow_crowd crowd{cluster.port(), n};
  if (!wait_until(120s, [&] { return crowd.begun() >= n; }))
    return api::fail(api::internal_error("the slow clients do not get connected"));
  const auto held = std::max<size_t>(cluster.connections(), 1);
  const auto after = resident_bytes();
  c.log.say(std::to_string(n) + " slow clients, of which the server holds " + std::to_string(held));
  const auto busy = healthy(cluster, c.opts);
  if (!busy)
    return api::fail(busy.error());
  auto first = latency_of("GET p99, quiet", *quiet);
  auto second = latency_of("GET p99, " + std::to_string(n) + " slow clients", *busy);
  second.reference = first.value;
  second.reference_name = "quiet";
  second.target = 2 * first.value;
  second.note += "; " + std::to_string(crowd.renewed()) + " slow ones were ended and came again";
  figure memory;
  memory.what = "a connection before it is known";
  memory.value =
      static_cast<double>(std::max(after, before) - before) / 1024 / static_cast<double>(held);
  memory.unit = "KB";
  memory.target = 64;
  memory.less_is_better = true;
  memory.note = std::to_string(held) + " held; client and server are one process";
  return figures{first, second, memory};
}

} // namespace thespis::tools::bench
