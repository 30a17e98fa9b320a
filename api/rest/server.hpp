// The REST server: Kubernetes' API over HTTP. Reads are answered on the I/O thread from the
// backend's snapshots, before cpprestsdk builds a request; writes go through an http_listener to
// backend::submit and are answered when it is done.
#pragma once

#include "api/outbound/extensions.hpp"
#include "api/rest/access.hpp"
#include "api/rest/backend.hpp"
#include "api/rest/transport/server.hpp"
#include "api/schema/schema.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace thespis::api::audit {
struct sink;
}

namespace thespis::api::fairness {
class gate;
}

namespace prometheus {
class Registry;
}

namespace thespis::api::rest {

/// What /version answers (version.Info).
struct version_info {
  std::string major = "1";
  std::string minor = "34";
  std::string git_version = "v1.34.0+thespis";
  std::string git_commit;
  std::string git_tree_state = "clean";
  std::string build_date = "1970-01-01T00:00:00Z";
  std::string compiler = "g++";
  std::string platform = "linux/amd64";
};

/// A peer that has left HTTP to become part of the actor system. The socket is the receiver's.
struct link_request {
  user_info user;
  std::string address; ///< of the peer
  transport::taken_socket socket;
};

struct server_options {
  transport::transport_options transport;
  /// Takes links; null: there are none. Called on I/O threads; must not block.
  std::function<void(link_request)> link;
  /// What links speak: `Upgrade` must name one of these, each of another kind of peer.
  std::vector<std::string> link_protocols;
  /// Who is linked, as JSON; null: nobody can be.
  std::function<std::string()> members;
  /// Null: no bearer token is good.
  token_authenticator tokens;
  /// What strangers may ask for; see stranger_rule. Null: as if nobody had said.
  stranger_rule strangers;
  /// Whose discovery document and keys are served; null: none.
  std::shared_ptr<const auth::service_account_tokens> issuer;
  /// Null: members of system:masters may do all, others what Kubernetes' default policy gives
  /// everyone.
  std::shared_ptr<const auth::policy> access;
  /// Who waits and who is sent away; null: by Kubernetes' default objects.
  std::shared_ptr<fairness::gate> gate;
  /// Where requests are written down; null: nowhere.
  std::shared_ptr<const audit::sink> audit;
  version_info version;
  /// The wall clock, for ages in tables.
  std::function<std::chrono::sys_time<std::chrono::nanoseconds>()> now;
  /// How often a watch that allows bookmarks gets one.
  std::chrono::milliseconds bookmark_interval{60'000};
  /// How long a watch lasts that names no timeoutSeconds; every second one lasts a while longer,
  /// so that not all clients come back at once.
  std::chrono::milliseconds watch_timeout{30 * 60'000};
  /// What a writer is promised before it gets a 504.
  std::chrono::milliseconds write_timeout{34'000};
  /// Runs work that may wait for another server, on a thread of its own kind; false when there is
  /// too much of it already. Null: in place.
  std::function<bool(std::function<void()>)> offload;
  /// What other servers answer for; null: nothing. They are shown the certificate.
  std::shared_ptr<const outbound::extension_table> extensions;
  outbound::front_proxy front_proxy;
  /// Where the server's counters register; null makes a registry of its own.
  std::shared_ptr<prometheus::Registry> metrics;
  /// "host:port" that clients outside are told; empty: the address listened on.
  std::string external_address;
};

/// A running server. Owned by the process's composition root; backend and registry outlive it.
class server {
public:
  /// Listens. Errors: those of transport::server::start; internal_error when the listener
  /// does not open.
  static result<std::unique_ptr<server>> start(backend& cluster, const schema::registry& schemas,
                                               server_options options);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  uint16_t port() const;
  /// New connections use the new certificates. On error nothing changes.
  result<void> reload_tls(const transport::tls_material& tls);
  transport::server_stats stats() const;
  /// Ends watches, lets requests finish for `grace`, closes. Blocks; a second call does nothing.
  void stop(std::chrono::milliseconds grace);

private:
  struct impl;
  explicit server(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::api::rest
