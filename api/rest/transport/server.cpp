#include "api/rest/transport/server.hpp"

#include "api/rest/transport/connection.hpp"
#include "api/rest/transport/cpprest.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <spdlog/spdlog.h>

#include <condition_variable>

namespace thespis::api::transport {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds accept_pause{100}; // when out of descriptors
constexpr uint64_t prune_every = 1024;                 // accepted connections
constexpr std::chrono::milliseconds drain_poll{20};

/// Owner: whoever holds the server. The acceptor lives on the first worker's thread and deals new
/// connections to all workers in turn.
class server_impl final : public server {
public:
  server_impl(transport_options options, early_hook hook)
      : options_{std::move(options)}, shared_{std::make_shared<server_shared>()} {
    shared_->limits = options_.limits;
    auto& rate = shared_->limits.body_bytes_per_second;
    rate = std::max<size_t>(1, rate);
    shared_->hook = std::move(hook);
  }
  ~server_impl() override { stop(std::chrono::milliseconds{0}); }

  result<void> open() {
    if (auto tls = reload_tls(options_.tls); !tls)
      return tls;
    if (auto installed = install(); !installed)
      return installed;
    auto threads = std::max(1u, options_.io_threads);
    for (unsigned i = 0; i < threads; ++i) {
      auto w = std::make_shared<worker>(shared_);
      w->max_connections = std::max<size_t>(1, options_.limits.max_connections / threads);
      w->max_handshakes = std::max<size_t>(1, options_.limits.max_handshakes / threads);
      workers_.push_back(std::move(w));
    }
    if (auto bound = bind(); !bound)
      return bound;
    shared_->dispatch = [listeners = listeners_of(authority())](auto& request, auto path) {
      call_listener(*listeners, request, path);
    };
    for (auto& w : workers_)
      w->run();
    workers_[0]->post([this] { accept(); });
    return {};
  }

  uint16_t port() const override { return port_; }
  std::string base_uri() const override {
    return (options_.tls.certificate.empty() ? "http://" : "https://") + authority() + "/";
  }

  result<void> reload_tls(const tls_material& material) override {
    std::shared_ptr<const tls_context> next;
    if (!material.certificate.empty()) {
      auto made = tls_context::make(material);
      if (!made)
        return fail(made.error());
      next = std::move(*made);
    } else if (!options_.tls.certificate.empty()) {
      return fail(bad_request("a server with TLS cannot go on without a certificate"));
    }
    std::atomic_store(&tls_, std::move(next));
    return {};
  }

  void stop(std::chrono::milliseconds grace) override;
  server_stats stats() const override;

private:
  result<void> bind();
  void accept();
  void accepted(const std::shared_ptr<worker>& on, tcp::socket socket);
  std::string authority() const {
    bool v6 = options_.address.find(':') != options_.address.npos;
    return (v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(port_);
  }

  const transport_options options_;
  const std::shared_ptr<server_shared> shared_;
  std::shared_ptr<const tls_context> tls_; ///< atomic_load and atomic_store only
  std::vector<std::shared_ptr<worker>> workers_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> pause_;
  uint16_t port_ = 0;
  size_t next_worker_ = 0;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

result<void> server_impl::bind() {
  error_code ec;
  auto address = asio::ip::make_address(options_.address, ec);
  if (ec)
    return fail(bad_request("\"" + options_.address + "\" is not an IP address to listen on"));
  tcp::endpoint at{address, options_.port};
  acceptor_ = std::make_unique<tcp::acceptor>(workers_[0]->io);
  pause_ = std::make_unique<asio::steady_timer>(workers_[0]->io);
  acceptor_->open(at.protocol(), ec);
  if (!ec)
    acceptor_->set_option(tcp::acceptor::reuse_address{true}, ec);
  if (!ec && address.is_v6())
    acceptor_->set_option(asio::ip::v6_only{false}, ec);
  if (!ec)
    acceptor_->bind(at, ec);
  if (!ec)
    acceptor_->listen(4096, ec);
  if (ec) {
    return fail(reason::service_unavailable, "cannot listen on " + options_.address + ":" +
                                                 std::to_string(options_.port) + ": " +
                                                 ec.message());
  }
  port_ = acceptor_->local_endpoint().port();
  return {};
}

void server_impl::accept() {
  auto on = workers_[next_worker_++ % workers_.size()];
  acceptor_->async_accept(on->io, [this, on](error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || !acceptor_->is_open())
      return;
    if (!ec) {
      accepted(on, std::move(socket));
      accept();
      return;
    }
    // Out of descriptors, most likely: accepting at once would only spin.
    spdlog::warn("http transport: cannot accept: {}", ec.message());
    pause_->expires_after(accept_pause);
    pause_->async_wait([this](error_code cancelled) {
      if (!cancelled)
        accept();
    });
  });
}

void server_impl::accepted(const std::shared_ptr<worker>& on, tcp::socket socket) {
  auto number = ++shared_->count.accepted;
  if (number % prune_every == 0)
    shared_->peers.prune();
  error_code ec;
  auto remote = socket.remote_endpoint(ec);
  if (ec)
    return;
  socket.set_option(tcp::no_delay{true}, ec);
  peer_identity peer;
  peer.address = remote.address().to_string();
  peer.port = remote.port();
  on->dispatch([w = on, tls = std::atomic_load(&tls_), peer = std::move(peer),
                s = std::make_shared<tcp::socket>(std::move(socket))]() mutable {
    if (w->size() >= w->max_connections || w->shared->stopping)
      return;
    std::make_shared<connection>(w, std::move(*s), std::move(tls), std::move(peer))->start();
  });
}

void server_impl::stop(std::chrono::milliseconds grace) {
  std::lock_guard lock{stop_mutex_};
  if (std::exchange(stopped_, true) || workers_.empty())
    return;
  shared_->stopping = true;
  workers_[0]->post([this] {
    error_code ignored;
    if (acceptor_)
      acceptor_->close(ignored);
    if (pause_)
      pause_->cancel();
  });
  for (auto& w : workers_)
    w->post([w = w.get()] { w->shut_down(false); });
  auto until = steady::now() + grace;
  auto busy = [this] {
    for (auto& w : workers_)
      if (w->approximate_size() > 0)
        return true;
    return false;
  };
  std::mutex idle;
  std::condition_variable never;
  std::unique_lock waiting{idle};
  while (busy() && steady::now() < until)
    never.wait_for(waiting, drain_poll);
  for (auto& w : workers_)
    w->finish();
  acceptor_.reset();
  pause_.reset();
}

server_stats server_impl::stats() const {
  auto& c = shared_->count;
  return {c.accepted,  c.requests,    c.handshakes_failed, c.refused,
          c.timed_out, c.connections, c.streams,           c.upgraded};
}

} // namespace

result<std::shared_ptr<server>> server::start(transport_options options, early_hook hook) {
  auto impl = std::make_shared<server_impl>(std::move(options), std::move(hook));
  if (auto opened = impl->open(); !opened)
    return fail(opened.error());
  return std::shared_ptr<server>{std::move(impl)};
}

} // namespace thespis::api::transport
