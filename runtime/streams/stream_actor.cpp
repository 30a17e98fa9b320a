#include "runtime/streams/stream_actor.hpp"

#include "api/error.hpp"

#include <algorithm>

namespace thespis::runtime {

namespace {

/// No honest peer gives more.
constexpr uint64_t max_credit = uint64_t{1} << 30;

} // namespace

stream_actor::stream_actor(caf::actor_config& cfg, stream_deps deps)
    : actor_base(cfg, "stream", deps.name), deps_(std::move(deps)) {}

stream_actor::behavior_type stream_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    // One that has all and gave all may go before we have passed it on.
    if (peer_ended_ && local_ended_)
      return;
    const bool link = down.reason == caf::exit_reason::remote_link_unreachable;
    fail(api::make_error(api::reason::service_unavailable,
                         link ? "the link to the machine of the other end of the stream was lost"
                              : "the other end of the stream went away"),
         false);
  });
  heard_ = this->clock().now();
  this->delayed_send(this, deps_.limits.tick, stream_tick{});
  show_state("waiting");
  if (deps_.peer)
    begin();
  return {
      [this](stream_data& d) {
        hear();
        take(std::move(d.bytes));
      },
      [this](const stream_credit& c) {
        hear();
        if (c.bytes > max_credit || credit_ + c.bytes > max_credit)
          return fail(api::bad_request("more credit than a stream may have"));
        credit_ += c.bytes;
        read_some();
      },
      [this](const stream_end&) {
        hear();
        peer_ended_ = true;
        write_some();
      },
      [this](const stream_abort& a) { fail(a.why, false); },
      [this](const stream_alive&) { hear(); },
      [](const stream_event& e) { e.run(); },
      [this](const stream_tick&) {
        if (!deps_.local->alive())
          return fail(api::bad_request("the client is gone"));
        if (peer_ended_ && local_ended_)
          heard_ = this->clock().now();
        if (this->clock().now() - heard_ >= deps_.limits.max_silence)
          return fail(
              api::make_error(api::reason::timeout, "the other end of the stream is silent"));
        if (deps_.peer)
          this->send(deps_.peer, stream_alive{});
        this->delayed_send(this, deps_.limits.tick, stream_tick{});
      },
  };
}

/// The first message tells who the peer is; after that only its messages count, for nobody else
/// has the handle.
void stream_actor::hear() {
  heard_ = this->clock().now();
  if (deps_.peer || closed_)
    return;
  deps_.peer = caf::actor_cast<stream_handle>(this->current_sender());
  if (deps_.peer)
    begin();
}

void stream_actor::begin() {
  show_state("open");
  this->monitor(deps_.peer);
  owed_ = deps_.limits.window;
  give_credit();
  (void)deps_.local->alive();
}

void stream_actor::take(std::string bytes) {
  if (closed_)
    return;
  if (bytes.size() > window_left_ || peer_ended_)
    return fail(api::bad_request("the other end of the stream sent more than it may"));
  window_left_ -= bytes.size();
  received_ += bytes.size();
  if (!bytes.empty())
    waiting_.push_back(std::move(bytes));
  write_some();
}

void stream_actor::give_credit() {
  window_left_ += owed_;
  this->send(deps_.peer, stream_credit{owed_});
  owed_ = 0;
}

void stream_actor::read_some() {
  if (closed_ || reading_ || local_ended_ || credit_ == 0)
    return;
  reading_ = true;
  const auto max = static_cast<size_t>(std::min<uint64_t>(credit_, deps_.limits.chunk));
  deps_.local->read(max, here<api::result<std::optional<std::string>>>([this](auto got) {
                      reading_ = false;
                      if (closed_)
                        return;
                      if (!got)
                        return fail(std::move(got.error()));
                      if (!*got) {
                        local_ended_ = true;
                        this->send(deps_.peer, stream_end{});
                        end_if_done();
                        return;
                      }
                      credit_ -= std::min<uint64_t>(credit_, (*got)->size());
                      sent_ += (*got)->size();
                      this->send(deps_.peer, stream_data{std::move(**got)});
                      read_some();
                    }));
}

void stream_actor::write_some() {
  if (closed_ || writing_)
    return;
  if (waiting_.empty()) {
    if (peer_ended_ && !std::exchange(written_all_, true)) {
      deps_.local->end_write();
      end_if_done();
    }
    return;
  }
  writing_ = true;
  auto bytes = std::move(waiting_.front());
  waiting_.pop_front();
  owed_ += bytes.size();
  deps_.local->write(std::move(bytes), here<api::result<void>>([this](auto done) {
                       writing_ = false;
                       if (closed_)
                         return;
                       if (!done)
                         return fail(std::move(done.error()));
                       if (!peer_ended_ && owed_ >= deps_.limits.window / 4)
                         give_credit();
                       write_some();
                     }));
}

void stream_actor::end_if_done() {
  if (local_ended_ && written_all_)
    close(std::nullopt);
}

void stream_actor::fail(api::error why, bool tell_peer) {
  if (closed_)
    return;
  if (tell_peer && deps_.peer)
    this->send(deps_.peer, stream_abort{why});
  close(why);
}

void stream_actor::close(const std::optional<api::error>& why) {
  if (std::exchange(closed_, true))
    return;
  waiting_.clear();
  deps_.local->close(why);
  this->quit();
}

void stream_actor::on_exit() {
  if (!std::exchange(closed_, true))
    deps_.local->close(api::make_error(api::reason::service_unavailable, "the stream was ended"));
  deps_.local.reset();
  deps_.peer = stream_handle{};
  actor_base::on_exit();
}

std::string stream_actor::describe() const {
  return "{\"sent\":" + std::to_string(sent_) + ",\"received\":" + std::to_string(received_) +
         ",\"credit\":" + std::to_string(credit_) + ",\"window\":" + std::to_string(window_left_) +
         "}";
}

} // namespace thespis::runtime
