#include "proxy/net_lab.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::test {

namespace {

int must(int result, const char* what) {
  if (result < 0)
    throw std::runtime_error(std::string{what} + ": " + std::strerror(errno));
  return result;
}

/// An address of either family with a port.
struct place {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

place place_of(const std::string& ip, uint16_t port) {
  place p;
  auto& four = reinterpret_cast<sockaddr_in&>(p.storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(p.storage);
  if (inet_pton(AF_INET, ip.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    p.size = sizeof four;
  } else if (inet_pton(AF_INET6, ip.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    p.size = sizeof six;
  } else {
    throw std::runtime_error("not an address: " + ip);
  }
  return p;
}

std::string text_of(const place& p) {
  char text[INET6_ADDRSTRLEN] = {};
  if (p.family() == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(p.storage).sin_addr, text,
              sizeof text);
  else
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(p.storage).sin6_addr, text,
              sizeof text);
  return text;
}

// Runs in a new thread and passes its exception on.
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

} // namespace

net_space::net_space() {
  in_thread([&] {
    must(unshare(CLONE_NEWNET), "unshare");
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
      throw std::runtime_error("ip failed on:\n" + commands);
  });
}

void net_space::write(const std::string& path, const std::string& text) const {
  run([&] {
    std::ofstream out{path};
    out << text << std::flush;
    if (!out)
      throw std::runtime_error("cannot write " + path);
  });
}

std::string net_space::read(const std::string& path) const {
  std::string text;
  run([&] {
    std::ifstream in{path};
    std::getline(in, text);
  });
  return text;
}

std::string net_space::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

answerer::answerer(const net_space& where, std::string name, const std::string& ip, uint16_t port)
    : name_{std::move(name)} {
  auto at = place_of(ip, port);
  where.run([&] {
    tcp_ = must(socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    udp_ = must(socket(at.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    int on = 1;
    setsockopt(tcp_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    must(bind(tcp_, at.raw(), at.size), "bind");
    must(listen(tcp_, 1024), "listen");
    must(bind(udp_, at.raw(), at.size), "bind");
  });
  must(pipe2(wake_, O_CLOEXEC), "pipe");
  thread_ = std::thread{[this] { serve(); }};
}

answerer::~answerer() {
  close(wake_[1]);
  thread_.join();
  for (int fd : {tcp_, udp_, wake_[0]})
    close(fd);
}

void answerer::serve() {
  std::vector<pollfd> fds{{wake_[0], POLLIN, 0}, {tcp_, POLLIN, 0}, {udp_, POLLIN, 0}};
  char buffer[512];
  while (poll(fds.data(), fds.size(), -1) > 0) {
    if (fds[0].revents)
      break;
    place peer;
    if (fds[2].revents) {
      auto n = recvfrom(udp_, buffer, sizeof buffer, MSG_DONTWAIT, peer.raw(), &peer.size);
      auto text = name_ + " " + text_of(peer);
      if (n >= 0)
        sendto(udp_, text.data(), text.size(), 0, peer.raw(), peer.size);
    }
    for (size_t i = fds.size() - 1; i >= 3; --i) {
      if (!fds[i].revents)
        continue;
      auto n = recv(fds[i].fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n > 0) {
        send(fds[i].fd, buffer, static_cast<size_t>(n), MSG_NOSIGNAL);
      } else {
        close(fds[i].fd);
        fds.erase(fds.begin() + static_cast<long>(i));
      }
    }
    if (fds[1].revents) {
      int fd = accept4(tcp_, peer.raw(), &peer.size, SOCK_CLOEXEC);
      if (fd >= 0) {
        auto text = name_ + " " + text_of(peer);
        send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        fds.push_back({fd, POLLIN, 0});
      }
    }
  }
  for (size_t i = 3; i < fds.size(); ++i)
    close(fds[i].fd);
}

client::client(const net_space& where, kind k, const std::string& ip, uint16_t port, int timeout_ms)
    : kind_{k} {
  auto to = place_of(ip, port);
  auto connect_now = [&] {
    fd_ = must(socket(to.family(), (k == kind::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0),
               "socket");
    timeval limit{timeout_ms / 1000, timeout_ms % 1000 * 1000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd_, to.raw(), to.size) == 0)
      return;
    failure_ = errno == ECONNREFUSED                        ? "refused"
               : errno == EINPROGRESS || errno == ETIMEDOUT ? "timeout"
                                                            : std::strerror(errno);
  };
  where.run(connect_now);
}

client::~client() {
  close(fd_);
}

std::string client::ask() {
  if (!failure_.empty())
    return failure_;
  if (kind_ == kind::tcp && !greeted_) {
    greeted_ = true;
    return receive();
  }
  if (send(fd_, "echo", 4, MSG_NOSIGNAL) < 0)
    return errno == ECONNREFUSED ? "refused" : std::strerror(errno);
  return receive();
}

std::string client::receive() {
  char buffer[512];
  auto n = recv(fd_, buffer, sizeof buffer, 0);
  if (n > 0)
    return {buffer, static_cast<size_t>(n)};
  if (n == 0)
    return "closed";
  return errno == EAGAIN ? "timeout" : errno == ECONNREFUSED ? "refused" : std::strerror(errno);
}

std::string ask_tcp(const net_space& from, const std::string& ip, uint16_t port, int timeout_ms) {
  return client{from, client::kind::tcp, ip, port, timeout_ms}.ask();
}

std::string ask_udp(const net_space& from, const std::string& ip, uint16_t port, int timeout_ms) {
  return client{from, client::kind::udp, ip, port, timeout_ms}.ask();
}

std::string name_in(const std::string& answer) {
  return answer.substr(0, answer.find(' '));
}

net_lab::net_lab(int pod_count) {
  node.write("/proc/sys/net/ipv4/ip_forward", "1");
  node.write("/proc/sys/net/ipv4/conf/all/rp_filter", "1"); // the strictest a machine may be
  node.write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
  for (const auto* space : {&node, &outside})
    space->write("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); // addresses serve at once
  node.ip("link set lo up\n"
          "link add eth0 type veth peer name eth0 netns " +
          outside.path() +
          "\n"
          "addr add 192.168.77.1/24 dev eth0\n"
          "addr add fd77::1/64 dev eth0 nodad\n"
          "link set eth0 up\n"
          "route add default via 192.168.77.2\n"
          "route add default via fd77::2\n");
  outside.ip("addr add 192.168.77.2/24 dev eth0\naddr add fd77::2/64 dev eth0 nodad\n"
             "link set eth0 up\n");
  for (int i = 0; i < pod_count; ++i) {
    auto& pod = *pods.emplace_back(std::make_unique<net_space>());
    auto ip = pod_ip(static_cast<size_t>(i));
    auto ip6 = pod_ip6(static_cast<size_t>(i));
    pod.write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    auto link = "veth" + std::to_string(i);
    node.ip("link add " + link + " type veth peer name eth0 netns " + pod.path() +
            "\naddr add 10.244.0.1/32 dev " + link + "\naddr add fd10:244::1/128 nodad dev " +
            link + "\nlink set " + link + " up\nroute add " + ip + "/32 dev " + link +
            "\nroute add " + ip6 + "/128 dev " + link + "\n");
    pod.ip("link set lo up\naddr add " + ip +
           "/32 dev eth0\nlink set eth0 up\nroute add 10.244.0.1 dev eth0\nroute add default via "
           "10.244.0.1\naddr add " +
           ip6 +
           "/128 dev eth0 nodad\nroute add fd10:244::1 dev eth0\nroute add default via "
           "fd10:244::1\n");
    for (const auto& at : {ip, ip6})
      answerers_.push_back(
          std::make_unique<answerer>(pod, "web-" + std::to_string(i), at, uint16_t{8080}));
  }
}

bool may_make_net_spaces() {
  try {
    net_space probe;
    probe.ip("link set lo up\n");
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

} // namespace thespis::test
