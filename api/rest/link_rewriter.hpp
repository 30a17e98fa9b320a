// Answers of servers behind a proxy subresource speak of paths as if they stood at the root; here
// they are made to lead back through the proxy, as Kubernetes does it.
#pragma once

#include <string>
#include <string_view>

namespace thespis::api::rest {

/// Where an answer came from and where its client sees it.
struct proxied_place {
  std::string prefix;       ///< "/api/v1/namespaces/default/pods/web/proxy"; empty: nothing to do
  std::string host;         ///< of the server that answered: "10.0.0.7:8080"
  std::string request_host; ///< by which the client called us
};

/// A link or Location that leads to the server itself leads back through the proxy; others are as
/// they were.
std::string rewrite_link(const proxied_place& place, std::string_view link);

/// HTML with all links rewritten (href of `a`, src of `img`, action of `form`, and so on); the rest
/// stays as it is, byte for byte.
std::string rewrite_html(const proxied_place& place, std::string_view html);

} // namespace thespis::api::rest
