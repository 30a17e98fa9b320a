#include "api/rest/transport/http_stream.hpp"

namespace thespis::api::transport {

stream_batch http_stream::take() {
  std::lock_guard lock{mutex_};
  scheduled_ = false;
  auto b = std::move(next_);
  next_ = {};
  last_taken_ = last_taken_ || b.last;
  return b;
}

void http_stream::sent(size_t bytes) {
  std::function<void()> drained;
  {
    std::lock_guard lock{mutex_};
    pending_ -= bytes;
    if (drained_ && pending_ <= low_water_)
      drained.swap(drained_);
  }
  if (drained)
    drained();
}

void http_stream::ended() {
  std::shared_ptr<connection> released;
  std::vector<std::function<void()>> callbacks;
  {
    std::lock_guard lock{mutex_};
    if (ended_)
      return;
    ended_ = closing_ = true;
    released.swap(conn_);
    next_ = {};
    pending_ = 0;
    callbacks.swap(on_closed_);
    if (drained_)
      callbacks.push_back(std::exchange(drained_, {}));
  }
  for (auto& f : callbacks)
    f();
}

bool http_stream::write_head(int status, std::string_view content_type, header_list headers) {
  std::lock_guard lock{mutex_};
  if (closing_ || head_written_)
    return false;
  head_written_ = true;
  next_.has_head = true;
  next_.status = status;
  next_.content_type = content_type;
  next_.headers = std::move(headers);
  schedule();
  return true;
}

bool http_stream::write(std::vector<shared_bytes> bytes) {
  size_t size = 0;
  for (auto& b : bytes)
    size += b ? b->size() : 0;
  std::lock_guard lock{mutex_};
  if (closing_)
    return false;
  if (size == 0)
    return true;
  if (!head_written_) {
    head_written_ = next_.has_head = true;
    next_.content_type = "application/json";
  }
  if (pending_ > 0 && pending_ + size > max_pending_) {
    closing_ = next_.abort = true;
    schedule();
    return false;
  }
  for (auto& b : bytes)
    if (b && !b->empty())
      next_.bytes.push_back(std::move(b));
  next_.size += size;
  pending_ += size;
  schedule();
  return true;
}

void http_stream::on_drained(size_t low_water, std::function<void()> f) {
  {
    std::lock_guard lock{mutex_};
    if (!ended_ && pending_ > low_water) {
      low_water_ = low_water;
      drained_ = std::move(f);
      return;
    }
  }
  worker_->post(std::move(f));
}

void http_stream::close() {
  std::lock_guard lock{mutex_};
  if (closing_)
    return;
  if (!head_written_) {
    head_written_ = next_.has_head = true;
    next_.content_type = "application/json";
  }
  closing_ = next_.last = true;
  schedule();
}

void http_stream::abort() {
  std::lock_guard lock{mutex_};
  if (ended_)
    return;
  closing_ = next_.abort = true;
  schedule();
}

bool http_stream::closed() const {
  std::lock_guard lock{mutex_};
  return closing_;
}

void http_stream::on_closed(std::function<void()> f) {
  {
    std::lock_guard lock{mutex_};
    if (!ended_) {
      on_closed_.push_back(std::move(f));
      return;
    }
  }
  worker_->post(std::move(f));
}

// One wake-up for all that is queued until the I/O thread gets to it.
void http_stream::schedule() {
  if (scheduled_ || !conn_)
    return;
  scheduled_ = true;
  worker_->post([conn = conn_] { conn->kick(); });
}

} // namespace thespis::api::transport
