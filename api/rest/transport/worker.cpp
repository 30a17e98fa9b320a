#include "api/rest/transport/worker.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <ctime>

namespace thespis::api::transport {

namespace {

constexpr std::chrono::milliseconds tick_interval{250};

std::string http_date() {
  std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday],
                utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text;
}

} // namespace

peer_table::counter peer_table::at(const std::string& address) {
  std::lock_guard lock{mutex_};
  auto& entry = peers_[address];
  if (!entry)
    entry = std::make_shared<std::atomic<size_t>>(0);
  return entry;
}

void peer_table::prune() {
  std::lock_guard lock{mutex_};
  for (auto i = peers_.begin(); i != peers_.end();)
    i = i->second.use_count() == 1 ? peers_.erase(i) : std::next(i);
}

worker::worker(std::shared_ptr<server_shared> s)
    : shared{std::move(s)}, guard_{boost::asio::make_work_guard(io)}, ticker_{io},
      date_{http_date()} {}

worker::~worker() {
  if (thread_.joinable())
    finish();
}

void worker::run() {
  tick();
  thread_ = std::thread{[this] {
    thread_id_ = std::this_thread::get_id();
    for (;;) {
      try {
        io.run();
        return;
      } catch (const std::exception& e) {
        spdlog::error("http transport: a callback threw: {}", e.what());
      } catch (...) {
        spdlog::error("http transport: a callback threw");
      }
    }
  }};
}

void worker::post(std::function<void()> f) {
  std::lock_guard lock{post_mutex_};
  if (!ended_)
    boost::asio::post(io, std::move(f));
}

void worker::add(std::shared_ptr<channel_owner> owner) {
  auto* key = owner.get();
  owners_.emplace(key, std::move(owner));
  size_ = owners_.size();
}

void worker::remove(channel_owner* owner) {
  owners_.erase(owner);
  size_ = owners_.size();
}

std::list<std::weak_ptr<channel_owner>>::iterator
worker::begin_handshake(const std::shared_ptr<channel_owner>& owner) {
  // The oldest goes: under a flood of connections that never speak, new ones still get through.
  if (handshakes_.size() >= max_handshakes) {
    if (auto oldest = handshakes_.front().lock())
      oldest->shut_down(true);
    else
      handshakes_.pop_front();
  }
  return handshakes_.insert(handshakes_.end(), owner);
}

void worker::end_handshake(std::list<std::weak_ptr<channel_owner>>::iterator at) {
  handshakes_.erase(at);
}

void worker::shut_down(bool at_once) {
  std::vector<std::shared_ptr<channel_owner>> all;
  all.reserve(owners_.size());
  for (auto& [key, owner] : owners_)
    all.push_back(owner);
  for (auto& owner : all)
    owner->shut_down(at_once);
}

void worker::tick() {
  if (finishing_)
    return;
  date_ = http_date();
  std::vector<std::shared_ptr<channel_owner>> all;
  all.reserve(owners_.size());
  for (auto& [key, owner] : owners_)
    all.push_back(owner);
  auto at = now();
  for (auto& owner : all)
    owner->check(at);
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](error_code ec) {
    if (!ec)
      tick();
  });
}

void worker::finish() {
  if (!thread_.joinable())
    return;
  post([this] {
    finishing_ = true;
    shut_down(true);
    ticker_.cancel();
    guard_.reset();
  });
  thread_.join();
  {
    std::lock_guard lock{post_mutex_};
    ended_ = true;
  }
  // What was posted between the last callback and `ended_` may hold the last references.
  thread_id_ = std::this_thread::get_id();
  io.restart();
  io.poll();
  owners_.clear();
}

} // namespace thespis::api::transport
