#include "api/rest/timers.hpp"

#include <boost/asio/post.hpp>

namespace thespis::api::rest {

timers::timers() : work_(boost::asio::make_work_guard(context_)) {
  thread_ = std::thread([this] { context_.run(); });
}

timers::~timers() {
  stop();
}

timers::timer_ptr timers::after(std::chrono::milliseconds d, std::function<void()> f) {
  auto t = std::make_shared<timer>(context_);
  t->call_ = std::move(f);
  // Only the timers' thread touches a timer: asio's are not safe for several.
  boost::asio::post(context_, [t, d] {
    t->timer_.expires_after(d);
    t->timer_.async_wait([t](boost::system::error_code ec) {
      auto call = std::move(t->call_);
      t->call_ = nullptr;
      if (!ec && call)
        call();
    });
  });
  return t;
}

void timers::cancel(const timer_ptr& t) {
  if (!t)
    return;
  boost::asio::post(context_, [t] {
    t->call_ = nullptr;
    t->timer_.cancel();
  });
}

void timers::stop() {
  work_.reset();
  context_.stop();
  if (thread_.joinable())
    thread_.join();
}

} // namespace thespis::api::rest
