#include "tools/cluster/log_source.hpp"

#include "api/text/time.hpp"
#include "runtime/cri/log_file.hpp"
#include "runtime/cri/timer_thread.hpp"

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto poll_interval = 100ms;
constexpr size_t chunk_bytes = 64 * 1024;
/// After this many polls without growth the container is asked for.
constexpr int polls_between_questions = 10;

struct log_stream {
  runtime::log_reader reader;
  api::rest::log_callbacks callbacks;
  log_source::liveness alive;
  bool follow = false;
  bool last_round = false; ///< the container has ended; what is written by now is the rest
  int idle_polls = 0;
};

void step(runtime::timer_thread& timers, std::shared_ptr<log_stream> s);

void again(runtime::timer_thread& timers, std::shared_ptr<log_stream> s,
           std::chrono::nanoseconds delay) {
  timers.schedule_after(delay, [&timers, s = std::move(s)] { step(timers, s); });
}

void at_end(runtime::timer_thread& timers, const std::shared_ptr<log_stream>& s) {
  if (!s->follow || s->last_round || !s->alive) {
    s->callbacks.done(std::nullopt);
    return;
  }
  if (++s->idle_polls % polls_between_questions != 0) {
    again(timers, s, poll_interval);
    return;
  }
  s->alive([&timers, s](bool alive) {
    s->last_round = !alive;
    again(timers, s, alive ? poll_interval : 0ns);
  });
}

void step(runtime::timer_thread& timers, std::shared_ptr<log_stream> s) {
  while (s->callbacks.ready()) {
    auto chunk = s->reader.read(chunk_bytes);
    if (!chunk) {
      s->callbacks.done(chunk.error());
      return;
    }
    if (chunk->empty()) {
      // An idle client that went away is noticed by an empty write.
      if (!s->callbacks.more({}))
        return;
      at_end(timers, s);
      return;
    }
    s->idle_polls = 0;
    if (!s->callbacks.more(std::move(*chunk)))
      return;
    if (s->reader.finished()) {
      s->callbacks.done(std::nullopt);
      return;
    }
  }
  again(timers, std::move(s), poll_interval);
}

} // namespace

struct log_source::impl {
  runtime::timer_thread timers;
};

log_source::log_source() : impl_(std::make_unique<impl>()) {}
log_source::~log_source() = default;

void log_source::start(std::string path, const api::rest::log_options& options,
                       api::rest::log_callbacks callbacks, liveness alive) {
  runtime::log_options what;
  what.tail_lines = options.tail_lines;
  what.limit_bytes = options.limit_bytes;
  what.timestamps = options.timestamps;
  if (options.since_seconds)
    what.since = runtime::timer_thread::now() - *options.since_seconds * 1'000'000'000;
  if (!options.since_time.empty())
    if (const auto t = api::parse_time(options.since_time))
      what.since = t->time_since_epoch().count();
  impl_->timers.schedule_after(0ns, [this, path = std::move(path), what, follow = options.follow,
                                     callbacks = std::move(callbacks),
                                     alive = std::move(alive)]() mutable {
    auto reader = runtime::log_reader::open(path, what);
    if (!reader) {
      callbacks.done(reader.error());
      return;
    }
    step(impl_->timers,
         std::make_shared<log_stream>(log_stream{std::move(*reader), std::move(callbacks),
                                                 std::move(alive), follow, false, 0}));
  });
}

} // namespace thespis::tools
