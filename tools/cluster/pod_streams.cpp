#include "tools/cluster/pod_streams.hpp"

#include "api/error.hpp"
#include "api/rest/session_frames.hpp"
#include "api/text/time.hpp"
#include "runtime/streams/log_port.hpp"
#include "runtime/streams/stream_actor.hpp"

#include <boost/asio/error.hpp>

#include <atomic>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto node_deadline = 30s;
/// How often a client that is slow is asked whether it has room again.
constexpr auto room_interval = 20ms;
/// For a client to read why its session has ended.
constexpr auto last_words_time = 2s;

using runtime::stream_port;

/// A client of `kubectl logs`: it only takes.
class log_client final : public stream_port, public std::enable_shared_from_this<log_client> {
public:
  log_client(api::rest::log_callbacks callbacks, std::shared_ptr<runtime::timer_gate> timers)
      : callbacks_(std::move(callbacks)), timers_(std::move(timers)) {}

  void read(size_t, read_handler f) override { f(std::nullopt); }

  void write(std::string bytes, write_handler f) override {
    if (callbacks_.more(std::move(bytes)))
      wait_for_room(std::move(f));
    else
      f(api::fail(api::bad_request("the client is gone")));
  }

  void end_write() override {}

  void close(const std::optional<api::error>& why) override {
    closed_ = true;
    callbacks_.done(why);
  }

  bool alive() override { return callbacks_.more({}); }

private:
  void wait_for_room(write_handler f) {
    if (closed_)
      return;
    if (callbacks_.ready())
      return f({});
    timers_->schedule_after(room_interval, [self = shared_from_this(), f = std::move(f)] {
      if (self->callbacks_.more({}))
        self->wait_for_room(f);
      else
        f(api::fail(api::bad_request("the client is gone")));
    });
  }

  const api::rest::log_callbacks callbacks_;
  const std::shared_ptr<runtime::timer_gate> timers_;
  std::atomic<bool> closed_ = false;
};

/// A connection that left HTTP. What the peer is sent first, the request's head, is read first.
class connection_client final : public stream_port,
                                public std::enable_shared_from_this<connection_client> {
public:
  using done_handler = std::function<void(const api::transport::relay_result&)>;

  /// `session`: an exec or attach, whose client is told how it ended.
  connection_client(std::shared_ptr<api::transport::raw_stream> client, std::string head,
                    bool session, done_handler done)
      : client_(std::move(client)), rest_(std::move(head)), session_(session),
        done_(std::move(done)) {}

  void read(size_t max, read_handler f) override {
    if (!rest_.empty())
      return give(max, f);
    client_->read([self = shared_from_this(), max, f = std::move(f)](auto ec, auto bytes) {
      if (ec == boost::asio::error::eof)
        return f(std::nullopt);
      if (ec)
        return f(api::fail(api::internal_error(ec.message())));
      self->rest_ = bytes;
      self->give(max, f);
    });
  }

  void write(std::string bytes, write_handler f) override {
    to_client_ += bytes.size();
    if (session_)
      note(bytes);
    client_->write(std::move(bytes), [self = shared_from_this(), f = std::move(f)](auto ec) {
      self->written();
      if (!ec)
        return f({});
      f(api::fail(api::internal_error(ec.message())));
    });
  }

  void end_write() override { client_->shutdown_write(); }

  void close(const std::optional<api::error>& why) override {
    if (!why || !session_ || !fail(*why))
      client_->close();
    api::transport::relay_result result{{}, to_upstream_, to_client_};
    if (why)
      result.error = boost::asio::error::connection_aborted;
    done_(result);
  }

private:
  void note(const std::string& bytes) {
    const std::lock_guard lock{mutex_};
    writing_ = true;
    frames_.sent(bytes);
  }

  /// Ends the session in the client's own protocol, as soon as nothing else is written; false when
  /// there is no need or no way.
  bool fail(const api::error& why) {
    std::string words;
    {
      const std::lock_guard lock{mutex_};
      words = frames_.last_words(why);
      if (words.empty())
        return false;
      if (writing_) {
        last_words_ = std::move(words);
        return true;
      }
    }
    say(std::move(words));
    return true;
  }

  void written() {
    std::string words;
    {
      const std::lock_guard lock{mutex_};
      writing_ = false;
      words = std::exchange(last_words_, {});
    }
    if (!words.empty())
      say(std::move(words));
  }

  void say(std::string words) {
    client_->write(std::move(words), [client = client_](auto ec) {
      if (ec)
        return client->close();
      // Closed at once, with what the client still sends unread, the words would be lost.
      client->shutdown_write();
      client->post_after(last_words_time, [client] { client->close(); });
    });
  }

  void give(size_t max, const read_handler& f) {
    auto bytes = rest_.substr(0, max);
    rest_.erase(0, bytes.size());
    to_upstream_ += bytes.size();
    f(std::optional{std::move(bytes)});
  }

  const std::shared_ptr<api::transport::raw_stream> client_;
  std::string rest_; ///< read, and not yet given
  const bool session_;
  std::mutex mutex_; // guards what follows
  api::rest::session_frames frames_;
  bool writing_ = false;
  std::string last_words_;
  const done_handler done_;
  std::atomic<uint64_t> to_upstream_ = 0;
  std::atomic<uint64_t> to_client_ = 0;
};

actors::open_log to_message(const api::rest::log_options& o) {
  actors::open_log res;
  res.ns = o.ns;
  res.pod = o.pod;
  res.what = {o.container, o.previous};
  res.follow = o.follow;
  res.timestamps = o.timestamps;
  res.tail_lines = o.tail_lines.value_or(-1);
  res.since_seconds = o.since_seconds.value_or(-1);
  res.limit_bytes = o.limit_bytes.value_or(-1);
  if (!o.since_time.empty())
    if (const auto t = api::parse_time(o.since_time))
      res.since_nanos = t->time_since_epoch().count();
  return res;
}

actors::open_connection to_message(const api::rest::stream_options& o) {
  actors::open_connection res;
  res.ns = o.ns;
  res.pod = o.pod;
  res.container = o.container;
  res.kind = o.kind;
  res.command = o.command;
  res.in = o.in;
  res.out = o.out;
  res.err = o.err;
  res.tty = o.tty;
  res.ports = o.ports;
  return res;
}

/// Asks a node once, then ends. Of a node whose link is lost meanwhile no answer would come.
template <class Answer, class Message>
void ask_node(caf::actor_system& sys, const actors::node_handle& node, Message what,
              std::function<void(api::result<Answer>)> done) {
  // The number: without an argument CAF binds a reference to a tuple that is not there.
  sys.spawn(
      [node, what = std::move(what), done = std::move(done)](caf::event_based_actor* self, int) {
        self->set_down_handler([self, done](const caf::down_msg&) {
          done(api::fail(api::reason::service_unavailable, "the node is not connected any more"));
          self->quit();
        });
        self->monitor(node);
        self->request(node, node_deadline, what)
            .then(
                [done, self](Answer& a) {
                  done(std::move(a));
                  self->quit();
                },
                [done, self](const caf::error& e) {
                  done(api::fail(api::internal_error(self->system().render(e))));
                  self->quit();
                });
      },
      0);
}

/// Asks a node to open a stream.
template <class Message>
void open_at(caf::actor_system& sys, const actors::node_handle& node, Message what,
             std::function<void(api::result<actors::stream_opened>)> done) {
  ask_node<actors::stream_opened>(sys, node, std::move(what), [done = std::move(done)](auto o) {
    if (o && !o->ok)
      done(api::fail(std::move(o->failure)));
    else
      done(std::move(o));
  });
}

} // namespace

struct pod_streams::impl {
  explicit impl(caf::actor_system& s) : sys(s) {}

  void start(std::string name, std::shared_ptr<stream_port> local, runtime::stream_handle peer) {
    const std::lock_guard lock{mutex};
    if (over)
      return local->close(api::internal_error("the server is stopping"));
    const auto actor = sys.spawn<runtime::stream_actor>(
        runtime::stream_deps{std::move(name), std::move(local), std::move(peer)});
    std::erase_if(open, [](const auto& a) { return !caf::actor_cast<caf::actor>(a); });
    open.push_back(actor.address());
  }

  caf::actor_system& sys;
  const std::shared_ptr<runtime::timer_gate> timers = std::make_shared<runtime::timer_gate>();
  std::mutex mutex;
  std::vector<caf::actor_addr> open;
  bool over = false;
};

pod_streams::pod_streams(caf::actor_system& sys) : impl_(std::make_shared<impl>(sys)) {}

pod_streams::~pod_streams() {
  const std::lock_guard lock{impl_->mutex};
  impl_->over = true;
  impl_->timers->shut();
  for (const auto& address : impl_->open)
    if (auto stream = caf::actor_cast<caf::actor>(address))
      caf::anon_send_exit(stream, caf::exit_reason::user_shutdown);
}

void pod_streams::log(const actors::node_handle& node, const api::rest::log_options& options,
                      api::rest::log_callbacks callbacks) {
  open_at(impl_->sys, node, to_message(options),
          [i = impl_, name = "log " + options.ns + "/" + options.pod,
           callbacks = std::move(callbacks)](auto opened) {
            if (!opened)
              return callbacks.done(opened.error());
            i->start(name, std::make_shared<log_client>(callbacks, i->timers), opened->stream);
          });
}

void pod_streams::connect(const actors::node_handle& node, const api::rest::stream_options& options,
                          std::function<void(api::result<api::rest::stream_target>)> done) {
  open_at(impl_->sys, node, to_message(options),
          [i = impl_, name = options.kind + " " + options.ns + "/" + options.pod,
           session = options.kind != "portforward", done = std::move(done)](auto opened) {
            if (!opened)
              return done(api::fail(std::move(opened.error())));
            done(api::rest::stream_target{
                opened->url,
                [i, name, session, peer = opened->stream](auto client, auto head, auto over) {
                  i->start(name,
                           std::make_shared<connection_client>(std::move(client), std::move(head),
                                                               session, std::move(over)),
                           peer);
                }});
          });
}

void pod_streams::page(const actors::node_handle& node, const std::string& path,
                       std::function<void(api::result<api::rest::node_page>)> done) {
  ask_node<actors::node_page>(
      impl_->sys, node, actors::node_page_query{path}, [done = std::move(done)](auto p) {
        if (p)
          done(api::rest::node_page{p->status, std::move(p->type), std::move(p->body)});
        else
          done(api::fail(std::move(p.error())));
      });
}

} // namespace thespis::tools
