// What a node's kubelet serves on a port of its own in Kubernetes, as far as it is known here:
// nodes have no port, so the proxy subresource answers by itself.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// Answers GET of /healthz, /pods and /metrics below nodes/NAME/proxy.
transport::outcome open_node_page(exchange_ptr x, const std::string& node, std::string_view path);

} // namespace thespis::api::rest
