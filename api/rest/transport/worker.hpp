// One I/O thread and the connections that live on it.
#pragma once

#include "api/rest/transport/channel.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace thespis::api::transport {

using steady = std::chrono::steady_clock;

/// Numbers that all workers of a server share.
struct counters {
  std::atomic<uint64_t> accepted{0}, requests{0}, handshakes_failed{0}, refused{0}, timed_out{0};
  std::atomic<size_t> connections{0}, streams{0}, upgraded{0};
};

/// How many requests each remote address has in flight. Safe from any thread.
class peer_table {
public:
  using counter = std::shared_ptr<std::atomic<size_t>>;
  counter at(const std::string& address);
  /// Forgets addresses without a connection.
  void prune();

private:
  std::mutex mutex_;
  std::unordered_map<std::string, counter> peers_;
};

/// What the connections of one server share. Immutable but for what is atomic or locked.
struct server_shared {
  transport::limits limits;
  early_hook hook;
  counters count;
  peer_table peers;
  std::atomic<bool> stopping{false};
  /// Hands a request to the http_listener that is registered for its path; answers 404 itself.
  std::function<void(web::http::http_request&, std::string_view path)> dispatch;
};

/// Owner: the server. One io_context run by one thread, so everything on it is on one strand.
/// Keeps its connections alive, looks after their deadlines, and takes work from other threads
/// until it has ended; later work is dropped.
class worker {
public:
  explicit worker(std::shared_ptr<server_shared> shared);
  ~worker();

  void run();
  bool on_thread() const { return std::this_thread::get_id() == thread_id_.load(); }
  /// Runs `f` on the I/O thread, never inside the call.
  void post(std::function<void()> f);
  /// Runs `f` at once when on the I/O thread, else posts it.
  template <class F>
  void dispatch(F&& f) {
    if (on_thread())
      f();
    else
      post(std::forward<F>(f));
  }

  // On the I/O thread only.
  void add(std::shared_ptr<channel_owner> owner);
  void remove(channel_owner* owner);
  size_t size() const { return owners_.size(); }
  /// Counts an unfinished handshake; closes the oldest one when there are too many.
  std::list<std::weak_ptr<channel_owner>>::iterator
  begin_handshake(const std::shared_ptr<channel_owner>& owner);
  void end_handshake(std::list<std::weak_ptr<channel_owner>>::iterator at);
  void shut_down(bool at_once);
  /// The Date header's value, at most a quarter of a second old.
  const std::string& date() const { return date_; }
  steady::time_point now() const { return steady::now(); }

  /// Ends the thread once nothing is left to do, and joins it.
  void finish();
  /// Thread-safe size().
  size_t approximate_size() const { return size_.load(); }

  boost::asio::io_context io{1};
  const std::shared_ptr<server_shared> shared;
  /// At most this many connections and unfinished handshakes here.
  size_t max_connections = 1, max_handshakes = 1;

private:
  void tick();

  std::unordered_map<channel_owner*, std::shared_ptr<channel_owner>> owners_;
  std::list<std::weak_ptr<channel_owner>> handshakes_;
  std::atomic<size_t> size_{0};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer ticker_;
  std::string date_;
  std::atomic<std::thread::id> thread_id_;
  std::thread thread_;
  std::mutex post_mutex_;
  bool ended_ = false; ///< guarded by post_mutex_
  bool finishing_ = false;
};

} // namespace thespis::api::transport
