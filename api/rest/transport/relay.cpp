#include "api/rest/transport/wire.hpp"

#include <boost/asio/error.hpp>

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
