#include "tools/bench/service_lab.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>

namespace thespis::tools::bench {

namespace {

using clock = std::chrono::steady_clock;

/// A request for one answer of as many bytes, and one for bytes without end.
constexpr std::array<char, 8> one{'o', 'n', 'e'};
constexpr std::array<char, 8> endless{'e', 'n', 'd'};

int must(int result, const char* what) {
  if (result < 0)
    throw std::runtime_error(std::string{what} + ": " + std::strerror(errno));
  return result;
}

void in_thread(const std::function<void()>& f) {
  std::exception_ptr failure;
  std::thread{[&] {
    try {
      f();
    } catch (...) {
      failure = std::current_exception();
    }
  }}.join();
  if (failure)
    std::rethrow_exception(failure);
}

sockaddr_in address_of(uint32_t address, uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(address);
  return a;
}

void watch(int epoll, int fd, uint32_t events) {
  epoll_event e{};
  e.events = events;
  e.data.fd = fd;
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e), "epoll");
}

/// Ends with a reset: no port waits for its time to be over.
void drop(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

/// Client connections on one thread; `f(fd, events)` handles what happens to one.
class crowd {
public:
  explicit crowd(const target& to) : to_{to}, epoll_{must(epoll_create1(EPOLL_CLOEXEC), "epoll")} {}
  ~crowd() {
    for (const auto& [fd, since] : began_)
      drop(fd);
    close(epoll_);
  }

  void open() {
    const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto a = address_of(to_.addresses[next_++ % to_.addresses.size()], to_.port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) < 0 && errno != EINPROGRESS)
      must(-1, "connect");
    began_[fd] = clock::now();
    watch(epoll_, fd, EPOLLOUT);
  }
  void want(int fd, uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &e);
  }
  double finish(int fd) {
    const std::chrono::duration<double, std::milli> took = clock::now() - began_[fd];
    began_.erase(fd);
    drop(fd);
    return took.count();
  }
  template <class Function>
  void run(double seconds, Function f) {
    const auto until = clock::now() + std::chrono::duration<double>(seconds);
    std::array<epoll_event, 64> events;
    while (clock::now() < until) {
      const int n = epoll_wait(epoll_, events.data(), events.size(), 50);
      for (int i = 0; i < n; ++i) {
        const auto& e = events[static_cast<size_t>(i)];
        if (e.events & (EPOLLERR | EPOLLHUP))
          throw std::runtime_error("a connection of the measurement broke");
        f(e.data.fd, e.events);
      }
    }
  }

private:
  const target& to_;
  int epoll_;
  size_t next_ = 0;
  std::unordered_map<int, clock::time_point> began_;
};

} // namespace

net_space::net_space() {
  in_thread([&] {
    must(unshare(CLONE_NEWNET), "cannot make a network namespace");
    fd_ = must(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open namespace");
  });
}

net_space::~net_space() {
  close(fd_);
}

void net_space::run(const std::function<void()>& f) const {
  in_thread([&] {
    must(setns(fd_, CLONE_NEWNET), "setns");
    f();
  });
}

void net_space::ip(const std::string& commands) const {
  run([&] {
    FILE* pipe = popen("ip -batch -", "w");
    if (!pipe)
      throw std::runtime_error("cannot run ip");
    std::fwrite(commands.data(), 1, commands.size(), pipe);
    if (pclose(pipe) != 0)
      throw std::runtime_error("ip failed");
  });
}

std::string net_space::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

service_lab::service_lab() {
  node.ip("link set lo up\nlink add pods type veth peer name eth0 netns " + pods.path() +
          "\nlink add client type veth peer name eth0 netns " + client.path() +
          "\naddr add 10.244.0.1/24 dev pods\naddr add 10.244.1.1/24 dev client\n"
          "link set pods up\nlink set client up\n");
  node.run([] {
    FILE* f = fopen("/proc/sys/net/ipv4/ip_forward", "w");
    if (!f || std::fputs("1", f) < 0 || std::fclose(f) != 0)
      throw std::runtime_error("cannot turn forwarding on");
  });
  std::string addresses;
  for (size_t i = 0; i < endpoints; ++i)
    addresses += "addr add " + endpoint_text(i) + "/24 dev eth0\n";
  pods.ip("link set lo up\n" + addresses + "link set eth0 up\nroute add default via 10.244.0.1\n");
  client.ip("link set lo up\naddr add 10.244.1.2/24 dev eth0\nlink set eth0 up\n"
            "route add default via 10.244.1.1\n");
  pods.run([&] {
    for (size_t i = 0; i < endpoints; ++i) {
      const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
      listeners_.push_back(fd);
      const auto a = address_of(endpoint(i), port);
      must(bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), "bind");
      must(listen(fd, 4096), "listen");
    }
  });
  wake_ = must(eventfd(0, EFD_CLOEXEC), "eventfd");
  server_ = std::thread{[this] { serve(); }};
}

service_lab::~service_lab() {
  eventfd_write(wake_, 1);
  server_.join();
  for (const int fd : listeners_)
    close(fd);
  close(wake_);
}

void service_lab::serve() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, wake_, EPOLLIN);
  for (const int fd : listeners_)
    watch(epoll, fd, EPOLLIN);
  std::unordered_map<int, bool> slow; // every connection
  std::deque<std::pair<clock::time_point, int>> due;
  const std::string piece(65536, 'x');
  const auto forget = [&](int fd) {
    slow.erase(fd);
    std::erase_if(due, [fd](const auto& d) { return d.second == fd; });
    close(fd);
  };
  std::array<epoll_event, 64> events;
  for (bool on = true; on;) {
    const int n = epoll_wait(epoll, events.data(), events.size(), due.empty() ? -1 : 1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      const auto what = events[static_cast<size_t>(i)].events;
      if (fd == wake_) {
        on = false;
      } else if (std::find(listeners_.begin(), listeners_.end(), fd) != listeners_.end()) {
        const int c = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (c < 0)
          continue;
        slow[c] = fd == listeners_.front();
        watch(epoll, c, EPOLLIN);
      } else if (what & EPOLLOUT) {
        if (send(fd, piece.data(), piece.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
          forget(fd);
      } else {
        std::array<char, 8> asked{};
        if (recv(fd, asked.data(), asked.size(), 0) <= 0) {
          forget(fd);
        } else if (asked == endless) {
          epoll_event e{};
          e.events = EPOLLIN | EPOLLOUT;
          e.data.fd = fd;
          epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
        } else if (slow[fd] && slow_ > 0) {
          due.emplace_back(clock::now() + std::chrono::milliseconds{slow_}, fd);
        } else {
          send(fd, one.data(), one.size(), MSG_NOSIGNAL);
        }
      }
    }
    while (!due.empty() && due.front().first <= clock::now()) {
      send(due.front().second, one.data(), one.size(), MSG_NOSIGNAL);
      due.pop_front();
    }
  }
  for (const auto& [fd, is_slow] : slow)
    close(fd);
  close(epoll);
}

double service_lab::connects(const target& to, double seconds, size_t at_once,
                             std::vector<double>* latencies) const {
  size_t done = 0;
  client.run([&] {
    crowd all{to};
    for (size_t i = 0; i < at_once; ++i)
      all.open();
    all.run(seconds, [&](int fd, uint32_t events) {
      if (events & EPOLLOUT) {
        send(fd, one.data(), one.size(), MSG_NOSIGNAL);
        all.want(fd, EPOLLIN);
        return;
      }
      const auto took = all.finish(fd);
      ++done;
      if (latencies)
        latencies->push_back(took);
      all.open();
    });
  });
  return static_cast<double>(done) / seconds;
}

double service_lab::requests(const target& to, double seconds, size_t open) const {
  size_t done = 0;
  client.run([&] {
    crowd all{to};
    for (size_t i = 0; i < open; ++i)
      all.open();
    all.run(seconds, [&](int fd, uint32_t events) {
      std::array<char, 8> answer;
      if (events & EPOLLOUT)
        all.want(fd, EPOLLIN);
      else if (recv(fd, answer.data(), answer.size(), 0) > 0)
        ++done;
      send(fd, one.data(), one.size(), MSG_NOSIGNAL);
    });
  });
  return static_cast<double>(done) / seconds;
}

double service_lab::throughput(const target& to, double seconds, size_t open) const {
  size_t bytes = 0;
  std::vector<char> room(262144);
  client.run([&] {
    crowd all{to};
    for (size_t i = 0; i < open; ++i)
      all.open();
    all.run(seconds, [&](int fd, uint32_t events) {
      if (events & EPOLLOUT) {
        send(fd, endless.data(), endless.size(), MSG_NOSIGNAL);
        all.want(fd, EPOLLIN);
        return;
      }
      const auto n = recv(fd, room.data(), room.size(), 0);
      bytes += n > 0 ? static_cast<size_t>(n) : 0;
    });
  });
  return static_cast<double>(bytes) / seconds / 1e6;
}

} // namespace thespis::tools::bench
