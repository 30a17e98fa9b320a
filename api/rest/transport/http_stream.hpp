// The queue between a response_stream's users on any thread and its connection.
#pragma once

#include "api/rest/transport/connection.hpp"

namespace thespis::api::transport {

/// Owner: its connection, and the handles given out. Invariant: `conn_` is set until ended().
class http_stream : public std::enable_shared_from_this<http_stream> {
public:
  http_stream(std::shared_ptr<connection> conn, std::shared_ptr<worker> on, size_t max_pending)
      : conn_{std::move(conn)}, worker_{std::move(on)}, max_pending_{max_pending} {}

  // For the connection, on the I/O thread.
  stream_batch take();
  void sent(size_t bytes);
  void ended();

  // For the users, on any thread.
  bool write_head(int status, std::string_view content_type, header_list headers);
  bool write(std::vector<shared_bytes> bytes);
  size_t pending() const { return pending_.load(); }
  void on_drained(size_t low_water, std::function<void()> f);
  void close();
  void abort();
  bool closed() const;
  void on_closed(std::function<void()> f);

private:
  void schedule();

  mutable std::mutex mutex_;
  std::shared_ptr<connection> conn_;
  const std::shared_ptr<worker> worker_;
  const size_t max_pending_;
  std::atomic<size_t> pending_{0};
  stream_batch next_;
  bool head_written_ = false;
  bool closing_ = false; ///< close() or abort(): nothing more is taken
  bool last_taken_ = false;
  bool scheduled_ = false;
  bool ended_ = false;
  size_t low_water_ = 0;
  std::function<void()> drained_;
  std::vector<std::function<void()>> on_closed_;
};

/// What users hold: its end closes the stream.
class stream_handle final : public response_stream {
public:
  explicit stream_handle(std::shared_ptr<http_stream> s) : stream_{std::move(s)} {}
  ~stream_handle() override { stream_->close(); }
  bool write_head(int status, std::string_view content_type, header_list headers) override {
    return stream_->write_head(status, content_type, std::move(headers));
  }
  bool write(shared_bytes bytes) override {
    std::vector<shared_bytes> one;
    one.push_back(std::move(bytes));
    return stream_->write(std::move(one));
  }
  bool write(std::vector<shared_bytes> bytes) override { return stream_->write(std::move(bytes)); }
  size_t pending_bytes() const override { return stream_->pending(); }
  void on_drained(size_t low_water, std::function<void()> f) override {
    stream_->on_drained(low_water, std::move(f));
  }
  void close() override { stream_->close(); }
  void abort() override { stream_->abort(); }
  bool closed() const override { return stream_->closed(); }
  void on_closed(std::function<void()> f) override { stream_->on_closed(std::move(f)); }

private:
  std::shared_ptr<http_stream> stream_;
};

} // namespace thespis::api::transport
