// The third part of the node actor: logs and connections of its containers, as streams.
#include "actors/node/node_actor.hpp"

#include "actors/pod/probe_url.hpp"
#include "runtime/streams/stream_actor.hpp"

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

using promise = caf::typed_response_promise<stream_opened>;

constexpr auto pod_deadline = 30s;

stream_opened refused(api::error why) {
  stream_opened res;
  res.failure = std::move(why);
  return res;
}

runtime::log_options log_options_of(const open_log& o, runtime::wall_time now) {
  runtime::log_options res;
  if (o.tail_lines >= 0)
    res.tail_lines = o.tail_lines;
  if (o.limit_bytes >= 0)
    res.limit_bytes = o.limit_bytes;
  if (o.since_seconds >= 0)
    res.since = (now - std::chrono::seconds{o.since_seconds}).time_since_epoch().count();
  if (o.since_nanos >= 0)
    res.since = o.since_nanos;
  res.timestamps = o.timestamps;
  return res;
}

} // namespace

void node_actor::locate(const std::string& ns, const std::string& pod, const container_query& what,
                        std::function<void(container_location)> found) {
  for (auto& [uid, entry] : pods_)
    if (entry.ns == ns && entry.name == pod && entry.actor) {
      this->request(entry.actor, pod_deadline, what)
          .then([found](container_location& l) { found(std::move(l)); },
                [found, this](const caf::error& e) {
                  container_location none;
                  none.failure = api::internal_error(this->system().render(e));
                  found(std::move(none));
                });
      return;
    }
  container_location none;
  none.failure = api::not_found("pods", pod);
  found(std::move(none));
}

caf::result<container_location> node_actor::find(const find_container& f) {
  for (auto& [uid, entry] : pods_)
    if (entry.ns == f.ns && entry.name == f.pod && entry.actor)
      return this->delegate(entry.actor, f.what);
  container_location none;
  none.failure = api::not_found("pods", f.pod);
  return none;
}

stream_opened node_actor::start_stream(const std::string& name,
                                       std::shared_ptr<runtime::stream_port> local,
                                       std::string url) {
  const auto actor =
      this->spawn<runtime::stream_actor>(runtime::stream_deps{name, std::move(local)});
  // Those that are over are forgotten.
  std::erase_if(streams_, [](const auto& a) { return !caf::actor_cast<caf::actor>(a); });
  streams_.push_back(actor.address());
  stream_opened res;
  res.ok = true;
  res.stream = actor;
  res.url = std::move(url);
  return res;
}

caf::result<stream_opened> node_actor::open(const open_log& o) {
  const auto answer = std::make_shared<promise>(this->make_response_promise<stream_opened>());
  // Asked on the log's thread.
  auto still_running = [address = this->address(), this, o](std::function<void(bool)> told) {
    const auto self = caf::actor_cast<continuable>(address);
    if (!self)
      return told(false);
    caf::anon_send(self, continuation{[this, o, told] {
                     locate(o.ns, o.pod, o.what,
                            [told](const container_location& l) { told(l.ok && l.running); });
                   }});
  };
  locate(o.ns, o.pod, o.what, [this, o, answer, still_running](const container_location& l) {
    if (!l.ok) {
      answer->deliver(refused(l.failure));
      return;
    }
    const bool goes_on = o.follow && !o.what.previous;
    deps_.streams->open_log(
        l.log_path, log_options_of(o, deps_.ports->env.clock->now()),
        goes_on ? runtime::stream_sources::liveness{still_running} : nullptr,
        here<std::shared_ptr<runtime::stream_port>>([this, o, answer](auto port) {
          answer->deliver(port ? start_stream("log " + o.ns + "/" + o.pod + " " + o.what.container,
                                              std::move(*port), {})
                               : refused(std::move(port.error())));
        }));
  });
  return *answer;
}

caf::result<stream_opened> node_actor::open(const open_connection& o) {
  const auto answer = std::make_shared<promise>(this->make_response_promise<stream_opened>());
  const auto connect = here<std::string>([this, o, answer](api::result<std::string> url) {
    if (!url) {
      answer->deliver(refused(std::move(url.error())));
      return;
    }
    const auto to = probe_url{}.resolve(*url);
    if (!to) {
      answer->deliver(refused(api::internal_error("the streaming server's address is no URL")));
      return;
    }
    deps_.streams->connect(
        to->host, static_cast<uint16_t>(to->port),
        here<std::shared_ptr<runtime::stream_port>>([this, o, answer, url = *url](auto port) {
          answer->deliver(
              port ? start_stream(o.kind + " " + o.ns + "/" + o.pod, std::move(*port), url)
                   : refused(std::move(port.error())));
        }));
  });
  locate(o.ns, o.pod, {o.container, false}, [this, o, answer, connect](const auto& l) {
    const runtime::stream_options streams{o.in, o.out, o.err, o.tty};
    if (!l.ok)
      answer->deliver(refused(l.failure));
    else if (o.kind == "portforward")
      containers().port_forward(l.sandbox_id, o.ports, connect);
    else if (!l.running)
      answer->deliver(refused(api::bad_request("container not found (\"" + o.container + "\")")));
    else if (o.kind == "exec")
      containers().exec(l.id, o.command, streams, connect);
    else
      containers().attach(l.id, streams, connect);
  });
  return *answer;
}

} // namespace thespis::actors
