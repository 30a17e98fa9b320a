#include "runtime/link/link_rights.hpp"

#include "api/generated/core_v1_pod.hpp"
#include "api/generated/networking_v1.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"

#include <algorithm>

namespace thespis::runtime::link {

namespace {

namespace json = api::json;
namespace v1 = api::v1;

constexpr const char* entry_controller = "thespis.dev/ingress";
constexpr const char* class_annotation = "kubernetes.io/ingress.class";

/// Copies the member `key` of `from`, where there is one.
void keep(const json::value* from, json::value& to, const char* key, json::document& doc) {
  auto& a = doc.GetAllocator();
  if (const auto* v = from ? json::find(*from, key) : nullptr)
    json::set(to, key, json::value{*v, a}, a);
}

} // namespace

api::object_ptr brief_pod(const api::object& pod) {
  const auto from = pod.parse();
  json::document to{rapidjson::kObjectType};
  auto& a = to.GetAllocator();
  keep(&from, to, "kind", to);
  keep(&from, to, "apiVersion", to);
  auto& meta = json::ensure_object(to, "metadata", a);
  for (const auto* key : {"name", "namespace", "uid", "resourceVersion", "labels"})
    keep(json::find(from, "metadata"), meta, key, to);
  const auto* spec = json::find(from, "spec");
  auto& brief = json::ensure_object(to, "spec", a);
  keep(spec, brief, "nodeName", to);
  keep(spec, brief, "hostNetwork", to);
  json::value containers{rapidjson::kArrayType};
  const auto* all = spec ? json::find(*spec, "containers") : nullptr;
  if (all && all->IsArray())
    for (const auto& c : all->GetArray()) {
      json::value one{rapidjson::kObjectType};
      keep(&c, one, "name", to);
      keep(&c, one, "ports", to);
      containers.PushBack(one, a);
    }
  json::set(brief, "containers", std::move(containers), a);
  auto& status = json::ensure_object(to, "status", a);
  for (const auto* key : {"phase", "podIP", "podIPs"})
    keep(json::find(from, "status"), status, key, to);
  auto res = api::load_object(pod.resource(), json::to_string(to));
  return res ? std::move(*res) : nullptr;
}

bool ingress_shows(const api::reader& state, std::string_view ns, std::string_view secret) {
  const auto object = state.get("secrets", ns, secret);
  if (!object || json::get_string(object->parse(), "type") != "kubernetes.io/tls")
    return false;
  const auto names_it = [&](const auto& t) { return t.secret_name == secret; };
  for (const auto& o : state.list(v1::ingress::resource_name, ns).objects) {
    const auto i = api::typed<v1::ingress>(*o);
    if (std::none_of(i->spec.tls.begin(), i->spec.tls.end(), names_it))
      continue;
    auto name = i->spec.ingress_class_name;
    if (const auto old = i->metadata.annotations.find(class_annotation);
        name.empty() && old != i->metadata.annotations.end())
      name = old->second;
    const auto c = state.get(v1::ingress_class::resource_name, {}, name);
    if (c && api::typed<v1::ingress_class>(*c)->spec.controller == entry_controller)
      return true;
  }
  return false;
}

} // namespace thespis::runtime::link
