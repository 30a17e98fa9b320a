// How a machine becomes part of a cluster: by a token once, by its own certificate from then on.
#pragma once

#include "api/result.hpp"
#include "config/certificates.hpp"
#include "runtime/link/access.hpp"

#include <string>

namespace thespis::tools {

/// What `thespis token create` prints: "T1<sha256 of the authority>::<id>.<secret>".
struct join_token {
  std::string ca_sha256; ///< lower-case hex
  std::string bearer;    ///< "id.secret"
};

/// Errors: bad_request when the text is no such token.
api::result<join_token> parse_join_token(const std::string& text);
std::string print_join_token(const join_token& t);

using runtime::link::parse_server;
using runtime::link::server_address;

/// What a machine proves itself with, and knows the server by.
struct credentials {
  std::string ca; ///< PEM
  config::key_pair own;
};

struct join_options {
  std::string dir;  ///< of the credentials' files: ca.crt, agent.crt, agent.key
  std::string node; ///< the name to join as
  std::string server;
  std::string token; ///< empty: the files must be there
};

/// The credentials of an earlier start, or new ones for the token: the server signs a certificate
/// for a key that never leaves this machine. Blocks. Errors: bad_request, unauthorized (the server
/// is not the token's, or does not take the token), forbidden, service_unavailable.
api::result<credentials> join_cluster(const join_options& options, config::wall_time now);

/// Whether it is time for a new certificate: less than a third of its life is left.
bool wants_renewal(const credentials& c, config::wall_time now);

/// A new certificate for the same name, asked for with the one that still holds. Blocks.
api::result<credentials> renew(const join_options& options, const credentials& old);

} // namespace thespis::tools
