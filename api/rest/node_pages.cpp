#include "api/rest/node_pages.hpp"

#include "api/rest/answers.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

transport::response text(int status, std::string body) {
  return answer(status, "text/plain; charset=utf-8", transport::payload(std::move(body)));
}

bool is_ready(const json::value& node) {
  const auto* all = json::at(node, {"status", "conditions"});
  return all && all->IsArray() && std::any_of(all->Begin(), all->End(), [](const auto& c) {
           return json::get_string(c, "type") == "Ready" && json::get_string(c, "status") == "True";
         });
}

std::vector<object_ptr> pods_of(const exchange& x, std::string_view node) {
  auto pods = x.server->cluster.state().list("pods").objects;
  std::erase_if(pods, [&](const auto& p) { return p->meta().node_name != node; });
  return pods;
}

/// A PodList of the node's pods.
std::string pod_list(const std::vector<object_ptr>& pods) {
  std::string out = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  for (const auto& p : pods) {
    if (p != pods.front())
      out += ',';
    out += *bytes_of(p);
  }
  return out + "]}\n";
}

/// What is known of the node's kubelet, as gauges.
std::string metrics_of(const std::vector<object_ptr>& pods) {
  size_t running = 0;
  for (const auto& p : pods) {
    const auto doc = p->parse();
    const auto* status = json::find(doc, "status");
    running += status && json::get_string(*status, "phase") == "Running" ? 1 : 0;
  }
  return "# HELP kubelet_running_pods Number of pods that have a running pod sandbox\n"
         "# TYPE kubelet_running_pods gauge\nkubelet_running_pods " +
         std::to_string(running) +
         "\n# HELP kubelet_desired_pods The number of pods the kubelet is being instructed to run\n"
         "# TYPE kubelet_desired_pods gauge\nkubelet_desired_pods{static=\"\"} " +
         std::to_string(pods.size()) + "\n";
}

transport::response page(const exchange& x, const object_ptr& node, std::string_view path) {
  if (path == "/healthz")
    return is_ready(node->parse()) ? text(200, "ok") : text(500, "the node is not ready");
  if (path == "/pods" || path == "/pods/" || path == "/runningpods/")
    return answer(200, "application/json", transport::payload(pod_list(pods_of(x, node->name()))));
  if (path == "/metrics")
    return answer(200, "text/plain; version=0.0.4; charset=utf-8",
                  transport::payload(metrics_of(pods_of(x, node->name()))));
  return text(404, "404 page not found\n");
}

} // namespace

transport::outcome open_node_page(exchange_ptr x, const std::string& name, std::string_view path) {
  transport::response r;
  const auto node = x->server->cluster.state().get("nodes", {}, name);
  if (!node)
    r = answer(not_found("nodes", name));
  else if (x->method != "GET")
    r = text(405, "405: Method Not Allowed\n");
  else
    r = page(*x, node, path);
  x->observe(r.status);
  return transport::respond{std::move(r)};
}

} // namespace thespis::api::rest
