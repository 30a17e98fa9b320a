#include "api/rest/transport/cpprest.hpp"

#include <cpprest/details/http_server.h>
#include <cpprest/details/http_server_api.h>
#include <cpprest/http_listener.h>
#include <pplx/pplxtasks.h>
#include <spdlog/spdlog.h>

#include <shared_mutex>

namespace thespis::api::transport {

namespace {

namespace listener = web::http::experimental::listener;
namespace details = web::http::experimental::details;
using listener_impl = listener::details::http_listener_impl;
using body_buffer = concurrency::streams::container_buffer<std::string>;

/// What travels with an http_request: where its answer goes, and what handlers ask about it.
class exchange final : public web::http::details::_http_server_context {
public:
  exchange(std::shared_ptr<connection> conn, uint64_t id, std::shared_ptr<void> context,
           std::string target, body_buffer body)
      : context{std::move(context)}, target{std::move(target)}, body{std::move(body)},
        conn_{std::move(conn)}, id_{id} {}
  ~exchange() override {
    if (!answered_)
      conn_->reply(id_, status_response(500, "the request was dropped without an answer"));
  }
  /// The first answer goes out, others are dropped; `done` is called in any case.
  void answer(response r, std::function<void()> done = {}) {
    if (!answered_.exchange(true))
      conn_->reply(id_, std::move(r), std::move(done));
    else if (done)
      done();
  }
  const peer_identity& peer() const { return conn_->peer(); }

  const std::shared_ptr<void> context;
  const std::string target;
  const body_buffer body;

private:
  const std::shared_ptr<connection> conn_;
  const uint64_t id_;
  std::atomic<bool> answered_{false};
};

exchange* exchange_of(const web::http::http_request& request) {
  return dynamic_cast<exchange*>(request._get_server_context());
}

/// Runs every task where it becomes ready. Handlers never block, so the thread that completes
/// something may as well go on with it.
class inline_scheduler final : public pplx::scheduler_interface {
public:
  void schedule(pplx::TaskProc_t task, void* argument) override { task(argument); }
};

struct registration {
  std::string path; // without a trailing slash
  listener_impl* listener;
  std::shared_mutex running; // held shared by handlers
};

bool leads_to(const std::string& prefix, std::string_view path) {
  return path.size() >= prefix.size() && path.compare(0, prefix.size(), prefix) == 0 &&
         (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string authority_of(const web::uri& uri) {
  return uri.host() + ":" + std::to_string(uri.port());
}

} // namespace

class listener_set {
public:
  std::shared_ptr<registration> find(std::string_view path) {
    std::shared_lock lock{mutex_};
    std::shared_ptr<registration> best;
    for (auto& r : entries_)
      if (leads_to(r->path, path) && (!best || r->path.size() > best->path.size()))
        best = r;
    return best;
  }
  bool add(listener_impl* l) {
    auto r = std::make_shared<registration>();
    r->path = l->uri().path();
    while (!r->path.empty() && r->path.back() == '/')
      r->path.pop_back();
    r->listener = l;
    std::unique_lock lock{mutex_};
    for (auto& other : entries_)
      if (other->path == r->path)
        return false;
    entries_.push_back(std::move(r));
    return true;
  }
  void remove(listener_impl* l) {
    std::shared_ptr<registration> removed;
    {
      std::unique_lock lock{mutex_};
      for (auto i = entries_.begin(); i != entries_.end(); ++i)
        if ((*i)->listener == l) {
          removed = *i;
          entries_.erase(i);
          break;
        }
    }
    if (!removed)
      return;
    std::unique_lock wait_for_handlers{removed->running};
    removed->listener = nullptr;
  }

private:
  std::shared_mutex mutex_;
  std::vector<std::shared_ptr<registration>> entries_;
};

namespace {

struct registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<listener_set>> sets;
};

registry& all_listeners() {
  static auto* instance = new registry; // outlives listeners that are static themselves
  return *instance;
}

/// The body of an answer that is in memory as a whole, without copying; else none.
std::optional<payload> whole_body(const web::http::http_response& r) {
  auto in = r.body();
  if (!in.is_valid())
    return payload{};
  auto buffer = std::make_shared<concurrency::streams::streambuf<uint8_t>>(in.streambuf());
  if (!buffer->can_seek())
    return {};
  auto size = r._get_impl()->_get_stream_length();
  uint8_t* bytes = nullptr;
  size_t available = 0;
  if (size == 0)
    return payload{};
  if (!buffer->acquire(bytes, available) || bytes == nullptr)
    return {};
  if (available != size) {
    buffer->release(bytes, 0);
    return {};
  }
  return payload{{boost::asio::buffer(bytes, size)}, std::move(buffer)};
}

response to_response(const web::http::http_response& r, payload body) {
  response out;
  out.status = r.status_code();
  out.content_type.clear();
  out.body = std::move(body);
  for (auto& [name, value] : r.headers()) {
    if (equals_ignoring_case(name, "content-type"))
      out.content_type = value;
    else if (equals_ignoring_case(name, "connection"))
      out.close = equals_ignoring_case(value, "close");
    else
      out.headers.emplace_back(name, value);
  }
  return out;
}

class beast_server final : public details::http_server {
public:
  pplx::task<void> start() override { return pplx::task_from_result(); }
  pplx::task<void> stop() override { return pplx::task_from_result(); }

  pplx::task<void> register_listener(listener_impl* l) override {
    if (!listeners_of(authority_of(l->uri()))->add(l))
      return pplx::task_from_exception<void>(
          std::invalid_argument("a listener for this path is open already"));
    return pplx::task_from_result();
  }

  pplx::task<void> unregister_listener(listener_impl* l) override {
    listeners_of(authority_of(l->uri()))->remove(l);
    return pplx::task_from_result();
  }

  // Completed when the answer has been written or the client has gone; never with an exception,
  // which an unobserved continuation would turn into the end of the process.
  pplx::task<void> respond(web::http::http_response r) override {
    auto* context = dynamic_cast<exchange*>(r._get_server_context());
    if (context == nullptr)
      return pplx::task_from_result();
    pplx::task_completion_event<void> sent;
    if (auto body = whole_body(r)) {
      context->answer(to_response(r, std::move(*body)), [sent] { sent.set(); });
      return pplx::create_task(sent);
    }
    body_buffer collected;
    r.body().read_to_end(collected).then(
        [r, context, collected, sent](pplx::task<size_t> read) mutable {
          try {
            read.get();
            context->answer(to_response(r, payload{std::move(collected.collection())}),
                            [sent] { sent.set(); });
          } catch (const std::exception& e) {
            spdlog::error("http transport: the body of an answer cannot be read: {}", e.what());
            context->answer(status_response(500, "the answer could not be produced"),
                            [sent] { sent.set(); });
          }
        });
    return pplx::create_task(sent);
  }
};

// Never deleted: see install().
listener::http_listener* anchor = nullptr;

// Before main, since pplx settles for its own thread pool as soon as anyone makes a task; a default
// constructed http_listener is enough.
const bool runs_inline = [] {
  try {
    pplx::set_ambient_scheduler(std::make_shared<inline_scheduler>());
    return true;
  } catch (const std::exception&) {
    return false;
  }
}();

} // namespace

result<void> install() {
  static std::mutex mutex;
  std::lock_guard lock{mutex};
  if (anchor == nullptr) {
    if (!runs_inline)
      return fail(internal_error("pplx runs on another scheduler already"));
    try {
      details::http_server_api::register_server_api(std::make_unique<beast_server>());
      auto first = std::make_unique<listener::http_listener>(web::uri{"http://transport:1/"});
      first->open().get();
      anchor = first.release();
    } catch (const std::exception& e) {
      return fail(
          internal_error(std::string{"the HTTP transport cannot be installed: "} + e.what()));
    }
  }
  if (dynamic_cast<beast_server*>(details::http_server_api::server_api()) == nullptr)
    return fail(internal_error("another HTTP transport is installed"));
  return {};
}

std::shared_ptr<listener_set> listeners_of(const std::string& authority) {
  auto& all = all_listeners();
  std::lock_guard lock{all.mutex};
  auto& set = all.sets[authority];
  if (!set)
    set = std::make_shared<listener_set>();
  return set;
}

void call_listener(listener_set& listeners, web::http::http_request& request,
                   std::string_view path) {
  if (auto found = listeners.find(path)) {
    std::shared_lock lock{found->running};
    if (found->listener != nullptr) {
      request._set_listener_path(found->listener->uri().path());
      try {
        found->listener->handle_request(request);
      } catch (const std::exception& e) {
        spdlog::error("http transport: a handler threw: {}", e.what());
        reply(request, status_response(500, "Internal error occurred"));
      }
      return;
    }
  }
  reply(request, status_response(404, "the server could not find the requested resource"));
}

std::optional<web::http::http_request> make_request(std::shared_ptr<connection> conn, uint64_t id,
                                                    const request_fields& head,
                                                    std::shared_ptr<void> context,
                                                    std::string body) {
  std::string target{head.target().data(), head.target().size()};
  web::uri uri;
  if (!web::uri::validate(target))
    return {};
  uri = web::uri{target};
  size_t size = body.size();
  body_buffer buffer{std::move(body), std::ios_base::in};
  auto peer_address = conn->peer().address;
  auto request = web::http::http_request::_create_request(std::make_unique<exchange>(
      std::move(conn), id, std::move(context), std::move(target), buffer));
  request.set_method(std::string{head.method_string().data(), head.method_string().size()});
  request.set_request_uri(uri);
  auto& headers = request.headers();
  for (auto& field : head)
    headers.add(std::string{field.name_string().data(), field.name_string().size()},
                std::string{field.value().data(), field.value().size()});
  auto impl = request._get_impl();
  impl->_set_http_version({1, static_cast<uint8_t>(head.version() % 10)});
  impl->_set_remote_address(peer_address);
  impl->set_instream(concurrency::streams::istream{buffer});
  impl->_complete(size);
  return request;
}

std::shared_ptr<void> context_of(const web::http::http_request& request) {
  auto* e = exchange_of(request);
  return e ? e->context : nullptr;
}

const peer_identity* peer_of(const web::http::http_request& request) {
  auto* e = exchange_of(request);
  return e ? &e->peer() : nullptr;
}

std::string_view target_of(const web::http::http_request& request) {
  auto* e = exchange_of(request);
  return e ? std::string_view{e->target} : std::string_view{};
}

std::string_view body_of(const web::http::http_request& request) {
  auto* e = exchange_of(request);
  return e ? std::string_view{e->body.collection()} : std::string_view{};
}

void reply(const web::http::http_request& request, response answer) {
  if (auto* e = exchange_of(request))
    e->answer(std::move(answer));
}

void reply_shared(const web::http::http_request& request, int status, std::string content_type,
                  shared_bytes body, header_list headers) {
  reply(request,
        {status, std::move(content_type), payload{std::move(body)}, std::move(headers), false});
}

} // namespace thespis::api::transport
