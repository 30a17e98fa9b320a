#include "tools/cluster/usage_objects.hpp"

#include "api/json.hpp"
#include "api/text/quantity.hpp"
#include "api/text/time.hpp"

namespace thespis::tools {

namespace json = api::json;

namespace {

constexpr std::string_view node_metrics = "nodes.metrics.k8s.io";
constexpr std::string_view pod_metrics = "pods.metrics.k8s.io";

/// {"cpu":"12345n","memory":"640Ki"}
json::value usage_json(const actors::usage_rate& u, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  const auto cpu = api::parse_quantity(std::to_string(u.cpu_nanocores) + "n");
  json::set(res, "cpu", cpu ? cpu->to_string() : "0", a);
  const auto kib = static_cast<int64_t>(u.memory_bytes / 1024 * 1024);
  json::set(res, "memory", api::quantity::of(kib, api::quantity::notation::binary_si).to_string(),
            a);
  return res;
}

/// The part that both kinds have; `about` is what was measured.
json::document head_of(const char* kind, const api::object& about, int64_t timestamp,
                       int64_t window) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  const api::time_point when{std::chrono::nanoseconds{timestamp}};
  json::set(doc, "kind", kind, a);
  json::set(doc, "apiVersion", "metrics.k8s.io/v1beta1", a);
  json::value meta{rapidjson::kObjectType};
  json::set(meta, "name", about.name(), a);
  if (!about.ns().empty())
    json::set(meta, "namespace", about.ns(), a);
  json::set(meta, "creationTimestamp", api::format_time(when), a);
  if (!about.labels().empty()) {
    json::value labels{rapidjson::kObjectType};
    for (const auto& [k, v] : about.labels())
      json::set(labels, k, v, a);
    json::set(meta, "labels", std::move(labels), a);
  }
  json::set(doc, "metadata", std::move(meta), a);
  json::set(doc, "timestamp", api::format_time(when), a);
  const auto length =
      std::chrono::round<std::chrono::milliseconds>(std::chrono::nanoseconds{window});
  json::set(doc, "window", api::format_duration(length), a);
  return doc;
}

api::object_ptr seal(std::string_view resource, const json::document& doc, uint64_t revision) {
  auto meta = api::read_meta(resource, doc);
  meta.revision = revision;
  return std::make_shared<const api::object>(std::move(meta), json::to_string(doc));
}

} // namespace

api::object_ptr reader_with_usage::made_of(const actors::node_rate& n) const {
  const auto node = stored_->get("nodes", {}, n.name);
  if (!node)
    return nullptr;
  auto doc = head_of("NodeMetrics", *node, n.timestamp, n.window);
  auto& a = doc.GetAllocator();
  json::set(doc, "usage", usage_json(n.usage, a), a);
  return seal(node_metrics, doc, node->revision());
}

api::object_ptr reader_with_usage::made_of(const actors::pod_rate& p) const {
  const auto pod = stored_->get("pods", p.ns, p.name);
  if (!pod || pod->uid() != p.uid)
    return nullptr;
  auto doc = head_of("PodMetrics", *pod, p.timestamp, p.window);
  auto& a = doc.GetAllocator();
  json::value containers{rapidjson::kArrayType};
  for (const auto& c : p.containers) {
    json::value one{rapidjson::kObjectType};
    json::set(one, "name", c.name, a);
    json::set(one, "usage", usage_json(c.usage, a), a);
    containers.PushBack(std::move(one), a);
  }
  json::set(doc, "containers", std::move(containers), a);
  return seal(pod_metrics, doc, pod->revision());
}

api::object_ptr reader_with_usage::get(std::string_view resource, std::string_view ns,
                                       std::string_view name) const {
  if (resource == node_metrics) {
    const auto n = book_->node(name);
    return n ? made_of(*n) : nullptr;
  }
  if (resource == pod_metrics) {
    const auto p = book_->pod(ns, name);
    return p ? made_of(*p) : nullptr;
  }
  return stored_->get(resource, ns, name);
}

api::listing reader_with_usage::list(std::string_view resource, std::string_view ns) const {
  const bool of_nodes = resource == node_metrics;
  if (!of_nodes && resource != pod_metrics)
    return stored_->list(resource, ns);
  api::listing res;
  res.revision = stored_->revision();
  const auto add = [&](const auto& rates) {
    for (const auto& r : rates)
      if (auto o = made_of(r))
        res.objects.push_back(std::move(o));
  };
  if (of_nodes)
    add(book_->nodes());
  else
    add(book_->pods(ns));
  return res;
}

} // namespace thespis::tools
