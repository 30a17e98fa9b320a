#include "api/rest/switch_guard.hpp"

#include <boost/asio/error.hpp>

#include <mutex>

namespace thespis::api::rest {

namespace {

constexpr size_t status_bytes = 12; // "HTTP/1.1 101"

/// States: waiting -> granted | refused, by the first bytes written.
class switch_guard final : public transport::raw_stream {
public:
  explicit switch_guard(std::shared_ptr<transport::raw_stream> client)
      : client_(std::move(client)) {}

  void read(read_handler f) override {
    {
      const std::lock_guard lock{mutex_};
      if (state_ == state::waiting) {
        held_ = std::move(f);
        return;
      }
    }
    read_now(std::move(f));
  }

  void write(transport::payload bytes, write_handler f) override {
    auto held = look_at(bytes);
    client_->write(std::move(bytes), std::move(f));
    if (held)
      read_now(std::move(held));
  }

  void shutdown_write() override { client_->shutdown_write(); }
  void close() override {
    read_handler held;
    {
      const std::lock_guard lock{mutex_};
      held = std::exchange(held_, {});
    }
    client_->close();
    if (held)
      client_->post([f = std::move(held)] { f(boost::asio::error::operation_aborted, {}); });
  }
  void post(std::function<void()> f) override { client_->post(std::move(f)); }
  void post_after(std::chrono::milliseconds delay, std::function<void()> f) override {
    client_->post_after(delay, std::move(f));
  }
  const transport::peer_identity& peer() const override { return client_->peer(); }

private:
  enum class state : uint8_t { waiting, granted, refused };

  /// The read that may go on now; empty when it must wait still, or when there is none.
  read_handler look_at(const transport::payload& bytes) {
    const std::lock_guard lock{mutex_};
    if (state_ != state::waiting)
      return {};
    for (const auto& piece : bytes)
      status_.append(static_cast<const char*>(piece.data()),
                     std::min(piece.size(), status_bytes - std::min(status_bytes, status_.size())));
    if (status_.size() < status_bytes)
      return {};
    const bool granted = status_.starts_with("HTTP/1.") && status_.substr(8, 4) == " 101";
    state_ = granted ? state::granted : state::refused;
    return std::exchange(held_, {});
  }

  void read_now(read_handler f) {
    bool refused = false;
    {
      const std::lock_guard lock{mutex_};
      refused = state_ == state::refused;
    }
    if (refused)
      client_->post([f = std::move(f)] { f(boost::asio::error::eof, {}); });
    else
      client_->read(std::move(f));
  }

  const std::shared_ptr<transport::raw_stream> client_;
  std::mutex mutex_;
  state state_ = state::waiting;
  std::string status_;
  read_handler held_;
};

} // namespace

std::shared_ptr<transport::raw_stream> guard_switch(std::shared_ptr<transport::raw_stream> client) {
  return std::make_shared<switch_guard>(std::move(client));
}

} // namespace thespis::api::rest
