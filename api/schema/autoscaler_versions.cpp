// HorizontalPodAutoscalers between autoscaling/v1 and autoscaling/v2.
#include "api/schema/builtin_versions.hpp"

#include <array>

namespace thespis::api::schema {
namespace {

using json::allocator;
using json::value;

constexpr std::string_view metrics_note = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view current_note = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr std::string_view conditions_note = "autoscaling.alpha.kubernetes.io/conditions";
constexpr std::string_view behavior_note = "autoscaling.alpha.kubernetes.io/behavior";
constexpr int default_utilization = 80;

void rename(value& obj, std::string_view from, std::string_view to, allocator& a) {
  if (auto* v = json::find(obj, from)) {
    auto copied = json::copy(*v, a);
    json::erase(obj, from);
    json::set(obj, to, std::move(copied), a);
  }
}

/// Puts the members of obj.key into obj itself.
void flatten(value& obj, std::string_view key, allocator& a) {
  auto* inner = json::find(obj, key);
  if (!inner || !inner->IsObject())
    return;
  auto taken = json::copy(*inner, a);
  json::erase(obj, key);
  for (auto& m : taken.GetObject())
    json::set(obj, json::as_string(m.name), std::move(m.value), a);
}

/// Moves obj.from to obj.inner.to.
void nest(value& obj, std::string_view from, std::string_view inner, std::string_view to,
          allocator& a) {
  if (auto* v = json::find(obj, from)) {
    auto copied = json::copy(*v, a);
    json::erase(obj, from);
    json::set(json::ensure_object(obj, inner, a), to, std::move(copied), a);
  }
}

/// The member of a metric that its type names: "resource" of "Resource".
value* source_of(value& metric) {
  std::string key{json::get_string(metric, "type")};
  if (!key.empty() && key[0] >= 'A' && key[0] <= 'Z')
    key[0] = static_cast<char>(key[0] - 'A' + 'a');
  auto* v = json::find(metric, key);
  return v && v->IsObject() ? v : nullptr;
}

/// "target" and "current" values stand in objects of v2, and under longer names in v1.
struct measure {
  std::string_view holder;      ///< of v2: "target"
  std::string_view value;       ///< of v1
  std::string_view average;     ///< of v1
  std::string_view utilization; ///< of v1
};

constexpr measure wanted{"target", "targetValue", "targetAverageValue", "targetAverageUtilization"};
constexpr measure seen{"current", "currentValue", "currentAverageValue",
                       "currentAverageUtilization"};

/// The metric of v2 as v1's annotation writes it.
void to_old(value& metric, const measure& m, allocator& a) {
  auto* source = source_of(metric);
  if (!source)
    return;
  const auto type = json::get_string(metric, "type");
  const bool object = type == "Object";
  if (auto* holder = json::find(*source, m.holder); holder && holder->IsObject()) {
    auto taken = json::copy(*holder, a);
    json::erase(*source, m.holder);
    json::erase(taken, "type");
    rename(taken, "value", m.value, a);
    rename(taken, "averageValue", object ? "averageValue" : m.average, a);
    rename(taken, "averageUtilization", m.utilization, a);
    for (auto& member : taken.GetObject())
      json::set(*source, json::as_string(member.name), std::move(member.value), a);
  }
  flatten(*source, "metric", a);
  if (type != "Resource" && type != "ContainerResource")
    rename(*source, "name", "metricName", a);
  if (type == "External")
    rename(*source, "selector", "metricSelector", a);
  if (object)
    rename(*source, "describedObject", "target", a);
}

/// The inverse of to_old.
void to_new(value& metric, const measure& m, allocator& a) {
  auto* source = source_of(metric);
  if (!source)
    return;
  const auto type = json::get_string(metric, "type");
  const bool object = type == "Object";
  if (object)
    rename(*source, "target", "describedObject", a);
  if (type == "External")
    rename(*source, "metricSelector", "selector", a);
  if (type != "Resource" && type != "ContainerResource") {
    nest(*source, "metricName", "metric", "name", a);
    nest(*source, "selector", "metric", "selector", a);
  }
  const bool used = json::find(*source, m.utilization);
  const auto average = object ? std::string_view{"averageValue"} : m.average;
  const bool averaged = json::find(*source, average);
  nest(*source, m.value, m.holder, "value", a);
  nest(*source, average, m.holder, "averageValue", a);
  nest(*source, m.utilization, m.holder, "averageUtilization", a);
  if (m.holder == wanted.holder)
    json::set(json::ensure_object(*source, m.holder, a), "type",
              used       ? "Utilization"
              : averaged ? "AverageValue"
                         : "Value",
              a);
}

/// The CPU utilization that a metric is about; nothing when it is about something else.
const value* cpu_utilization(const value& metric, std::string_view holder) {
  if (json::get_string(metric, "type") != "Resource")
    return nullptr;
  const auto* source = json::find(metric, "resource");
  if (!source || json::get_string(*source, "name") != "cpu")
    return nullptr;
  return json::at(*source, {holder, "averageUtilization"});
}

value cpu_metric(value utilization, const measure& m, allocator& a) {
  value holder{rapidjson::kObjectType};
  if (m.holder == wanted.holder)
    json::set(holder, "type", "Utilization", a);
  json::set(holder, "averageUtilization", std::move(utilization), a);
  value source{rapidjson::kObjectType};
  json::set(source, "name", "cpu", a);
  json::set(source, m.holder, std::move(holder), a);
  value metric{rapidjson::kObjectType};
  json::set(metric, "type", "Resource", a);
  json::set(metric, "resource", std::move(source), a);
  return metric;
}

void annotate(value& doc, std::string_view key, const value& v, allocator& a) {
  auto& meta = json::ensure_object(doc, "metadata", a);
  json::set(json::ensure_object(meta, "annotations", a), key, json::to_string(v), a);
}

/// Takes the value out of an annotation; null when there is none, or no JSON of that kind.
value take_note(value& doc, std::string_view key, rapidjson::Type kind, allocator& a) {
  auto* meta = json::find(doc, "metadata");
  auto* notes = meta ? json::find(*meta, "annotations") : nullptr;
  const auto* text = notes ? json::find(*notes, key) : nullptr;
  if (!text || !text->IsString())
    return {};
  const auto parsed = json::parse(json::as_string(*text));
  value out;
  if (parsed && parsed->GetType() == kind)
    out = json::copy(*parsed, a);
  json::erase(*notes, key);
  if (notes->ObjectEmpty())
    json::erase(*meta, "annotations");
  return out;
}

/// Splits v2's metrics: CPU utilization into a field of v1, the others into an annotation.
void metrics_to_v1(value& doc, value& part, std::string_view list, std::string_view field,
                   std::string_view note, const measure& m, allocator& a) {
  auto* metrics = json::find(part, list);
  if (!metrics || !metrics->IsArray())
    return;
  auto taken = json::copy(*metrics, a);
  json::erase(part, list);
  value others{rapidjson::kArrayType};
  bool found = false;
  for (auto& metric : taken.GetArray()) {
    if (const auto* used = cpu_utilization(metric, m.holder); used && !found) {
      json::set(part, field, json::copy(*used, a), a);
      found = true;
      continue;
    }
    to_old(metric, m, a);
    others.PushBack(std::move(metric), a);
  }
  if (!others.Empty())
    annotate(doc, note, others, a);
}

void metrics_to_v2(value& doc, value& part, std::string_view list, std::string_view field,
                   std::string_view note, const measure& m, allocator& a) {
  auto metrics = take_note(doc, note, rapidjson::kArrayType, a);
  if (!metrics.IsArray())
    metrics.SetArray();
  for (auto& metric : metrics.GetArray())
    if (metric.IsObject())
      to_new(metric, m, a);
  if (const auto* used = json::find(part, field)) {
    metrics.PushBack(cpu_metric(json::copy(*used, a), m, a), a);
    json::erase(part, field);
  }
  if (metrics.Empty() && m.holder == wanted.holder)
    metrics.PushBack(cpu_metric(value{default_utilization}, m, a), a);
  if (!metrics.Empty())
    json::set(part, list, std::move(metrics), a);
}

void to_v1(json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& spec = json::ensure_object(doc, "spec", a);
  auto& status = json::ensure_object(doc, "status", a);
  for (auto [part, key, note] : {std::tuple{&spec, "behavior", behavior_note},
                                 std::tuple{&status, "conditions", conditions_note}})
    if (auto* v = json::find(*part, key)) {
      const auto copied = json::copy(*v, a);
      json::erase(*part, key);
      annotate(doc, note, copied, a);
    }
  // Members may have moved when an annotation was added.
  metrics_to_v1(doc, *json::find(doc, "spec"), "metrics", "targetCPUUtilizationPercentage",
                metrics_note, wanted, a);
  auto& shown = *json::find(doc, "status");
  metrics_to_v1(doc, shown, "currentMetrics", "currentCPUUtilizationPercentage", current_note, seen,
                a);
  for (auto key : {"currentReplicas", "desiredReplicas"})
    if (auto& s = *json::find(doc, "status"); !json::find(s, key))
      json::set(s, key, value{0}, a);
}

void to_v2(json::document& doc) {
  auto& a = doc.GetAllocator();
  json::ensure_object(doc, "spec", a);
  json::ensure_object(doc, "status", a);
  auto behavior = take_note(doc, behavior_note, rapidjson::kObjectType, a);
  auto conditions = take_note(doc, conditions_note, rapidjson::kArrayType, a);
  auto& spec = *json::find(doc, "spec");
  metrics_to_v2(doc, spec, "metrics", "targetCPUUtilizationPercentage", metrics_note, wanted, a);
  auto& status = *json::find(doc, "status");
  metrics_to_v2(doc, status, "currentMetrics", "currentCPUUtilizationPercentage", current_note,
                seen, a);
  if (behavior.IsObject())
    json::set(spec, "behavior", std::move(behavior), a);
  if (conditions.IsArray())
    json::set(status, "conditions", std::move(conditions), a);
}

} // namespace

result<void> convert_autoscaler(json::document& doc, const std::string& api_version) {
  const auto from = json::get_string(doc, "apiVersion");
  if (from == "autoscaling/v2" && api_version == "autoscaling/v1")
    to_v1(doc);
  else if (from == "autoscaling/v1" && api_version == "autoscaling/v2")
    to_v2(doc);
  return rename_version(doc, api_version);
}

} // namespace thespis::api::schema
