// A channel as a raw_stream.
#pragma once

#include "api/rest/transport/worker.hpp"

namespace thespis::api::transport {

/// Owner: its worker until it is closed. Handlers are called from `drive` alone, so a handler that
/// reads or writes at once does not deepen the stack.
class raw_core final : public channel_owner {
public:
  raw_core(std::shared_ptr<worker> on, std::shared_ptr<channel> c, std::string already_read,
           peer_identity peer);
  ~raw_core() override;
  void start();

  void on_readable(error_code ec) override;
  void on_written(error_code ec) override;
  void check(steady::time_point now) override;
  void shut_down(bool at_once) override;

  void read(raw_stream::read_handler f);
  void write(payload bytes, raw_stream::write_handler f);
  void shutdown_write();
  void close();
  void take(const std::function<void(taken_socket)>& f);
  void after(std::chrono::milliseconds delay, std::function<void()> f);

  const peer_identity& peer() const { return peer_; }
  const std::shared_ptr<worker>& io() const { return worker_; }

private:
  std::shared_ptr<raw_core> self() {
    return std::static_pointer_cast<raw_core>(shared_from_this());
  }
  void drive();
  bool deliver();
  bool deliver_input();

  const std::shared_ptr<worker> worker_;
  const std::shared_ptr<channel> channel_;
  const peer_identity peer_;
  std::string already_read_;
  std::unique_ptr<char[]> buffer_;
  raw_stream::read_handler reader_;
  raw_stream::write_handler writer_;
  payload outgoing_;
  bool written_ = false; ///< the outstanding write is over, with write_error_
  error_code write_error_, read_error_;
  bool readable_ = true, driving_ = false, closed_ = false;
  std::vector<std::pair<steady::time_point, std::function<void()>>> timers_;
};

/// What users hold: its end closes the stream.
class raw_socket final : public raw_stream {
public:
  static std::shared_ptr<raw_stream> adopt(std::shared_ptr<worker> on, std::shared_ptr<channel> c,
                                           std::string already_read, peer_identity peer);
  explicit raw_socket(std::shared_ptr<raw_core> core) : core_{std::move(core)} {}
  ~raw_socket() override { close(); }

  void read(read_handler f) override;
  void write(payload bytes, write_handler f) override;
  void shutdown_write() override;
  void close() override;
  void take(std::function<void(taken_socket)> f) override;
  void post(std::function<void()> f) override { core_->io()->post(std::move(f)); }
  void post_after(std::chrono::milliseconds delay, std::function<void()> f) override;
  const peer_identity& peer() const override { return core_->peer(); }
  const std::shared_ptr<worker>& io() const { return core_->io(); }

private:
  const std::shared_ptr<raw_core> core_;
};

} // namespace thespis::api::transport
