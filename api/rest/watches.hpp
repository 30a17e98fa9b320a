// Watches: the backend's event batches as a chunked answer of JSON lines.
#pragma once

#include "api/rest/core.hpp"
#include "api/rest/list_options.hpp"

namespace thespis::api::rest {

/// Answers a watch request: a stream, or a refusal.
transport::outcome watch_objects(exchange_ptr x);

/// Ends all watches of the server; their clients see a complete answer.
void stop_watches(core& server);

/// One running watch. Kept alive by the backend's callbacks and its stream's; thread-safe.
class watch_session : public std::enable_shared_from_this<watch_session> {
public:
  watch_session(exchange_ptr x, list_options o);
  ~watch_session();

  /// On the I/O thread.
  void start(std::shared_ptr<transport::response_stream> out);
  /// Ends the watch and its answer after what is queued.
  void finish();

private:
  void on_events(watch_events batch);
  /// Sends what is in the version of the request.
  void send_events(const watch_events& batch);
  void on_failed(const error& e);
  /// Whether the definition behind the resource has changed, other than to end, or gone: what
  /// follows would not be what the client has been told, so it must begin anew.
  bool is_outdated() const;
  void arm_bookmark();
  void acknowledge();
  /// Takes the watch out of the server and the backend; true for the first caller.
  bool detach();
  std::chrono::milliseconds duration() const;
  selection what() const;

  void render(const watch_event& e, std::vector<transport::shared_bytes>& out);
  void render_protobuf(std::string_view type, const object_ptr& o,
                       std::vector<transport::shared_bytes>& out);
  transport::shared_bytes render_bookmark(uint64_t revision, bool initial_end);

  exchange_ptr x_;
  list_options options_;
  uint64_t id_ = 0;
  bool wants_initial_ = false; ///< the present state comes first
  bool headers_sent_ = false;  ///< a table's columns; only touched by on_events
  std::shared_ptr<transport::response_stream> out_;
  std::mutex mutex_;                     ///< guards what follows
  std::shared_ptr<watch_handle> handle_; ///< called without the lock: it may call back
  timers::timer_ptr bookmark_timer_;
  timers::timer_ptr end_timer_;
  bool bookmark_due_ = false;
  bool initial_pending_ = false;
  bool ack_pending_ = false; ///< an ack came before the handle
  bool done_ = false;
};

} // namespace thespis::api::rest
