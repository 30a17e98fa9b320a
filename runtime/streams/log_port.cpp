#include "runtime/streams/log_port.hpp"

#include <atomic>

namespace thespis::runtime {

using namespace std::chrono_literals;

namespace {

constexpr auto poll_interval = 100ms;
/// After this many polls without growth the container is asked for.
constexpr int polls_between_questions = 10;

class log_port final : public stream_port, public std::enable_shared_from_this<log_port> {
public:
  log_port(std::shared_ptr<timer_gate> timers, log_reader reader, stream_sources::liveness alive)
      : timers_(std::move(timers)), reader_(std::move(reader)), alive_(std::move(alive)) {}

  void read(size_t max, read_handler f) override { later(0ns, max, std::move(f)); }
  void write(std::string, write_handler f) override { f({}); }
  void end_write() override {}
  void close(const std::optional<api::error>&) override { closed_ = true; }

private:
  void later(std::chrono::nanoseconds delay, size_t max, read_handler f) {
    timers_->schedule_after(delay, [self = shared_from_this(), max, f = std::move(f)]() mutable {
      self->step(max, std::move(f));
    });
  }

  void step(size_t max, read_handler f) {
    if (closed_)
      return;
    if (rest_.empty() && !reader_.finished()) {
      auto chunk = reader_.read(max);
      if (!chunk)
        return f(api::fail(std::move(chunk.error())));
      rest_ = std::move(*chunk);
    }
    if (rest_.empty())
      return at_end(max, std::move(f));
    idle_polls_ = 0;
    // A reader gives whole lines.
    auto bytes = rest_.substr(0, max);
    rest_.erase(0, bytes.size());
    f(std::optional{std::move(bytes)});
  }

  void at_end(size_t max, read_handler f) {
    if (reader_.finished() || last_round_ || !alive_)
      return f(std::nullopt);
    if (++idle_polls_ % polls_between_questions != 0)
      return later(poll_interval, max, std::move(f));
    alive_([self = shared_from_this(), max, f = std::move(f)](bool alive) mutable {
      self->last_round_ = !alive;
      self->later(alive ? poll_interval : 0ns, max, std::move(f));
    });
  }

  const std::shared_ptr<timer_gate> timers_;
  log_reader reader_;
  const stream_sources::liveness alive_;
  std::string rest_; ///< read, and not yet given
  int idle_polls_ = 0;
  std::atomic<bool> last_round_ = false; ///< the container has ended; what is written is the rest
  std::atomic<bool> closed_ = false;
};

} // namespace

void timer_gate::schedule_after(std::chrono::nanoseconds delay, std::function<void()> fn) {
  const std::lock_guard lock{mutex_};
  if (timers_)
    timers_->schedule_after(delay, std::move(fn));
}

void timer_gate::shut() {
  std::unique_ptr<timer_thread> last;
  {
    const std::lock_guard lock{mutex_};
    last = std::move(timers_);
  }
}

std::shared_ptr<stream_port> make_log_port(std::shared_ptr<timer_gate> timers, log_reader reader,
                                           stream_sources::liveness alive) {
  return std::make_shared<log_port>(std::move(timers), std::move(reader), std::move(alive));
}

} // namespace thespis::runtime
