// Rows of nodes, namespaces, events and the small kinds of configuration.
#include "api/table/cells.hpp"

#include <algorithm>
#include <set>

namespace thespis::api::table {

namespace {

std::string node_status(const json::value& node) {
  std::string status = "Unknown";
  for (const auto* c : items_at(node, {"status", "conditions"}))
    if (json::get_string(*c, "type") == "Ready")
      status = json::get_string(*c, "status") == "True" ? "Ready" : "NotReady";
  const auto* spec = json::find(node, "spec");
  if (spec && json::get_bool(*spec, "unschedulable"))
    status += ",SchedulingDisabled";
  return status;
}

std::string node_roles(const json::value& node) {
  constexpr std::string_view prefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  if (const auto* labels = json::at(node, {"metadata", "labels"}); labels && labels->IsObject()) {
    for (const auto& m : labels->GetObject()) {
      auto key = json::as_string(m.name);
      if (key.substr(0, prefix.size()) == prefix && key.size() > prefix.size())
        roles.emplace(key.substr(prefix.size()));
      else if (key == "kubernetes.io/role" && !json::as_string(m.value).empty())
        roles.emplace(json::as_string(m.value));
    }
  }
  return join({roles.begin(), roles.end()});
}

std::string node_address(const json::value& node, std::string_view type) {
  for (const auto* a : items_at(node, {"status", "addresses"}))
    if (json::get_string(*a, "type") == type)
      return std::string(json::get_string(*a, "address"));
  return "<none>";
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return s;
}

std::string trim(std::string s) {
  constexpr std::string_view space = " \t\r\n";
  s.erase(0, std::min(s.find_first_not_of(space), s.size()));
  s.erase(s.find_last_not_of(space) + 1);
  return s;
}

/// A text that the core group's events and those of events.k8s.io have under different names.
std::string either(const json::value& event, std::initializer_list<std::string_view> core,
                   std::initializer_list<std::string_view> newer) {
  return text_at(event, core, text_at(event, newer));
}

std::string event_target(const json::value& event) {
  auto kind = lower(either(event, {"involvedObject", "kind"}, {"regarding", "kind"}));
  auto name = either(event, {"involvedObject", "name"}, {"regarding", "name"});
  return name.empty() ? kind : kind + "/" + name;
}

std::string event_source(const json::value& event) {
  auto component = either(event, {"source", "component"}, {"deprecatedSource", "component"});
  auto instance = either(event, {"source", "host"}, {"deprecatedSource", "host"});
  if (component.empty())
    component = either(event, {"reportingComponent"}, {"reportingController"});
  if (instance.empty())
    instance = text_at(event, {"reportingInstance"});
  return instance.empty() ? component : component + ", " + instance;
}

} // namespace

row node_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          node_status(object),
          node_roles(object),
          object_age(object, now),
          text_at(object, {"status", "nodeInfo", "kubeletVersion"}),
          node_address(object, "InternalIP"),
          node_address(object, "ExternalIP"),
          text_at(object, {"status", "nodeInfo", "osImage"}, "<unknown>"),
          text_at(object, {"status", "nodeInfo", "kernelVersion"}, "<unknown>"),
          text_at(object, {"status", "nodeInfo", "containerRuntimeVersion"}, "<unknown>")};
}

row namespace_cells(const json::value& object, timestamp now) {
  return {object_name(object), text_at(object, {"status", "phase"}), object_age(object, now)};
}

row event_cells(const json::value& object, timestamp now) {
  auto event_time = text_at(object, {"eventTime"});
  auto first = age_of(text_at(object, {"firstTimestamp"},
                              text_at(object, {"deprecatedFirstTimestamp"}, event_time)),
                      now);
  auto last_time = either(object, {"lastTimestamp"}, {"deprecatedLastTimestamp"});
  auto last = last_time.empty() ? first : age_of(last_time, now);
  auto count = std::max<int64_t>(int_at(object, {"count"}, int_at(object, {"deprecatedCount"})), 1);
  if (const auto* series = json::find(object, "series"); series && series->IsObject()) {
    last = age_of(json::get_string(*series, "lastObservedTime"), now);
    count = json::get_int(*series, "count");
  }
  return {last,
          text_at(object, {"type"}),
          text_at(object, {"reason"}),
          event_target(object),
          either(object, {"involvedObject", "fieldPath"}, {"regarding", "fieldPath"}),
          event_source(object),
          trim(either(object, {"message"}, {"note"})),
          first,
          count,
          object_name(object)};
}

row config_map_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"data"}) + count_at(object, {"binaryData"}),
          object_age(object, now)};
}

row secret_cells(const json::value& object, timestamp now) {
  return {object_name(object), text_at(object, {"type"}), count_at(object, {"data"}),
          object_age(object, now)};
}

row service_account_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"secrets"}), object_age(object, now)};
}

row lease_cells(const json::value& object, timestamp now) {
  return {object_name(object), text_at(object, {"spec", "holderIdentity"}),
          object_age(object, now)};
}

} // namespace thespis::api::table
