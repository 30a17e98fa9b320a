#include "proxy/health_checks.hpp"

#include "api/json.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

namespace thespis::proxy {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr size_t max_connections = 64;
constexpr size_t max_request = 8192;
constexpr auto patience = std::chrono::seconds{5};

http::response<http::string_body> response_to(const health_answer& a, unsigned version) {
  http::response<http::string_body> res{
      a.local_endpoints > 0 ? http::status::ok : http::status::service_unavailable, version};
  res.set(http::field::content_type, "application/json");
  res.set("X-Content-Type-Options", "nosniff");
  res.set("X-Load-Balancing-Endpoint-Weight", std::to_string(a.local_endpoints));
  res.body() = "{\"service\":{\"namespace\":" + api::json::quote(a.ns) +
               ",\"name\":" + api::json::quote(a.service) +
               "},\"localEndpoints\":" + std::to_string(a.local_endpoints) +
               ",\"serviceProxyHealthy\":true}";
  res.keep_alive(false);
  res.prepare_payload();
  return res;
}

/// One request and its answer.
struct exchange : std::enable_shared_from_this<exchange> {
  exchange(tcp::socket socket, health_answer answer, size_t& open)
      : stream{std::move(socket)}, answer{std::move(answer)}, open{open} {
    ++open;
    parser.header_limit(max_request);
    parser.body_limit(max_request);
  }
  ~exchange() { --open; }

  void run() {
    stream.expires_after(patience);
    http::async_read(stream, buffer, parser, [self = shared_from_this()](auto error, size_t) {
      if (error)
        return;
      self->response = response_to(self->answer, self->parser.get().version());
      http::async_write(self->stream, self->response, [self](auto, size_t) {
        beast::error_code ignored;
        self->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
      });
    });
  }

  beast::tcp_stream stream;
  beast::flat_buffer buffer{2 * max_request};
  http::request_parser<http::string_body> parser;
  http::response<http::string_body> response;
  const health_answer answer;
  size_t& open;
};

struct listener {
  listener(asio::io_context& io, health_answer a) : acceptor{io}, answer{std::move(a)} {}
  tcp::acceptor acceptor;
  health_answer answer;
};

} // namespace

struct health_checks::impl {
  void accept(const std::shared_ptr<listener>& l) {
    l->acceptor.async_accept([this, l](beast::error_code error, tcp::socket socket) {
      if (!l->acceptor.is_open())
        return;
      if (!error && open < max_connections)
        std::make_shared<exchange>(std::move(socket), l->answer, open)->run();
      accept(l);
    });
  }

  void listen(uint16_t port, health_answer answer) {
    auto l = std::make_shared<listener>(io, std::move(answer));
    beast::error_code error;
    // Both families with one socket, where the kernel has both.
    tcp::endpoint at{tcp::v6(), port};
    l->acceptor.open(at.protocol(), error);
    if (!error) {
      l->acceptor.set_option(asio::ip::v6_only{false}, error);
    } else {
      at = {tcp::v4(), port};
      l->acceptor.open(at.protocol(), error);
    }
    if (!error)
      l->acceptor.set_option(asio::socket_base::reuse_address{true}, error);
    if (!error)
      l->acceptor.bind(at, error);
    if (!error)
      l->acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      spdlog::error("load balancers cannot check service {}/{} on port {}: {}", l->answer.ns,
                    l->answer.service, port, error.message());
      return;
    }
    listeners[port] = l;
    accept(l);
  }

  void serve(health_answers wanted) {
    for (auto i = listeners.begin(); i != listeners.end();) {
      if (wanted.count(i->first)) {
        ++i;
        continue;
      }
      i->second->acceptor.close();
      i = listeners.erase(i);
    }
    for (auto& [port, answer] : wanted) {
      if (const auto known = listeners.find(port); known != listeners.end())
        known->second->answer = std::move(answer);
      else
        listen(port, std::move(answer));
    }
  }

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  size_t open = 0;
  std::map<uint16_t, std::shared_ptr<listener>> listeners;
  std::thread thread{[this] { io.run(); }};
};

health_checks::health_checks() : impl_{std::make_unique<impl>()} {}

health_checks::~health_checks() {
  impl_->io.stop();
  impl_->thread.join();
}

void health_checks::serve(health_answers answers) {
  asio::post(impl_->io, [i = impl_.get(), answers = std::move(answers)]() mutable {
    i->serve(std::move(answers));
  });
}

} // namespace thespis::proxy
