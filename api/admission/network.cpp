// Plug-ins about services and ingresses.
#include "api/admission/class_default.hpp"
#include "api/admission/plugins.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/validation/access.hpp"

#include <set>

namespace thespis::api::admission {

namespace {

class external_ips_plugin final : public plugin {
public:
  std::string_view name() const override { return "DenyServiceExternalIPs"; }

  result<void> validate(request& r) override {
    if (!r.is("services") || !r.object)
      return {};
    auto before = ips_of(r.old_object);
    for (const auto& ip : ips_of(r.object))
      if (!before.contains(ip))
        return fail(refuse(r, "use of external IPs is denied by admission control"));
    return {};
  }

private:
  static std::set<std::string_view> ips_of(const json::value* service) {
    std::set<std::string_view> out;
    if (service)
      if (const auto& list = member(member(*service, "spec"), "externalIPs"); list.IsArray())
        for (const auto& ip : list.GetArray())
          out.insert(json::as_string(ip));
    return out;
  }
};

class ingress_class_plugin final : public plugin {
public:
  std::string_view name() const override { return "DefaultIngressClass"; }

  result<void> mutate(request& r) override {
    if (!r.is("ingresses.networking.k8s.io") || r.action != action::create)
      return {};
    if (has(member(*r.object, "spec"), "ingressClassName") ||
        has(member(metadata_of(*r.object), "annotations"), "kubernetes.io/ingress.class"))
      return {};
    auto chosen = default_class(r.state, "ingressclasses.networking.k8s.io",
                                {"ingressclass.kubernetes.io/is-default-class"});
    if (!chosen)
      return {};
    auto& a = r.object->GetAllocator();
    json::set(json::ensure_object(*r.object, "spec", a), "ingressClassName", *chosen, a);
    r.changed = true;
    return {};
  }
};

} // namespace

plugin_ptr deny_service_external_ips() {
  return std::make_shared<external_ips_plugin>();
}

plugin_ptr default_ingress_class() {
  return std::make_shared<ingress_class_plugin>();
}

} // namespace thespis::api::admission
