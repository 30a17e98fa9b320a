#include "runtime/streams/stream_sources.hpp"

#include "runtime/streams/log_port.hpp"
#include "runtime/streams/tcp_port.hpp"

#include <mutex>

namespace thespis::runtime {

namespace {

class machine_streams final : public stream_sources {
public:
  ~machine_streams() override {
    if (timers_)
      timers_->shut();
  }

  void open_log(std::string path, log_options options, liveness alive, opened done) override {
    const auto timers = timers_of();
    timers->schedule_after(std::chrono::nanoseconds{0},
                           [timers, path = std::move(path), options, alive = std::move(alive),
                            done = std::move(done)] {
                             auto reader = log_reader::open(path, options);
                             if (!reader)
                               done(api::fail(std::move(reader.error())));
                             else
                               done(make_log_port(timers, std::move(*reader), alive));
                           });
  }

  void connect(std::string address, uint16_t port, opened done) override {
    {
      const std::lock_guard lock{mutex_};
      if (!connections_)
        connections_ = std::make_unique<tcp_thread>();
    }
    connections_->connect(address, port, std::move(done));
  }

private:
  std::shared_ptr<timer_gate> timers_of() {
    const std::lock_guard lock{mutex_};
    if (!timers_)
      timers_ = std::make_shared<timer_gate>();
    return timers_;
  }

  std::mutex mutex_;
  std::shared_ptr<timer_gate> timers_;
  std::unique_ptr<tcp_thread> connections_;
};

} // namespace

std::shared_ptr<stream_sources> make_machine_streams() {
  return std::make_shared<machine_streams>();
}

} // namespace thespis::runtime
