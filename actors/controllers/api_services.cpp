#include "actors/controllers/api_services.hpp"

#include "api/crd/definition.hpp"
#include "api/discovery/priorities.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/text/quote.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <set>

namespace thespis::actors {

namespace v1 = api::v1;
namespace json = api::json;
using namespace std::chrono_literals;

namespace {

constexpr auto managed_label = "kube-aggregator.kubernetes.io/automanaged";
/// How soon to look for an answer that is on its way, and how often to ask anew.
constexpr auto answer_wait = 50ms;
constexpr auto check_interval = 30s;
constexpr auto retry_interval = 2s;

/// What keeps a group and version from being used.
struct verdict {
  std::string_view status = "True";
  std::string reason = "Passed";
  std::string message = "all checks passed";
};

verdict failed(std::string reason, std::string message) {
  return {"False", std::move(reason), std::move(message)};
}

bool names(const v1::api_service& a, std::string_view ns, std::string_view name) {
  return a.spec.service && a.spec.service->namespace_ == ns && a.spec.service->name == name;
}

/// Gives work to those APIServices that name the Service.
std::vector<object_id> naming(const view& v, std::string_view ns, std::string_view service) {
  std::vector<object_id> out;
  for (const auto& a : v.list<v1::api_service>())
    if (names(*a, ns, service))
      out.push_back({{}, a->metadata.name});
  return out;
}

/// The names of the APIServices of a definition's served versions.
void add_versions(const api::object& definition, std::set<std::string>& out) {
  const auto doc = definition.parse();
  const auto* spec = json::find(doc, "spec");
  const auto* versions = spec ? json::find(*spec, "versions") : nullptr;
  if (!versions || !versions->IsArray())
    return;
  for (const auto& version : versions->GetArray()) {
    const auto* served = json::find(version, "served");
    if (served && served->IsBool() && served->GetBool())
      out.insert(std::string(json::get_string(version, "name")) + "." +
                 std::string(json::get_string(*spec, "group")));
  }
}

key_mapper versions_of_definition() {
  return [](const api::object& o, const api::object_ptr& previous, const view&) {
    std::set<std::string> all;
    add_versions(o, all);
    if (previous)
      add_versions(*previous, all);
    std::vector<object_id> out;
    for (const auto& name : all)
      out.push_back({{}, name});
    return out;
  };
}

class api_service_controller final : public reconciler {
public:
  explicit api_service_controller(api_service_deps deps) : deps_(std::move(deps)) {}

  std::string_view name() const override { return "apiservice"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string(v1::api_service::resource_name), self_key()},
            {std::string(api::crd::definitions_resource), versions_of_definition()},
            {"services", [](const api::object& o, const api::object_ptr&,
                            const view& v) { return naming(v, o.ns(), o.name()); }},
            {std::string(v1::endpoint_slice::resource_name),
             [](const api::object& o, const api::object_ptr&, const view& v) {
               const auto* service = api::find_label(o.labels(), "kubernetes.io/service-name");
               return service ? naming(v, o.ns(), *service) : std::vector<object_id>{};
             }}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    const auto dot = std::min(key.name.find('.'), key.name.size());
    const auto version = key.name.substr(0, dot);
    const auto group = key.name.substr(std::min(dot + 1, key.name.size()));
    const auto a = v.get<v1::api_service>({}, key.name);
    const bool defined = is_defined(v, key.name);
    reconcile_result res;
    if (!a) {
      deps_.host->withdraw(group, version);
      if (defined)
        res.calls.push_back(create_call(local_api_service(group, version, true)));
      return res;
    }
    const auto managed = a->metadata.labels.find(managed_label);
    if (managed != a->metadata.labels.end() && managed->second == "true" && !defined) {
      res.calls.push_back(delete_call(*a.object));
      return res;
    }
    return judge(*a, v, now);
  }

private:
  static bool is_defined(const view& v, const std::string& name) {
    std::set<std::string> all;
    v.for_each(api::crd::definitions_resource, {},
               [&](const api::object_ptr& o) { add_versions(*o, all); });
    return all.contains(name);
  }

  reconcile_result judge(const v1::api_service& a, const view& v, wall_time now) {
    reconcile_result res;
    verdict found;
    if (!a.spec.service) {
      deps_.host->withdraw(a.spec.group, a.spec.version);
      found = {"True", "Local", "Local APIServices are always available"};
    } else if (auto fault = fault_of(*a.spec.service, v)) {
      deps_.host->suspend(a);
      found = std::move(*fault);
    } else {
      const auto answer = deps_.host->ask(a);
      res.requeue_after = !answer.known ? std::chrono::nanoseconds(answer_wait)
                          : answer.ok   ? check_interval
                                        : retry_interval;
      if (!answer.known)
        return res;
      if (!answer.ok)
        found = failed("FailedDiscoveryCheck", answer.failure);
    }
    if (auto call = set_status(a, found, now))
      res.calls.push_back(std::move(*call));
    return res;
  }

  static std::optional<verdict> fault_of(const v1::api_service_reference& to, const view& v) {
    const auto service = v.get<v1::service>(to.namespace_, to.name);
    const auto about = "service/" + to.name + " in " + api::quote_go(to.namespace_);
    if (!service)
      return failed("ServiceNotFound", about + " is not present");
    if (service->spec.type == "ExternalName")
      return std::nullopt;
    const auto port = to.port.value_or(443);
    const auto& ports = service->spec.ports;
    const auto p =
        std::find_if(ports.begin(), ports.end(), [&](const auto& x) { return x.port == port; });
    if (p == ports.end())
      return failed("ServicePortError",
                    about + " is not listening on port " + std::to_string(port));
    bool any = false;
    bool ready = false;
    for (const auto& s : v.list<v1::endpoint_slice>(to.namespace_)) {
      const auto owner = s->metadata.labels.find("kubernetes.io/service-name");
      if (owner == s->metadata.labels.end() || owner->second != to.name)
        continue;
      any = true;
      const bool has_port = std::any_of(s->ports.begin(), s->ports.end(),
                                        [&](const auto& x) { return x.name == p->name; });
      ready = ready ||
              (has_port && std::any_of(s->endpoints.begin(), s->endpoints.end(), [](const auto& e) {
                 return !e.conditions || e.conditions->ready.value_or(true);
               }));
    }
    if (!any)
      return failed("EndpointsNotFound", "cannot find endpointslices for " + about);
    if (!ready)
      return failed("MissingEndpoints", "endpointslices for " + about +
                                            " have no addresses with port name " +
                                            api::quote_go(p->name));
    return std::nullopt;
  }

  static std::optional<api::call> set_status(const v1::api_service& a, const verdict& found,
                                             wall_time now) {
    auto next = a;
    auto& all = next.status.conditions;
    auto c =
        std::find_if(all.begin(), all.end(), [](const auto& x) { return x.type == "Available"; });
    if (c == all.end())
      c = all.insert(all.end(), {"Available", {}, {}, {}, {}});
    if (c->status != found.status)
      c->last_transition_time = api::format_time(now);
    c->status = found.status;
    c->reason = found.reason;
    c->message = found.message;
    if (next.status == a.status)
      return std::nullopt;
    return update_call(next, "status");
  }

  const api_service_deps deps_;
};

} // namespace

v1::api_service local_api_service(const std::string& group, const std::string& version,
                                  bool of_custom_resource) {
  v1::api_service a;
  a.metadata.name = version + "." + group;
  a.metadata.labels = {{managed_label, of_custom_resource ? "true" : "onstart"}};
  a.spec.group = group;
  a.spec.version = version;
  const auto p =
      of_custom_resource ? api::discovery::priority{} : api::discovery::priority_of(group, version);
  a.spec.group_priority_minimum = p.group;
  a.spec.version_priority = p.version;
  return a;
}

std::vector<v1::api_service> builtin_api_services(const api::schema::registry& schemas) {
  std::set<std::pair<std::string, std::string>> known;
  std::vector<v1::api_service> out;
  for (const auto& r : schemas.resources())
    if (!r->owner && r->group != "apiregistration.k8s.io" &&
        known.emplace(r->group, r->version).second)
      out.push_back(local_api_service(r->group, r->version, false));
  return out;
}

std::unique_ptr<reconciler> make_api_service_controller(api_service_deps deps) {
  return std::make_unique<api_service_controller>(std::move(deps));
}

} // namespace thespis::actors
