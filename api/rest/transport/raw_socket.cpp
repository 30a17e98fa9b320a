#include "api/rest/transport/raw_socket.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace thespis::api::transport {

namespace asio = boost::asio;

namespace {

constexpr size_t buffer_bytes = 32 * 1024;
constexpr int turns_a_drive = 32; // before others on the thread get theirs

} // namespace

raw_core::raw_core(std::shared_ptr<worker> on, std::shared_ptr<channel> c, std::string already_read,
                   peer_identity peer)
    : worker_{std::move(on)}, channel_{std::move(c)}, peer_{std::move(peer)},
      already_read_{std::move(already_read)} {
  ++worker_->shared->count.upgraded;
}

raw_core::~raw_core() {
  --worker_->shared->count.upgraded;
}

void raw_core::start() {
  channel_->set_owner(weak_from_this());
  worker_->add(self());
}

void raw_core::on_readable(error_code ec) {
  readable_ = true;
  if (ec)
    read_error_ = ec;
  drive();
}

void raw_core::on_written(error_code ec) {
  written_ = true;
  write_error_ = ec;
  drive();
}

void raw_core::read(raw_stream::read_handler f) {
  reader_ = std::move(f);
  drive();
}

void raw_core::write(payload bytes, raw_stream::write_handler f) {
  writer_ = std::move(f);
  outgoing_ = std::move(bytes);
  if (closed_) {
    written_ = true;
    write_error_ = asio::error::operation_aborted;
  } else {
    channel_->pieces().assign(outgoing_.begin(), outgoing_.end());
    written_ = channel_->write(write_error_);
  }
  drive();
}

void raw_core::drive() {
  if (driving_)
    return;
  auto alive = shared_from_this();
  driving_ = true;
  int turns = 0;
  while (deliver())
    if (++turns == turns_a_drive) {
      worker_->post([c = self()] { c->drive(); });
      break;
    }
  driving_ = false;
}

// Calls one handler that is due. False when none is.
bool raw_core::deliver() {
  if (written_ && writer_) {
    written_ = false;
    outgoing_ = {};
    auto f = std::exchange(writer_, {});
    f(write_error_);
    return true;
  }
  return reader_ && deliver_input();
}

bool raw_core::deliver_input() {
  if (closed_)
    read_error_ = asio::error::operation_aborted;
  if (!closed_ && !already_read_.empty()) {
    auto bytes = std::exchange(already_read_, {});
    std::exchange(reader_, {})({}, bytes);
    return true;
  }
  if (read_error_) {
    std::exchange(reader_, {})(read_error_, {});
    return true;
  }
  if (!readable_ && !channel_->has_buffered()) {
    channel_->wait_readable();
    return false;
  }
  if (!buffer_)
    buffer_ = std::make_unique<char[]>(buffer_bytes);
  error_code ec;
  size_t n = channel_->read_now(buffer_.get(), buffer_bytes, ec);
  if (ec == asio::error::would_block) {
    readable_ = false;
    return true;
  }
  if (ec) {
    read_error_ = ec;
    return true;
  }
  std::exchange(reader_, {})({}, {buffer_.get(), n});
  return true;
}

void raw_core::shutdown_write() {
  if (!closed_)
    channel_->shutdown_write();
}

void raw_core::close() {
  if (closed_)
    return;
  closed_ = true;
  channel_->close();
  timers_.clear();
  if (writer_) {
    written_ = true;
    write_error_ = asio::error::operation_aborted;
  }
  worker_->post([c = self()] {
    c->drive();
    c->worker_->remove(c.get());
  });
}

void raw_core::take(const std::function<void(taken_socket)>& f) {
  if (closed_)
    return;
  closed_ = true;
  timers_.clear();
  auto socket = channel_->release();
  socket.already_read = std::exchange(already_read_, {});
  worker_->post([c = self()] { c->worker_->remove(c.get()); });
  f(std::move(socket));
}

void raw_core::after(std::chrono::milliseconds delay, std::function<void()> f) {
  if (!closed_)
    timers_.emplace_back(worker_->now() + delay, std::move(f));
}

void raw_core::check(steady::time_point now) {
  std::vector<std::function<void()>> due;
  std::erase_if(timers_, [&](auto& timer) {
    if (timer.first > now)
      return false;
    due.push_back(std::move(timer.second));
    return true;
  });
  for (auto& f : due)
    f();
}

void raw_core::shut_down(bool at_once) {
  if (at_once)
    close();
}

std::shared_ptr<raw_stream> raw_socket::adopt(std::shared_ptr<worker> on,
                                              std::shared_ptr<channel> c, std::string already_read,
                                              peer_identity peer) {
  auto core = std::make_shared<raw_core>(std::move(on), std::move(c), std::move(already_read),
                                         std::move(peer));
  core->start();
  return std::make_shared<raw_socket>(std::move(core));
}

void raw_socket::read(read_handler f) {
  core_->io()->dispatch([c = core_, f = std::move(f)]() mutable { c->read(std::move(f)); });
}

void raw_socket::write(payload bytes, write_handler f) {
  core_->io()->dispatch([c = core_, bytes = std::move(bytes), f = std::move(f)]() mutable {
    c->write(std::move(bytes), std::move(f));
  });
}

void raw_socket::shutdown_write() {
  core_->io()->dispatch([c = core_] { c->shutdown_write(); });
}

void raw_socket::close() {
  core_->io()->dispatch([c = core_] { c->close(); });
}

void raw_socket::take(std::function<void(taken_socket)> f) {
  core_->io()->dispatch([c = core_, f = std::move(f)] { c->take(f); });
}

void raw_socket::post_after(std::chrono::milliseconds delay, std::function<void()> f) {
  core_->io()->dispatch(
      [c = core_, delay, f = std::move(f)]() mutable { c->after(delay, std::move(f)); });
}

namespace {

using connect_handler = std::function<void(error_code, std::shared_ptr<raw_stream>)>;
using generic = asio::generic::stream_protocol;

/// A connect under way; registered with the worker so that its deadline and the server's end
/// reach it.
class connector final : public channel_owner {
public:
  connector(std::shared_ptr<worker> on, std::chrono::milliseconds timeout, connect_handler f)
      : worker_{std::move(on)}, socket_{worker_->io}, deadline_{worker_->now() + timeout},
        handler_{std::move(f)} {}

  void start(const generic::endpoint& to, peer_identity peer) {
    peer_ = std::move(peer);
    auto me = std::static_pointer_cast<connector>(shared_from_this());
    worker_->add(me);
    socket_.async_connect(to, [me](error_code ec) { me->finished(ec); });
  }
  void on_readable(error_code) override {}
  void on_written(error_code) override {}
  void check(steady::time_point now) override {
    if (now >= deadline_)
      shut_down(true);
  }
  void shut_down(bool at_once) override {
    error_code ignored;
    timed_out_ = true;
    if (at_once)
      socket_.close(ignored);
  }

private:
  void finished(error_code ec) {
    worker_->remove(this);
    auto f = std::exchange(handler_, {});
    if (ec == asio::error::operation_aborted && timed_out_)
      ec = asio::error::timed_out;
    if (ec) {
      f(ec, nullptr);
      return;
    }
    error_code ignored;
    if (!peer_.address.empty())
      socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    auto c = std::make_shared<channel>(std::move(socket_), nullptr);
    f({}, raw_socket::adopt(worker_, std::move(c), {}, peer_));
  }

  const std::shared_ptr<worker> worker_;
  generic::socket socket_;
  const steady::time_point deadline_;
  connect_handler handler_;
  peer_identity peer_;
  bool timed_out_ = false;
};

error_code resolve(const endpoint& to, generic::endpoint& out) {
  if (!to.unix_path.empty()) {
    if (to.unix_path.size() >= sizeof(sockaddr_un::sun_path))
      return asio::error::name_too_long;
    out = asio::local::stream_protocol::endpoint{to.unix_path};
    return {};
  }
  error_code ec;
  auto address = asio::ip::make_address(to.address, ec);
  if (!ec)
    out = asio::ip::tcp::endpoint{address, to.port};
  return ec;
}

} // namespace

void connect(const std::shared_ptr<raw_stream>& beside, const endpoint& to,
             std::chrono::milliseconds timeout, connect_handler f) {
  auto* socket = dynamic_cast<raw_socket*>(beside.get());
  if (socket == nullptr) {
    f(asio::error::operation_not_supported, nullptr);
    return;
  }
  socket->io()->post([on = socket->io(), to, timeout, f = std::move(f)]() mutable {
    generic::endpoint where;
    if (auto ec = resolve(to, where)) {
      f(ec, nullptr);
      return;
    }
    peer_identity peer;
    peer.address = to.unix_path.empty() ? to.address : std::string{};
    peer.port = to.port;
    std::make_shared<connector>(on, timeout, std::move(f))->start(where, std::move(peer));
  });
}

} // namespace thespis::api::transport
