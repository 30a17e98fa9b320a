// The DNS server's sockets: UDP in batches, TCP, and questions to the resolvers above. One thread
// of its own; everything it knows is changed by `change`, from any thread.
#pragma once

#include "api/result.hpp"
#include "proxy/dns/responder.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thespis::proxy::dns {

/// A resolver that answers what is not the cluster's.
struct upstream {
  std::string address;
  uint16_t port = 53;
};

struct server_options {
  responder_options zone;
  std::string address = "127.0.0.1";
  uint16_t port = 0;              ///< 0: any that is free, for UDP and TCP alike
  std::vector<api::cidr> clients; ///< who is answered, beside this machine; others are ignored
  std::vector<upstream> upstreams;
  /// Ids of questions to others must not be guessed.
  std::function<uint16_t()> random_id;
};

/// Limits of the server, so that no client and no dead resolver makes it grow.
inline constexpr size_t max_connections = 256;
inline constexpr size_t max_outstanding = 1024;

class server {
public:
  /// Binds and begins to serve. Errors: internal_error when the address cannot be bound.
  static api::result<std::unique_ptr<server>> start(server_options options);
  ~server();

  uint16_t port() const;
  /// Runs `change` on the zone between two answers. Thread-safe.
  void change(std::function<void(zone&)> change);
  /// Thread-safe.
  responder_counters counters() const;

private:
  class impl;
  explicit server(std::unique_ptr<impl> p);
  std::unique_ptr<impl> impl_;
};

/// The resolvers of a resolv.conf, without those in `except` (the cluster's own DNS).
std::vector<upstream> upstreams_of(std::string_view resolv_conf,
                                   const std::vector<std::string>& except);

} // namespace thespis::proxy::dns
