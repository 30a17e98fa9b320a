#include "api/outbound/service_target.hpp"

#include "api/json.hpp"
#include "api/text/quote.hpp"

namespace thespis::api::outbound {

namespace {

error unavailable(std::string message) {
  return make_error(reason::service_unavailable, std::move(message));
}

/// The Service's port of that number; nullptr when it has none.
const json::value* port_of(const json::value& service, int64_t port) {
  const auto* ports = json::at(service, {"spec", "ports"});
  if (ports && ports->IsArray())
    for (const auto& p : ports->GetArray())
      if (json::get_int(p, "port") == port)
        return &p;
  return nullptr;
}

bool is_ready(const json::value& endpoint) {
  const auto* ready = json::at(endpoint, {"conditions", "ready"});
  return !ready || !ready->IsBool() || ready->GetBool();
}

/// A ready endpoint of one slice.
std::optional<service_target> endpoint_of(const json::value& slice, std::string_view port_name) {
  const auto* ports = json::find(slice, "ports");
  const auto* endpoints = json::find(slice, "endpoints");
  if (!ports || !ports->IsArray() || !endpoints || !endpoints->IsArray())
    return std::nullopt;
  for (const auto& p : ports->GetArray()) {
    if (json::get_string(p, "name") != port_name)
      continue;
    for (const auto& e : endpoints->GetArray()) {
      const auto* addresses = json::find(e, "addresses");
      if (is_ready(e) && addresses && addresses->IsArray() && !addresses->Empty())
        return service_target{std::string(json::as_string((*addresses)[0])),
                              static_cast<uint16_t>(json::get_int(p, "port"))};
    }
  }
  return std::nullopt;
}

} // namespace

result<service_target> find_service(const reader& state, const std::string& ns,
                                    const std::string& name, int64_t port) {
  const auto object = state.get("services", ns, name);
  if (!object)
    return fail(unavailable("service " + quote_go(name) + " not found"));
  const auto service = object->parse();
  const auto* p = port_of(service, port);
  if (!p)
    return fail(unavailable("no service port " + std::to_string(port) + " found for service " +
                            quote_go(name)));
  const auto port_name = json::get_string(*p, "name");
  for (const auto& s : state.list("endpointslices.discovery.k8s.io", ns).objects) {
    const auto* owner = find_label(s->labels(), "kubernetes.io/service-name");
    if (!owner || *owner != name)
      continue;
    if (auto found = endpoint_of(s->parse(), port_name))
      return *found;
  }
  const auto* spec = json::find(service, "spec");
  const auto outside = spec ? json::get_string(*spec, "externalName") : std::string_view{};
  if (spec && json::get_string(*spec, "type") == "ExternalName" && !outside.empty())
    return service_target{std::string(outside), static_cast<uint16_t>(port)};
  return fail(unavailable("no endpoints available for service " + quote_go(name)));
}

} // namespace thespis::api::outbound
