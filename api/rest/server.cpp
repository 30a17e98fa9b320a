#include "api/rest/server.hpp"

#include "api/rest/admission_gate.hpp"
#include "api/rest/answers.hpp"
#include "api/rest/core.hpp"
#include "api/rest/router.hpp"
#include "api/rest/watches.hpp"
#include "api/rest/writes.hpp"

#include <cpprest/http_listener.h>
#include <spdlog/spdlog.h>

namespace thespis::api::rest {

namespace {

using web::http::experimental::listener::http_listener;

error write_timed_out() {
  return make_error(reason::timeout,
                    "Timeout: request did not complete within the allotted timeout");
}

/// One answer to one request, by whoever comes first: the backend or the clock.
class pending_reply {
public:
  pending_reply(exchange_ptr x, web::http::http_request request)
      : x_(std::move(x)), request_(std::move(request)) {}

  /// Nobody is left who could answer: the client must not wait for ever.
  ~pending_reply() {
    if (!sent_)
      send(answer(internal_error("the request was dropped")));
  }

  void send(transport::response r) {
    if (sent_.exchange(true))
      return;
    x_->server->clock.cancel(timer_);
    add_flow(*x_, r.headers);
    x_->observe(r);
    transport::reply(request_, in_form(*x_, std::move(r)));
  }

  /// Before the reply can come.
  void set_timer(timers::timer_ptr t) { timer_ = std::move(t); }

private:
  exchange_ptr x_;
  web::http::http_request request_;
  timers::timer_ptr timer_;
  std::atomic<bool> sent_{false};
};

void handle(const web::http::http_request& request) {
  auto x = transport::context_of<exchange>(request);
  if (!x) {
    transport::reply(request, answer(internal_error("the request came without its context")));
    return;
  }
  auto pending = std::make_shared<pending_reply>(x, request);
  pending->set_timer(
      x->server->clock.after(x->server->options.write_timeout, [weak = std::weak_ptr(pending)] {
        if (auto p = weak.lock())
          p->send(answer(write_timed_out()));
      }));
  try {
    enter(
        x, [pending](transport::response r) { pending->send(std::move(r)); },
        [x, pending, request](const std::shared_ptr<fairness::seat>& seat) {
          // The seat is held until the work is done, also when nobody waits for it any more.
          run_write(x, transport::body_of(request), [pending, seat](transport::response r) {
            if (seat)
              seat->release();
            pending->send(std::move(r));
          });
        });
  } catch (const std::exception& e) {
    spdlog::error("rest: {} {} failed: {}", x->method, x->target.path, e.what());
    pending->send(answer(internal_error("the request could not be handled")));
  }
}

std::string host_port(const std::string& address, uint16_t port) {
  return (address.find(':') == address.npos ? address : "[" + address + "]") + ":" +
         std::to_string(port);
}

} // namespace

struct server::impl {
  core_ptr shared;
  std::shared_ptr<transport::server> transport;
  std::unique_ptr<http_listener> listener;
  bool stopped = false;
};

server::server(std::unique_ptr<impl> i) : impl_(std::move(i)) {}

server::~server() {
  stop(std::chrono::milliseconds{0});
}

result<std::unique_ptr<server>> server::start(backend& cluster, const schema::registry& schemas,
                                              server_options options) {
  auto i = std::make_unique<impl>();
  auto transport_options = options.transport;
  options.transport.tls = {}; // the key has no business in what handlers share
  i->shared = std::make_shared<core>(cluster, schemas, std::move(options));
  auto shared = i->shared;
  auto started = transport::server::start(
      std::move(transport_options),
      [weak = std::weak_ptr(shared)](const transport::request_head& head) -> transport::outcome {
        auto core = weak.lock();
        if (!core)
          return transport::refuse(internal_error("the server is stopping"));
        return route(core, head);
      });
  if (!started)
    return fail(std::move(started.error()));
  i->transport = std::move(*started);
  const auto& o = shared->options;
  shared->address = o.external_address.empty()
                        ? host_port(o.transport.address, i->transport->port())
                        : o.external_address;
  try {
    i->listener = std::make_unique<http_listener>(i->transport->base_uri());
    i->listener->support(handle);
    i->listener->support(web::http::methods::OPTIONS, handle);
    i->listener->open().wait();
  } catch (const std::exception& e) {
    return fail(internal_error(std::string("the HTTP listener does not open: ") + e.what()));
  }
  return std::unique_ptr<server>(new server(std::move(i)));
}

uint16_t server::port() const {
  return impl_->transport->port();
}

result<void> server::reload_tls(const transport::tls_material& tls) {
  return impl_->transport->reload_tls(tls);
}

transport::server_stats server::stats() const {
  return impl_->transport->stats();
}

void server::stop(std::chrono::milliseconds grace) {
  if (std::exchange(impl_->stopped, true))
    return;
  stop_watches(*impl_->shared);
  impl_->transport->stop(grace);
  try {
    impl_->listener->close().wait();
  } catch (const std::exception& e) {
    spdlog::warn("rest: the HTTP listener does not close: {}", e.what());
  }
  impl_->shared->forwarding.stop();
  impl_->shared->clock.stop();
}

} // namespace thespis::api::rest
