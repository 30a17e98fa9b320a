#include "api/rest/transport/wire.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <mutex>

namespace thespis::api::transport {

namespace {

using steady = std::chrono::steady_clock;
using done_handler = std::function<void(const relay_result&)>;

/// Owner: its own outstanding reads and writes. The two streams may live on different threads.
class session : public std::enable_shared_from_this<session> {
public:
  session(std::shared_ptr<raw_stream> client, std::shared_ptr<raw_stream> upstream,
          std::chrono::milliseconds idle, done_handler done)
      : client_{std::move(client)}, upstream_{std::move(upstream)}, idle_{idle}, done_{std::move(
                                                                                     done)} {}

  void start() {
    touch();
    if (idle_.count() > 0)
      watch_idle(idle_);
    pump(client_, upstream_, to_upstream_);
    pump(upstream_, client_, to_client_);
  }

private:
  using stream_ptr = std::shared_ptr<raw_stream>;

  // One read and one write at a time in each direction: the slower side sets the pace.
  void pump(const stream_ptr& from, const stream_ptr& to, std::atomic<uint64_t>& count) {
    from->read([me = shared_from_this(), &from, &to, &count](boost::system::error_code ec,
                                                             std::string_view bytes) {
      if (ec == boost::asio::error::eof) {
        to->shutdown_write();
        me->direction_ended({});
        return;
      }
      if (ec) {
        me->direction_ended(ec);
        return;
      }
      me->touch();
      count += bytes.size();
      to->write(std::string{bytes}, [me, &from, &to, &count](boost::system::error_code failed) {
        if (failed) {
          me->direction_ended(failed);
          return;
        }
        me->touch();
        me->pump(from, to, count);
      });
    });
  }

  void direction_ended(boost::system::error_code ec) {
    done_handler done;
    {
      std::lock_guard lock{mutex_};
      if (ec && !error_)
        error_ = ec;
      if (++ended_ < 2 && !ec)
        return;
      done.swap(done_);
    }
    client_->close();
    upstream_->close();
    if (done)
      done({error_, to_upstream_, to_client_});
  }

  void touch() { last_ = steady::now().time_since_epoch().count(); }

  void watch_idle(std::chrono::milliseconds delay) {
    std::weak_ptr<session> weak = shared_from_this();
    client_->post_after(delay, [weak] {
      auto me = weak.lock();
      if (!me)
        return;
      auto quiet = steady::now() - steady::time_point{steady::duration{me->last_.load()}};
      if (quiet >= me->idle_)
        me->direction_ended(boost::asio::error::timed_out);
      else
        me->watch_idle(std::chrono::duration_cast<std::chrono::milliseconds>(me->idle_ - quiet) +
                       std::chrono::milliseconds{1});
    });
  }

  const stream_ptr client_, upstream_;
  const std::chrono::milliseconds idle_;
  std::mutex mutex_;
  done_handler done_;
  int ended_ = 0;
  boost::system::error_code error_;
  std::atomic<uint64_t> to_upstream_{0}, to_client_{0};
  std::atomic<steady::duration::rep> last_{0};
};

/// Waits for the upstream's answer to an upgrade. Owner: its outstanding reads and writes.
class switch_waiter : public std::enable_shared_from_this<switch_waiter> {
public:
  using stream_ptr = std::shared_ptr<raw_stream>;

  switch_waiter(stream_ptr client, stream_ptr upstream, const relay_options& options,
                done_handler done)
      : client_{std::move(client)}, upstream_{std::move(upstream)}, options_{options},
        done_{std::move(done)} {
    answer_.header_limit(max_answer);
    answer_.body_limit(max_answer);
  }

  void start() {
    client_->post_after(options_.connect_timeout, [weak = weak_from_this()] {
      if (const auto me = weak.lock(); me && !me->switched_)
        me->end(boost::asio::error::timed_out);
    });
    read();
  }

private:
  static constexpr uint32_t max_answer = 64 * 1024;

  void read() {
    upstream_->read([me = shared_from_this()](boost::system::error_code ec, std::string_view got) {
      if (ec)
        return me->end(ec);
      me->take(got);
    });
  }

  void take(std::string_view got) {
    bytes_.append(got);
    if (bytes_.size() > 2 * max_answer)
      return end(boost::beast::http::error::buffer_overflow);
    boost::system::error_code ec;
    while (parsed_ < bytes_.size() && !ec && !is_switch() && !answer_.is_done()) {
      const auto n =
          answer_.put(boost::asio::buffer(bytes_.data() + parsed_, bytes_.size() - parsed_), ec);
      parsed_ += n;
      if (n == 0)
        break;
    }
    if (ec && ec != boost::beast::http::error::need_more)
      return end(ec);
    if (!is_switch() && !answer_.is_done())
      return read();
    switched_ = true;
    pass_on();
  }

  bool is_switch() const { return answer_.is_header_done() && answer_.get().result_int() == 101; }

  void pass_on() {
    const auto size = bytes_.size();
    client_->write(std::move(bytes_), [me = shared_from_this(),
                                       size](boost::system::error_code ec) {
      if (ec || !me->is_switch())
        return me->end(ec, size);
      std::make_shared<session>(me->client_, me->upstream_, me->options_.idle, std::move(me->done_))
          ->start();
    });
  }

  void end(boost::system::error_code ec, uint64_t to_client = 0) {
    switched_ = true;
    client_->close();
    upstream_->close();
    if (auto done = std::exchange(done_, {}))
      done({ec, 0, to_client});
  }

  const stream_ptr client_, upstream_;
  const relay_options options_;
  done_handler done_;
  std::string bytes_;
  size_t parsed_ = 0;
  boost::beast::http::response_parser<boost::beast::http::string_body> answer_;
  bool switched_ = false;
};

void answer_unreachable(const std::shared_ptr<raw_stream>& client,
                        const boost::system::error_code& ec) {
  auto answer = status_response(500, "cannot reach the container runtime: " + ec.message());
  answer_context context;
  context.keep_alive = false;
  std::string text;
  put_head(text, answer, context);
  for (auto& piece : answer.body)
    text.append(static_cast<const char*>(piece.data()), piece.size());
  client->write(std::move(text), [client](boost::system::error_code) {
    client->shutdown_write();
    client->close();
  });
}

} // namespace

void relay(std::shared_ptr<raw_stream> client, std::shared_ptr<raw_stream> upstream,
           const relay_options& options, done_handler done) {
  if (options.await_switch)
    return std::make_shared<switch_waiter>(std::move(client), std::move(upstream), options,
                                           std::move(done))
        ->start();
  std::make_shared<session>(std::move(client), std::move(upstream), options.idle, std::move(done))
      ->start();
}

void relay(std::shared_ptr<raw_stream> client, const endpoint& upstream, std::string initial,
           const relay_options& options, done_handler done) {
  connect(client, upstream, options.connect_timeout,
          [client, initial = std::move(initial), options, done = std::move(done)](
              boost::system::error_code ec, std::shared_ptr<raw_stream> to) mutable {
            if (ec) {
              if (options.http_error)
                answer_unreachable(client, ec);
              else
                client->close();
              if (done)
                done({ec, 0, 0});
              return;
            }
            auto* upstream = to.get();
            upstream->write(std::move(initial), [client, to = std::move(to), options,
                                                 done = std::move(done)](auto failed) mutable {
              if (failed && done)
                done({failed, 0, 0});
              if (!failed)
                relay(std::move(client), std::move(to), options, std::move(done));
            });
          });
}

} // namespace thespis::api::transport
