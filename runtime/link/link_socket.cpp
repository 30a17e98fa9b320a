#include "runtime/link/link_socket.hpp"

#include <caf/all.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>

#include <sys/socket.h>
#include <unistd.h>

namespace thespis::runtime::link {

namespace {

using namespace std::chrono_literals;
using caf::io::network::native_socket;
using caf::io::network::rw_state;

constexpr size_t record_bytes = 16 * 1024;
/// What a peer may leave unread before it is given up.
constexpr size_t max_unsent = 128u << 20u;
constexpr auto handshake_deadline = 15s;

} // namespace

link_socket::~link_socket() {
  tls.reset();
  if (fd >= 0)
    ::close(fd);
}

std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> link_socket::peer_expires() const {
  const std::unique_ptr<X509, decltype(&X509_free)> shown{
      tls ? SSL_get1_peer_certificate(tls.get()) : nullptr, X509_free};
  tm when{};
  if (!shown || ASN1_TIME_to_tm(X509_get0_notAfter(shown.get()), &when) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&when));
}

link_state::link_state(side at, guard_limits limits,
                       std::function<bool(const caf::node_id&)> on_peer,
                       std::function<void(const std::string&)> on_end)
    : guard_(at, limits, [this](std::string_view payload) { return shake(*system_, payload); }),
      on_peer_(std::move(on_peer)), on_end_(std::move(on_end)) {}

link_state::~link_state() {
  finish();
}

void link_state::close(const std::string& why) {
  const std::lock_guard lock{mutex_};
  if (why_.empty())
    why_ = why;
  if (fd_ >= 0)
    ::shutdown(fd_, SHUT_RDWR);
}

link_counters link_state::counters() const {
  return {received_messages_, received_bytes_, sent_messages_, sent_bytes_, dropped_};
}

std::string link_state::shake(caf::actor_system& sys, std::string_view payload) {
  caf::node_id peer;
  caf::binary_deserializer source{sys, payload.data(), payload.size()};
  if (source(peer) || !peer || peer == sys.node() || (on_peer_ && !on_peer_(peer)))
    return {};
  std::vector<char> ends;
  caf::binary_serializer sink{sys, ends};
  auto own = sys.node();
  return sink(peer, own) ? std::string{} : std::string{ends.begin(), ends.end()};
}

void link_state::publish_counters() {
  received_messages_.store(guard_.messages(), std::memory_order_relaxed);
  received_bytes_.store(guard_.received_bytes(), std::memory_order_relaxed);
  sent_messages_.store(guard_.sent_messages(), std::memory_order_relaxed);
  sent_bytes_.store(guard_.sent_bytes(), std::memory_order_relaxed);
  dropped_.store(guard_.dropped(), std::memory_order_relaxed);
}

void link_state::note_end(const std::string& why) {
  const std::lock_guard lock{mutex_};
  if (why_.empty())
    why_ = why;
}

void link_state::finish() {
  std::string why;
  {
    const std::lock_guard lock{mutex_};
    fd_ = -1;
    why = why_.empty() ? "the connection ended" : why_;
  }
  if (auto f = std::exchange(on_end_, nullptr))
    f(why);
}

/// Encrypts and decrypts on the actor framework's I/O thread, so that a message takes no further
/// thread on its way, and lets the guard look at what comes.
class link_stream {
public:
  link_stream(std::shared_ptr<SSL> tls, std::shared_ptr<link_state> state)
      : tls_(std::move(tls)), state_(std::move(state)) {}
  link_stream(const link_stream&) = delete;
  ~link_stream() { state_->finish(); }

  static void admit(link_state& state, caf::actor_id actor) { state.guard_.admit(actor); }

  static void attach(link_state& state, caf::actor_system& sys, int fd) {
    state.system_ = &sys;
    const std::lock_guard lock{state.mutex_};
    state.fd_ = fd;
  }

  rw_state read_some(size_t& result, native_socket, void* into, size_t size) {
    result = 0;
    if (!refill())
      return rw_state::failure;
    result = std::min(size, passed_.size() - taken_);
    std::memcpy(into, passed_.data() + taken_, result);
    taken_ += result;
    return rw_state::success;
  }

  rw_state write_some(size_t& result, native_socket, const void* bytes, size_t size) {
    result = 0;
    if (size == 0)
      return rw_state::indeterminate;
    ERR_clear_error();
    if (SSL_write_ex(tls_.get(), bytes, size, &result) == 1) {
      state_->guard_.sent({static_cast<const char*>(bytes), result});
      state_->publish_counters();
      return rw_state::success;
    }
    result = 0;
    return ended(0) ? rw_state::failure : rw_state::success;
  }

  /// Whether there is something that the socket will not report any more.
  bool must_read_more(native_socket, size_t) const {
    return taken_ < passed_.size() || SSL_has_pending(tls_.get()) == 1;
  }

private:
  /// Reads until there is something to deliver or nothing to read. False when the link is over.
  bool refill() {
    if (taken_ < passed_.size())
      return true;
    passed_.clear();
    taken_ = 0;
    while (passed_.empty()) {
      size_t n = 0;
      ERR_clear_error();
      const int r = SSL_read_ex(tls_.get(), buffer_, sizeof buffer_, &n);
      if (r != 1)
        return !ended(r);
      auto why = state_->guard_.take({buffer_, n}, passed_, std::chrono::steady_clock::now());
      state_->publish_counters();
      if (!why.empty()) {
        state_->note_end(why);
        return false;
      }
    }
    return true;
  }

  /// After a call that did not get anywhere: whether it never will.
  bool ended(int r) {
    const int why = SSL_get_error(tls_.get(), r);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
      return false;
    ERR_clear_error();
    return true;
  }

  const std::shared_ptr<SSL> tls_;
  const std::shared_ptr<link_state> state_;
  std::vector<char> passed_; ///< messages that may pass
  size_t taken_ = 0;
  char buffer_[record_bytes];
};

namespace {

/// A scribe whose stream is a link's.
class link_scribe final : public caf::io::scribe {
public:
  link_scribe(caf::io::network::default_multiplexer& mx, link_socket socket,
              std::shared_ptr<link_state> state)
      : scribe(caf::io::network::conn_hdl_from_socket(socket.fd)), state_(state),
        stream_(mx, std::exchange(socket.fd, -1), std::move(socket.tls), std::move(state)) {
    link_stream::attach(*state_, mx.system(), stream_.fd());
  }

  void configure_read(caf::io::receive_policy::config config) override {
    stream_.configure_read(config);
    if (!std::exchange(launched_, true))
      stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  void flush() override {
    if (stream_.wr_buf().size() > max_unsent)
      state_->close("the peer takes nothing any more");
    stream_.flush(this);
  }
  std::string addr() const override { return {}; }
  uint16_t port() const override { return 0; }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

private:
  const std::shared_ptr<link_state> state_;
  bool launched_ = false;
  caf::io::network::stream_impl<link_stream> stream_;
};

caf::io::scribe_ptr make_scribe(caf::actor_system& sys, link_socket socket,
                                std::shared_ptr<link_state> state) {
  auto& mx = dynamic_cast<caf::io::network::default_multiplexer&>(sys.middleman().backend());
  return caf::make_counted<link_scribe>(mx, std::move(socket), std::move(state));
}

caf::actor broker_of(caf::actor_system& sys) {
  return sys.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

/// CAF knows what it greets a peer with by a port; none is opened.
uint16_t next_port() {
  static std::atomic<uint16_t> last{0};
  uint16_t port = 0;
  while (port == 0)
    port = ++last;
  return port;
}

} // namespace

void accept_link(caf::actor_system& sys, link_socket socket, std::shared_ptr<link_state> state,
                 const caf::strong_actor_ptr& gateway) {
  link_stream::admit(*state, gateway->id());
  auto scribe = make_scribe(sys, std::move(socket), std::move(state));
  caf::anon_send(broker_of(sys), caf::publish_atom::value, std::move(scribe), next_port(), gateway,
                 std::set<std::string>{});
}

void open_link(caf::actor_system& sys, link_socket socket, std::shared_ptr<link_state> state,
               std::function<void(caf::strong_actor_ptr, std::string)> done) {
  auto scribe = make_scribe(sys, std::move(socket), state);
  auto broker = broker_of(sys);
  sys.spawn<caf::hidden>([=, &sys](caf::event_based_actor* self) {
    self->request(broker, handshake_deadline, caf::connect_atom::value, scribe, uint16_t{0})
        .then(
            [done](const caf::node_id&, const caf::strong_actor_ptr& gateway,
                   const std::set<std::string>&) {
              done(gateway, gateway ? "" : "the server offers no gateway");
            },
            [done, state, &sys](const caf::error& e) {
              state->close("no greeting from the server");
              done(nullptr, sys.render(e));
            });
  });
}

} // namespace thespis::runtime::link
