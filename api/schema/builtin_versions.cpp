#include "api/schema/builtin_versions.hpp"

#include <array>
#include <utility>

namespace thespis::api::schema {
namespace {

using json::allocator;
using json::value;

/// Moves obj.from to obj.to; nothing when it is not there.
void move_member(value& obj, std::string_view from, std::string_view to, allocator& a) {
  auto* v = json::find(obj, from);
  if (!v)
    return;
  auto copied = json::copy(*v, a);
  json::erase(obj, from);
  json::set(obj, to, std::move(copied), a);
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> event_names{
    {{"involvedObject", "regarding"},
     {"message", "note"},
     {"source", "deprecatedSource"},
     {"firstTimestamp", "deprecatedFirstTimestamp"},
     {"lastTimestamp", "deprecatedLastTimestamp"},
     {"count", "deprecatedCount"},
     {"reportingComponent", "reportingController"}}};

/// The members that v1beta1 keeps in the request itself, and v1 in `exactly`.
constexpr std::array<std::string_view, 7> exact_members{
    "deviceClassName", "selectors",   "allocationMode", "count",
    "adminAccess",     "tolerations", "capacity"};

void nest_request(value& request, allocator& a) {
  if (!json::find(request, "deviceClassName"))
    return;
  value exactly{rapidjson::kObjectType};
  for (auto key : exact_members)
    if (auto* v = json::find(request, key)) {
      json::set(exactly, key, json::copy(*v, a), a);
      json::erase(request, key);
    }
  json::set(request, "exactly", std::move(exactly), a);
}

void flatten(value& obj, std::string_view key, allocator& a) {
  auto* inner = json::find(obj, key);
  if (!inner || !inner->IsObject())
    return;
  auto taken = json::copy(*inner, a);
  json::erase(obj, key);
  for (auto& m : taken.GetObject())
    json::set(obj, json::as_string(m.name), std::move(m.value), a);
}

template <class F>
void each_item(value* list, F f) {
  if (list && list->IsArray())
    for (auto& v : list->GetArray())
      if (v.IsObject())
        f(v);
}

bool is_old(const std::string& api_version) {
  return api_version == "resource.k8s.io/v1beta1";
}

/// The requests of a claim's spec, from `from` to `to`.
void convert_requests(value* spec, bool from_old, bool to_old, allocator& a) {
  auto* devices = spec && spec->IsObject() ? json::find(*spec, "devices") : nullptr;
  if (from_old == to_old || !devices || !devices->IsObject())
    return;
  each_item(json::find(*devices, "requests"), [&](value& r) {
    if (to_old)
      flatten(r, "exactly", a);
    else
      nest_request(r, a);
  });
}

} // namespace

result<void> rename_version(json::document& doc, const std::string& api_version) {
  json::set(doc, "apiVersion", api_version, doc.GetAllocator());
  return {};
}

result<void> convert_event(json::document& doc, const std::string& api_version) {
  auto& a = doc.GetAllocator();
  for (const auto& [core, newer] : event_names)
    if (api_version == "v1")
      move_member(doc, newer, core, a);
    else
      move_member(doc, core, newer, a);
  return rename_version(doc, api_version);
}

result<void> convert_claim(json::document& doc, const std::string& api_version) {
  const bool from = is_old(std::string{json::get_string(doc, "apiVersion")});
  convert_requests(json::find(doc, "spec"), from, is_old(api_version), doc.GetAllocator());
  return rename_version(doc, api_version);
}

result<void> convert_claim_template(json::document& doc, const std::string& api_version) {
  const bool from = is_old(std::string{json::get_string(doc, "apiVersion")});
  if (auto* spec = json::find(doc, "spec"); spec && spec->IsObject())
    convert_requests(json::find(*spec, "spec"), from, is_old(api_version), doc.GetAllocator());
  return rename_version(doc, api_version);
}

result<void> convert_slice(json::document& doc, const std::string& api_version) {
  auto& a = doc.GetAllocator();
  const bool from = is_old(std::string{json::get_string(doc, "apiVersion")});
  auto* spec = json::find(doc, "spec");
  if (from != is_old(api_version) && spec && spec->IsObject())
    each_item(json::find(*spec, "devices"), [&](value& device) {
      if (from)
        return flatten(device, "basic", a);
      value basic{rapidjson::kObjectType};
      value whole{rapidjson::kObjectType};
      for (auto& m : device.GetObject())
        json::set(json::as_string(m.name) == "name" ? whole : basic, json::as_string(m.name),
                  json::copy(m.value, a), a);
      json::set(whole, "basic", std::move(basic), a);
      device = std::move(whole);
    });
  return rename_version(doc, api_version);
}

} // namespace thespis::api::schema
