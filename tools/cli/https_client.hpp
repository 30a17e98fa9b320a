// One HTTPS request at a time, for subcommands that ask the API of this machine.
#pragma once

#include "api/result.hpp"
#include "config/certificates.hpp"

namespace thespis::tools {

struct https_answer {
  int code = 0;
  std::string body;
};

/// GETs `path` from `server` ("https://127.0.0.1:6443"; an IPv4 address) over TLS with a client
/// certificate, trusting only that authority. Blocks, at most about `timeout` for each of
/// connecting, handshake and answer. Errors: service_unavailable when nothing serves there.
api::result<https_answer> https_get(const std::string& server, const std::string& path,
                                    const std::string& ca_pem, const config::key_pair& client,
                                    std::chrono::seconds timeout = std::chrono::seconds{5});

} // namespace thespis::tools
