// One client's TCP connection: messages with their length before them, answered in turn.
#pragma once

#include "proxy/dns/responder.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace thespis::proxy::dns {

/// Sends what a message comes to: at once or later, never when it is ignored.
using reply_to = std::function<void(std::string answer)>;
/// What is done with a message.
using on_message = std::function<void(std::string request, reply_to reply)>;

/// Keeps itself alive; ends when the client does, is idle, or sends what is no DNS message.
class tcp_session : public std::enable_shared_from_this<tcp_session> {
public:
  /// `alive` is dropped with the session; it counts them.
  tcp_session(boost::asio::ip::tcp::socket socket, on_message handle, std::shared_ptr<void> alive);
  void start() { read(); }

private:
  void read();
  void write(std::string answer);
  void limit_time();
  void close();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  on_message handle_;
  std::shared_ptr<void> alive_;
  std::array<uint8_t, 2> head_{};
  std::string body_;
};

} // namespace thespis::proxy::dns
