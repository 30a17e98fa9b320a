// What a node's kubelet serves on a port of its own in Kubernetes: nodes have no port here, so the
// proxy subresource asks them by message.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// Answers GET of a page below nodes/NAME/proxy as the node does.
transport::outcome open_node_page(exchange_ptr x, const std::string& node, std::string_view path);

} // namespace thespis::api::rest
