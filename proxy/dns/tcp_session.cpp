#include "proxy/dns/tcp_session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace thespis::proxy::dns {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using namespace std::chrono_literals;

/// From one message's first byte to the next one's.
constexpr auto idle_time = 10s;

} // namespace

tcp_session::tcp_session(asio::ip::tcp::socket socket, on_message handle,
                         std::shared_ptr<void> alive)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), handle_(std::move(handle)),
      alive_(std::move(alive)) {}

void tcp_session::limit_time() {
  timer_.expires_after(idle_time);
  timer_.async_wait([self = weak_from_this()](error_code e) {
    if (auto s = self.lock(); s && !e)
      s->close();
  });
}

void tcp_session::close() {
  error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
}

void tcp_session::read() {
  limit_time();
  auto self = shared_from_this();
  asio::async_read(socket_, asio::buffer(head_), [self](error_code e, size_t) {
    const size_t size = static_cast<size_t>(self->head_[0]) << 8 | self->head_[1];
    if (e || size < header_size) {
      self->close();
      return;
    }
    self->body_.resize(size);
    asio::async_read(self->socket_, asio::buffer(self->body_), [self](error_code e2, size_t) {
      if (e2)
        self->close();
      else
        self->handle_(std::move(self->body_),
                      [self](std::string answer) { self->write(std::move(answer)); });
    });
  });
}

void tcp_session::write(std::string answer) {
  const auto size = answer.size();
  body_.assign({static_cast<char>(size >> 8), static_cast<char>(size)});
  body_ += answer;
  limit_time();
  asio::async_write(socket_, asio::buffer(body_),
                    [self = shared_from_this()](error_code e, size_t) {
                      if (e)
                        self->close();
                      else
                        self->read();
                    });
}

} // namespace thespis::proxy::dns
