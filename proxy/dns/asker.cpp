#include "proxy/dns/asker.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace thespis::proxy::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

namespace {

using namespace std::chrono_literals;

/// As long as the stub resolver's own first attempt, so that the second still helps it.
constexpr auto attempt_time = 2s;
constexpr size_t max_attempts = 3;

} // namespace

/// One question on its way, attempt after attempt. Keeps itself alive until it is answered.
class asker::exchange : public std::enable_shared_from_this<exchange> {
public:
  exchange(asker& owner, std::string request, transport via, answered done)
      : owner_(owner), outstanding_(owner.outstanding_), request_(std::move(request)), via_(via),
        done_(std::move(done)), timer_(owner.io_), udp_(owner.io_), tcp_(owner.io_) {
    ++*outstanding_;
  }
  ~exchange() { --*outstanding_; }

  void attempt() {
    if (attempts_ == max_attempts) {
      finish({});
      return;
    }
    const auto& to = owner_.upstreams_[(owner_.next_ + attempts_) % owner_.upstreams_.size()];
    ++attempts_;
    const auto round = attempts_;
    error_code ignored;
    udp_.close(ignored);
    tcp_.close(ignored);
    set_id(request_, owner_.random_id_());
    timer_.expires_after(attempt_time);
    timer_.async_wait([self = shared_from_this(), round](error_code e) {
      if (!e && round == self->attempts_)
        self->attempt();
    });
    error_code bad;
    const auto address = asio::ip::make_address(to.address, bad);
    if (bad)
      fail(round);
    else if (via_ == transport::udp)
      over_udp({address, to.port}, round);
    else
      over_tcp({address, to.port}, round);
  }

private:
  /// The next attempt comes with the timer, at once after a refusal.
  void fail(size_t round) {
    if (round == attempts_ && !finished_)
      attempt();
  }

  void over_udp(const udp::endpoint& to, size_t round) {
    error_code e;
    udp_.open(to.protocol(), e);
    if (!e)
      udp_.connect(to, e);
    if (!e)
      udp_.send(asio::buffer(request_), 0, e);
    if (e) {
      asio::post(owner_.io_, [self = shared_from_this(), round] { self->fail(round); });
      return;
    }
    receive(round);
  }

  void receive(size_t round) {
    buffer_.resize(0xffff);
    udp_.async_receive(asio::buffer(buffer_),
                       [self = shared_from_this(), round](error_code e, size_t size) {
                         if (round != self->attempts_ || self->finished_)
                           return;
                         if (e) {
                           self->fail(round);
                           return;
                         }
                         const std::string_view got{self->buffer_.data(), size};
                         // What does not fit the question was sent by somebody else.
                         if (answers(got, self->request_))
                           self->finish(got);
                         else
                           self->receive(round);
                       });
  }

  void over_tcp(const tcp::endpoint& to, size_t round) {
    auto self = shared_from_this();
    tcp_.async_connect(to, [self, round](error_code e) {
      if (e || round != self->attempts_) {
        self->fail(round);
        return;
      }
      self->head_ = {static_cast<char>(self->request_.size() >> 8),
                     static_cast<char>(self->request_.size())};
      const std::array<asio::const_buffer, 2> out{asio::buffer(self->head_),
                                                  asio::buffer(self->request_)};
      asio::async_write(self->tcp_, out, [self, round](error_code e2, size_t) {
        if (e2)
          self->fail(round);
        else
          self->read_head(round);
      });
    });
  }

  void read_head(size_t round) {
    asio::async_read(
        tcp_, asio::buffer(head_), [self = shared_from_this(), round](error_code e, size_t) {
          if (e) {
            self->fail(round);
            return;
          }
          self->buffer_.resize(static_cast<size_t>(static_cast<uint8_t>(self->head_[0]) << 8 |
                                                   static_cast<uint8_t>(self->head_[1])));
          asio::async_read(self->tcp_, asio::buffer(self->buffer_),
                           [self, round](error_code e2, size_t) {
                             if (e2 || !answers(self->buffer_, self->request_))
                               self->fail(round);
                             else if (round == self->attempts_)
                               self->finish(self->buffer_);
                           });
        });
  }

  void finish(std::string_view answer) {
    if (std::exchange(finished_, true))
      return;
    timer_.cancel();
    if (!answer.empty())
      owner_.next_ = (owner_.next_ + attempts_ - 1) % owner_.upstreams_.size();
    done_(answer);
    error_code ignored;
    udp_.close(ignored);
    tcp_.close(ignored);
  }

  asker& owner_;
  std::shared_ptr<size_t> outstanding_;
  std::string request_;
  transport via_;
  answered done_;
  asio::steady_timer timer_;
  udp::socket udp_;
  tcp::socket tcp_;
  std::string buffer_;
  std::array<char, 2> head_{};
  size_t attempts_ = 0;
  bool finished_ = false;
};

asker::asker(asio::io_context& io, std::vector<upstream> upstreams,
             std::function<uint16_t()> random_id)
    : io_(io), upstreams_(std::move(upstreams)), random_id_(std::move(random_id)),
      outstanding_(std::make_shared<size_t>(0)) {}

bool asker::ask(std::string request, transport via, answered done) {
  if (upstreams_.empty() || *outstanding_ >= max_outstanding)
    return false;
  std::make_shared<exchange>(*this, std::move(request), via, std::move(done))->attempt();
  return true;
}

} // namespace thespis::proxy::dns
