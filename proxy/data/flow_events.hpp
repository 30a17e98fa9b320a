// What conntrack tells of translated flows: when they are answered and when they end.
#pragma once

#include "api/result.hpp"
#include "proxy/data/flow.hpp"
#include "proxy/data/ruleset.hpp"

#include <memory>
#include <vector>

struct mnl_socket;

namespace thespis::proxy {

/// One piece of news, and the endpoint the flow was sent to.
struct flow_event {
  flow what;
  backend to;
  flow_news news = flow_news::ended;
};

/// Listens in the network namespace of the thread that opens it. For one thread.
class flow_events {
public:
  /// Needs CAP_NET_ADMIN.
  static api::result<flow_events> open();

  /// To wait on: updates of open flows, and flows that are forgotten.
  int updates() const;
  int endings() const;

  /// Appends what there is, a bounded number of pieces; never blocks. Sets `lost` when the kernel
  /// dropped some. False when there may be nothing more.
  bool read(std::vector<flow_event>& out, bool& lost);

  /// All translated flows that are open now, as `answered`; blocks while the kernel lists them.
  static api::result<std::vector<flow_event>> census();

private:
  struct closer {
    void operator()(mnl_socket* s) const;
  };
  struct buffers;
  struct free_buffers {
    void operator()(buffers* b) const;
  };
  flow_events();

  bool read_from(mnl_socket* s, std::vector<flow_event>& out, bool& lost);

  std::unique_ptr<mnl_socket, closer> updates_;
  std::unique_ptr<mnl_socket, closer> endings_;
  std::unique_ptr<buffers, free_buffers> buffers_;
};

} // namespace thespis::proxy
