// What a node tells over HTTP in Kubernetes, on a port of its own; here the API asks for it by
// message.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace thespis::actors {

/// A page below nodes/NAME/proxy: "/stats/summary", "/logs/dmesg".
struct node_page_query {
  std::string path;
};

struct node_page {
  int32_t status = 0; ///< of HTTP
  std::string type;   ///< of the content
  std::string body;
};

/// A page of plain text.
inline node_page text_page(int32_t status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body)};
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_page_query& x) {
  return f(x.path);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_page& x) {
  return f(x.status, x.type, x.body);
}

} // namespace thespis::actors
