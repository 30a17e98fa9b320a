#include "api/rest/links.hpp"

#include "api/rest/answers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::api::rest {

namespace {

transport::outcome turned_away(const exchange& x, int status, reason why, std::string message) {
  spdlog::warn("rest: a link of {} is refused: {}", x.user.name, message);
  error e;
  e.why = why;
  e.message = std::move(message);
  auto r = answer(e);
  r.status = status;
  if (status == 426 && !x.server->options.link_protocols.empty())
    r.headers.emplace_back("Upgrade", x.server->options.link_protocols.front());
  x.observe(status);
  return transport::respond{std::move(r)};
}

/// Writes the answer, then takes the connection from HTTP.
void switch_protocols(const exchange_ptr& x, const std::string& protocol,
                      const std::shared_ptr<transport::raw_stream>& stream) {
  const auto head =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + protocol +
      "\r\n\r\n";
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

transport::outcome other_version(const exchange& x, const transport::request_head& head) {
  if (!head.wants_upgrade())
    return turned_away(x, 426, reason::bad_request, "a link is asked for by an Upgrade");
  const auto& known = x.server->options.link_protocols;
  return turned_away(x, 426, reason::bad_request,
                     "this server speaks " + (known.empty() ? std::string{"none"} : known.front()) +
                         "; the peer offers " + std::string{head.header("Upgrade")} +
                         ": both must be of one build of Thespis");
}

} // namespace

transport::outcome open_link(exchange_ptr x, const transport::request_head& head) {
  if (!x->server->options.link)
    return turned_away(*x, 404, reason::not_found, "this server takes no links");
  if (!head.peer().tls)
    return turned_away(*x, 400, reason::bad_request, "links need TLS");
  const auto& known = x->server->options.link_protocols;
  const auto protocol = std::find_if(known.begin(), known.end(), [&](const std::string& p) {
    return head.has_token("Upgrade", p);
  });
  if (x->method != "GET" || !head.wants_upgrade() || protocol == known.end())
    return other_version(*x, head);
  transport::upgrade u;
  u.start = [x, protocol = *protocol](const std::shared_ptr<transport::upgrade_request>& request) {
    request->accept([x, protocol](const auto& stream) { switch_protocols(x, protocol, stream); });
  };
  return u;
}

} // namespace thespis::api::rest
