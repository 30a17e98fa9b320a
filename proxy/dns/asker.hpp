// Questions to the resolvers above: one socket a question, so that its port is as hard to guess
// as its id. All on the server's thread.
#pragma once

#include "proxy/dns/server.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::proxy::dns {

/// Called once; an empty answer means that nobody answered.
using answered = std::function<void(std::string_view answer)>;

class asker {
public:
  asker(boost::asio::io_context& io, std::vector<upstream> upstreams,
        std::function<uint16_t()> random_id);

  /// Asks one resolver after the other, over the transport that the client chose. False, and
  /// nothing is called, when there is no resolver or too much is asked already.
  bool ask(std::string request, transport via, answered done);

private:
  class exchange;

  boost::asio::io_context& io_;
  std::vector<upstream> upstreams_;
  std::function<uint16_t()> random_id_;
  std::shared_ptr<size_t> outstanding_;
  size_t next_ = 0; ///< the resolver that answered last
};

} // namespace thespis::proxy::dns
