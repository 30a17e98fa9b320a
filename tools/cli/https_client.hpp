// One HTTPS request at a time, for subcommands that ask the API of this machine.
#pragma once

#include "api/result.hpp"
#include "config/certificates.hpp"

namespace thespis::tools {

struct https_answer {
  int code = 0;
  std::string body;
};

/// Where an API serves, and as whom to ask it.
struct https_target {
  std::string server; ///< "https://127.0.0.1:6443"; an IPv4 address or a name
  std::string ca_pem;
  config::key_pair client; ///< empty: no certificate
  std::string token;       ///< a bearer token; empty: none
};

/// Asks for `path` over TLS, trusting only the target's authority; `body` is JSON, and sent with
/// all methods but GET. Blocks, at most about `timeout` for each of connecting, handshake and
/// answer. Errors: service_unavailable when nothing serves there.
api::result<https_answer> https_ask(const https_target& target, const std::string& method,
                                    const std::string& path,
                                    std::chrono::seconds timeout = std::chrono::seconds{5},
                                    const std::string& body = {});

/// GETs `path` with a client certificate, likewise.
api::result<https_answer> https_get(const std::string& server, const std::string& path,
                                    const std::string& ca_pem, const config::key_pair& client,
                                    std::chrono::seconds timeout = std::chrono::seconds{5});

} // namespace thespis::tools
