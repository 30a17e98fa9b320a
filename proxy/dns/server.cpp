#include "proxy/dns/server.hpp"

#include "proxy/dns/asker.hpp"
#include "proxy/dns/tcp_session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstring>
#include <ifaddrs.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <thread>

namespace thespis::proxy::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr size_t batch = 64;
/// Larger queries than this over UDP are cut, and refused as malformed.
constexpr size_t max_query = 1232;
/// Ports to try before UDP and TCP are both free on one.
constexpr int port_attempts = 16;
constexpr std::chrono::milliseconds accept_pause{100};
constexpr int receive_buffer = 1 << 20;

/// An address of either family, as system calls take it.
union socket_address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

api::ip_address ip_of(const socket_address& from) {
  if (from.any.sa_family != AF_INET6)
    return api::ip_address::v4(ntohl(from.v4.sin_addr.s_addr));
  std::array<uint8_t, 16> bytes;
  std::copy_n(from.v6.sin6_addr.s6_addr, bytes.size(), bytes.begin());
  return api::ip_address::v6(bytes);
}

api::ip_address ip_of(const asio::ip::address& from) {
  return from.is_v4() ? api::ip_address::v4(from.to_v4().to_uint())
                      : api::ip_address::v6(from.to_v6().to_bytes());
}

/// This machine's own addresses.
std::set<api::ip_address> own_addresses() {
  std::set<api::ip_address> res;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0)
    return res;
  for (auto* i = all; i; i = i->ifa_next)
    if (i->ifa_addr && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6)) {
      socket_address own{};
      std::memcpy(&own, i->ifa_addr,
                  i->ifa_addr->sa_family == AF_INET ? sizeof own.v4 : sizeof own.v6);
      res.insert(ip_of(own));
    }
  ::freeifaddrs(all);
  return res;
}

/// Messages that one system call takes or gives.
struct datagrams {
  std::array<std::array<char, max_query>, batch> bytes;
  std::array<socket_address, batch> peers;
  std::array<iovec, batch> parts;
  std::array<mmsghdr, batch> heads;

  void prepare_receive() {
    for (size_t i = 0; i < batch; ++i) {
      parts[i] = {bytes[i].data(), bytes[i].size()};
      heads[i] = {};
      heads[i].msg_hdr.msg_iov = &parts[i];
      heads[i].msg_hdr.msg_iovlen = 1;
      heads[i].msg_hdr.msg_name = &peers[i];
      heads[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
  }
};

} // namespace

class server::impl {
public:
  explicit impl(server_options o)
      : options_(std::move(o)), responder_(options_.zone), udp_(io_), acceptor_(io_), pause_(io_),
        asker_(io_, options_.upstreams, options_.random_id), own_(own_addresses()) {}

  ~impl() {
    io_.stop();
    if (thread_.joinable())
      thread_.join();
  }

  api::result<void> bind() {
    error_code e;
    const auto address = asio::ip::make_address(options_.address, e);
    for (int i = 0; !e && i < port_attempts; ++i) {
      udp_.open(address.is_v4() ? udp::v4() : udp::v6(), e);
      if (!e)
        udp_.bind({address, options_.port}, e);
      if (e)
        break;
      port_ = udp_.local_endpoint().port();
      acceptor_.open(address.is_v4() ? tcp::v4() : tcp::v6(), e);
      acceptor_.set_option(tcp::acceptor::reuse_address(true), e);
      acceptor_.bind({address, port_}, e);
      if (!e)
        acceptor_.listen(asio::socket_base::max_listen_connections, e);
      if (!e)
        break;
      error_code ignored;
      udp_.close(ignored);
      acceptor_.close(ignored);
      if (options_.port != 0)
        break;
      if (i + 1 < port_attempts)
        e = {};
    }
    if (e)
      return api::fail(api::internal_error("cannot serve DNS on " + options_.address + ":" +
                                           std::to_string(options_.port) + ": " + e.message()));
    error_code ignored;
    udp_.non_blocking(true, ignored);
    udp_.set_option(asio::socket_base::receive_buffer_size(receive_buffer), ignored);
    return {};
  }

  void run() {
    wait();
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  uint16_t port() const { return port_; }

  void change(std::function<void(zone&)> change) {
    asio::post(io_, [this, change = std::move(change)] { responder_.change(change); });
  }

  responder_counters counters() const {
    return {queries_.load(std::memory_order_relaxed), kept_.load(std::memory_order_relaxed),
            own_answers_.load(std::memory_order_relaxed),
            forwarded_.load(std::memory_order_relaxed), bad_.load(std::memory_order_relaxed)};
  }

private:
  bool serves(const api::ip_address& address) const {
    if (address.is_loopback() || own_.contains(address))
      return true;
    for (const auto& range : options_.clients)
      if (range.contains(address))
        return true;
    return false;
  }

  void wait() {
    udp_.async_wait(udp::socket::wait_read, [this](error_code e) {
      if (e)
        return;
      // A few batches, then others get a turn.
      for (int i = 0; i < 4 && take_batch(); ++i) {
      }
      publish();
      wait();
    });
  }

  /// False when nothing more waits.
  bool take_batch() {
    in_.prepare_receive();
    const int n = ::recvmmsg(udp_.native_handle(), in_.heads.data(), batch, MSG_DONTWAIT, nullptr);
    if (n <= 0)
      return false;
    const auto now = std::chrono::steady_clock::now();
    size_t out = 0;
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      if (!serves(ip_of(in_.peers[at])))
        continue;
      const std::string_view request{in_.bytes[at].data(), in_.heads[at].msg_len};
      auto said = responder_.handle(request, transport::udp, now);
      if (auto* bytes = std::get_if<std::string>(&said)) {
        answers_[out] = std::move(*bytes);
        answer_part(out, in_.peers[at]);
        ++out;
      } else if (auto* ask = std::get_if<ask_others>(&said)) {
        forward(std::string{request}, transport::udp, std::move(*ask),
                [this, peer = in_.peers[at]](std::string bytes) {
                  ::sendto(udp_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                           &peer.any, size_of(peer));
                });
      }
    }
    // What the socket has no room for is lost, as datagrams are; clients ask again.
    for (size_t sent = 0; sent < out;) {
      const int k = ::sendmmsg(udp_.native_handle(), out_heads_.data() + sent,
                               static_cast<unsigned>(out - sent), MSG_DONTWAIT);
      if (k <= 0)
        break;
      sent += static_cast<size_t>(k);
    }
    return n == static_cast<int>(batch);
  }

  static socklen_t size_of(const socket_address& a) {
    return a.any.sa_family == AF_INET6 ? sizeof a.v6 : sizeof a.v4;
  }

  void answer_part(size_t i, const socket_address& peer) {
    out_peers_[i] = peer;
    out_parts_[i] = {answers_[i].data(), answers_[i].size()};
    out_heads_[i] = {};
    out_heads_[i].msg_hdr.msg_iov = &out_parts_[i];
    out_heads_[i].msg_hdr.msg_iovlen = 1;
    out_heads_[i].msg_hdr.msg_name = &out_peers_[i];
    out_heads_[i].msg_hdr.msg_namelen = size_of(out_peers_[i]);
  }

  void forward(std::string request, transport via, ask_others ask, reply_to reply) {
    auto sent = ask.request;
    auto done = [this, request, via, ask = std::move(ask), reply](std::string_view their) {
      reply(responder_.finish(request, via, ask, their, std::chrono::steady_clock::now()));
    };
    if (!asker_.ask(std::move(sent), via, std::move(done)))
      reply(encode_failure(request,
                           options_.upstreams.empty() ? rcode::refused : rcode::server_failure));
  }

  void accept() {
    acceptor_.async_accept([this](error_code e, tcp::socket socket) {
      if (e == asio::error::operation_aborted)
        return;
      if (!e) {
        admit(std::move(socket));
        accept();
        return;
      }
      // Out of descriptors: the next attempt would fail just as fast.
      pause_.expires_after(accept_pause);
      pause_.async_wait([this](error_code e2) {
        if (!e2)
          accept();
      });
    });
  }

  void admit(tcp::socket socket) {
    error_code e;
    const auto peer = socket.remote_endpoint(e);
    if (e || connections_ >= max_connections || !serves(ip_of(peer.address())))
      return;
    ++connections_;
    std::shared_ptr<void> alive(nullptr, [this](void*) { --connections_; });
    std::make_shared<tcp_session>(
        std::move(socket),
        [this](std::string request, reply_to reply) {
          auto said = responder_.handle(request, transport::tcp, std::chrono::steady_clock::now());
          if (auto* bytes = std::get_if<std::string>(&said))
            reply(std::move(*bytes));
          else if (auto* ask = std::get_if<ask_others>(&said))
            forward(std::move(request), transport::tcp, std::move(*ask), std::move(reply));
          publish();
        },
        std::move(alive))
        ->start();
  }

  void publish() {
    const auto& c = responder_.counters();
    queries_.store(c.queries, std::memory_order_relaxed);
    kept_.store(c.kept, std::memory_order_relaxed);
    own_answers_.store(c.own, std::memory_order_relaxed);
    forwarded_.store(c.forwarded, std::memory_order_relaxed);
    bad_.store(c.bad, std::memory_order_relaxed);
  }

  server_options options_;
  responder responder_;
  size_t connections_ = 0; ///< outlives the sessions that io_ holds
  asio::io_context io_{1};
  udp::socket udp_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asker asker_;
  std::set<api::ip_address> own_;
  uint16_t port_ = 0;
  datagrams in_;
  std::array<std::string, batch> answers_;
  std::array<socket_address, batch> out_peers_;
  std::array<iovec, batch> out_parts_;
  std::array<mmsghdr, batch> out_heads_;
  std::atomic<uint64_t> queries_{0}, kept_{0}, own_answers_{0}, forwarded_{0}, bad_{0};
  std::thread thread_;
};

server::server(std::unique_ptr<impl> p) : impl_(std::move(p)) {}
server::~server() = default;

api::result<std::unique_ptr<server>> server::start(server_options options) {
  auto p = std::make_unique<impl>(std::move(options));
  if (auto bound = p->bind(); !bound)
    return api::fail(std::move(bound.error()));
  p->run();
  return std::unique_ptr<server>{new server{std::move(p)}};
}

uint16_t server::port() const {
  return impl_->port();
}

void server::change(std::function<void(zone&)> change) {
  impl_->change(std::move(change));
}

responder_counters server::counters() const {
  return impl_->counters();
}

std::vector<upstream> upstreams_of(std::string_view resolv_conf,
                                   const std::vector<std::string>& except) {
  std::vector<upstream> res;
  std::istringstream in{std::string{resolv_conf}};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::string key, address;
    words >> key >> address;
    if (key == "nameserver" && api::parse_ip(address) &&
        std::find(except.begin(), except.end(), address) == except.end())
      res.push_back({address, 53});
  }
  return res;
}

} // namespace thespis::proxy::dns
