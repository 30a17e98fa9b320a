#include "api/rest/links.hpp"

#include "api/rest/answers.hpp"

namespace thespis::api::rest {

namespace {

transport::outcome turned_away(const exchange& x, int status, reason why, std::string message) {
  error e;
  e.why = why;
  e.message = std::move(message);
  auto r = answer(e);
  r.status = status;
  if (status == 426)
    r.headers.emplace_back("Upgrade", link_protocol);
  x.observe(status);
  return transport::respond{std::move(r)};
}

/// Writes the answer, then takes the connection from HTTP.
void switch_protocols(const exchange_ptr& x, const std::shared_ptr<transport::raw_stream>& stream) {
  const auto head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " +
                    std::string{link_protocol} + "\r\n\r\n";
  stream->write(head, [x, stream](boost::system::error_code ec) {
    if (ec)
      return;
    auto peer = stream->peer().address;
    stream->take([x, peer](transport::taken_socket socket) {
      x->observe(101);
      if (socket.fd < 0)
        return;
      x->server->options.link({x->user, peer, std::move(socket)});
    });
  });
}

} // namespace

transport::outcome open_link(exchange_ptr x, const transport::request_head& head) {
  if (!x->server->options.link)
    return turned_away(*x, 404, reason::not_found, "this server takes no links");
  if (!head.peer().tls)
    return turned_away(*x, 400, reason::bad_request, "links need TLS");
  if (x->method != "GET" || !head.wants_upgrade() || !head.has_token("Upgrade", link_protocol))
    return turned_away(*x, 426, reason::bad_request,
                       "this server speaks " + std::string{link_protocol} + "; the peer offers " +
                           (head.header("Upgrade").empty() ? std::string{"no upgrade"}
                                                           : std::string{head.header("Upgrade")}));
  transport::upgrade u;
  u.start = [x](const std::shared_ptr<transport::upgrade_request>& request) {
    request->accept([x](const auto& stream) { switch_protocols(x, stream); });
  };
  return u;
}

} // namespace thespis::api::rest
