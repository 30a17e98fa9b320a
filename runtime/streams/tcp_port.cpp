#include "runtime/streams/tcp_port.hpp"

#include "api/error.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <mutex>
#include <thread>
#include <vector>

namespace thespis::runtime {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

api::error unavailable(const error_code& ec) {
  return api::make_error(api::reason::service_unavailable, ec.message());
}

} // namespace

namespace {

class tcp_port;

} // namespace

/// Lives as long as a port does, that none is left without it.
struct tcp_thread::impl {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::mutex mutex;
  std::vector<std::weak_ptr<tcp_port>> ports;
  bool stopped = false;
  std::thread thread;

  /// Drops `f` once the thread has ended.
  template <class F>
  void post(F f) {
    const std::lock_guard lock{mutex};
    if (!stopped)
      asio::post(io, std::move(f));
  }
};

namespace {

/// All that touches the socket runs on the thread.
class tcp_port final : public stream_port, public std::enable_shared_from_this<tcp_port> {
public:
  explicit tcp_port(std::shared_ptr<tcp_thread::impl> on) : on_(std::move(on)), socket_(on_->io) {}

  tcp::socket& socket() { return socket_; }

  void read(size_t max, read_handler f) override {
    on_->post([self = shared_from_this(), max, f = std::move(f)]() mutable {
      self->buffer_.resize(max);
      self->socket_.async_read_some(asio::buffer(self->buffer_),
                                    [self, f = std::move(f)](error_code ec, size_t n) {
                                      if (ec == asio::error::eof)
                                        f(std::nullopt);
                                      else if (ec)
                                        f(api::fail(unavailable(ec)));
                                      else
                                        f(std::optional{self->buffer_.substr(0, n)});
                                    });
    });
  }

  void write(std::string bytes, write_handler f) override {
    on_->post([self = shared_from_this(), bytes = std::move(bytes), f = std::move(f)]() mutable {
      auto owned = std::make_shared<const std::string>(std::move(bytes));
      asio::async_write(self->socket_, asio::buffer(*owned),
                        [self, owned, f = std::move(f)](error_code ec, size_t) {
                          if (ec)
                            f(api::fail(unavailable(ec)));
                          else
                            f({});
                        });
    });
  }

  void end_write() override {
    on_->post([self = shared_from_this()] {
      error_code ignored;
      self->socket_.shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  void close(const std::optional<api::error>&) override {
    on_->post([self = shared_from_this()] { self->cut(); });
  }

  void cut() {
    error_code ignored;
    socket_.close(ignored);
  }

private:
  const std::shared_ptr<tcp_thread::impl> on_;
  tcp::socket socket_;
  std::string buffer_;
};

} // namespace

tcp_thread::tcp_thread() : impl_(std::make_shared<impl>()) {
  impl_->thread = std::thread{[i = impl_.get()] { i->io.run(); }};
}

tcp_thread::~tcp_thread() {
  // What is under way ends with its connection, and nothing more begins.
  impl_->post([i = impl_.get()] {
    for (const auto& weak : i->ports)
      if (const auto port = weak.lock())
        port->cut();
  });
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->stopped = true;
  }
  impl_->work.reset();
  impl_->thread.join();
}

void tcp_thread::connect(const std::string& address, uint16_t port, stream_sources::opened done) {
  error_code ec;
  const auto ip = asio::ip::make_address(address, ec);
  if (ec)
    return done(api::fail(unavailable(ec)));
  auto made = std::make_shared<tcp_port>(impl_);
  impl_->post([i = impl_.get(), made, to = tcp::endpoint{ip, port}, done = std::move(done)] {
    std::erase_if(i->ports, [](const auto& weak) { return weak.expired(); });
    i->ports.push_back(made);
    made->socket().async_connect(to, [made, done](error_code failed) {
      if (failed)
        return done(api::fail(unavailable(failed)));
      error_code ignored;
      made->socket().set_option(tcp::no_delay{true}, ignored);
      done(std::shared_ptr<stream_port>{made});
    });
  });
}

} // namespace thespis::runtime
