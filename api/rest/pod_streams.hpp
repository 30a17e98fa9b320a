// The byte streams of a pod: logs, and the upgraded connections of exec, attach and port-forward.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// GET pods/log.
transport::outcome open_log(exchange_ptr x);

/// pods/exec, pods/attach, pods/portforward: hands the connection to the backend's streaming
/// server, byte for byte.
transport::outcome open_pod_stream(exchange_ptr x, const transport::request_head& head);

/// The container that `wanted` names, or the only one. Errors: bad_request in the words of
/// Kubernetes.
result<std::string> choose_container(const json::value& pod, std::string_view pod_name,
                                     std::string_view wanted);

/// Where an http URL leads: the endpoint and the path with its query. Errors: internal_error.
struct upstream {
  transport::endpoint to;
  std::string host; ///< "127.0.0.1:41235"
  std::string target;
};
result<upstream> parse_upstream(std::string_view url);

} // namespace thespis::api::rest
