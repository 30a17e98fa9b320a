#include "tools/cluster/bootstrap.hpp"

#include "actors/controllers/api_services.hpp"
#include "actors/controllers/service_ranges.hpp"
#include "actors/controllers/volume_binder.hpp"
#include "actors/framework/reconciler.hpp"
#include "api/auth/default_policy.hpp"
#include "api/fairness/configuration.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/generated/core_v1_namespace.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/generated/networking_v1.hpp"
#include "api/generated/scheduling_v1.hpp"
#include "api/generated/storage_v1.hpp"
#include "proxy/ingress_state.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

namespace {

namespace v1 = api::v1;

constexpr const char* service_name = "kubernetes";

v1::service kubernetes_service(const std::string& ip, int api_port) {
  v1::service s;
  s.metadata.name = service_name;
  s.metadata.namespace_ = "default";
  s.metadata.labels = {{"component", "apiserver"}, {"provider", "kubernetes"}};
  s.spec.type = "ClusterIP";
  s.spec.cluster_ip = ip;
  s.spec.cluster_ips = {ip};
  s.spec.ip_family_policy = "SingleStack";
  v1::service_port port;
  port.name = "https";
  port.protocol = "TCP";
  port.port = 443;
  port.target_port = api::int_or_string{api_port};
  s.spec.ports = {port};
  return s;
}

v1::endpoints kubernetes_endpoints(const std::string& address, int api_port) {
  v1::endpoints e;
  e.metadata.name = service_name;
  e.metadata.namespace_ = "default";
  e.metadata.labels = {{"endpointslice.kubernetes.io/skip-mirror", "true"}};
  v1::endpoint_subset subset;
  subset.addresses.emplace_back().ip = address;
  auto& port = subset.ports.emplace_back();
  port.name = "https";
  port.port = api_port;
  port.protocol = "TCP";
  e.subsets = {subset};
  return e;
}

v1::endpoint_slice kubernetes_slice(const std::string& address, int api_port) {
  v1::endpoint_slice s;
  s.metadata.name = service_name;
  s.metadata.namespace_ = "default";
  s.metadata.labels = {{"kubernetes.io/service-name", service_name}};
  const auto ip = api::parse_ip(address);
  s.address_type = !ip || ip->is_v4() ? "IPv4" : "IPv6";
  auto& endpoint = s.endpoints.emplace_back();
  endpoint.addresses = {address};
  endpoint.conditions.ensure().ready = true;
  auto& port = s.ports.emplace_back();
  port.name = "https";
  port.port = api_port;
  port.protocol = "TCP";
  return s;
}

/// The ranges of the services' addresses.
v1::service_cidr default_range(const std::vector<std::string>& ranges) {
  v1::service_cidr s;
  s.metadata.name = actors::default_service_cidr;
  s.spec.cidrs = ranges;
  return s;
}

/// The class of the built-in HTTP entry, which Ingresses get that name none.
v1::ingress_class entry_class() {
  v1::ingress_class c;
  c.metadata.name = "thespis";
  c.metadata.annotations = {{"ingressclass.kubernetes.io/is-default-class", "true"}};
  c.spec.controller = proxy::ingress_controller;
  return c;
}

/// The classes of what keeps nodes and the cluster alive.
std::vector<v1::priority_class> system_priorities() {
  std::vector<v1::priority_class> res(2);
  res[0].metadata.name = "system-node-critical";
  res[0].value = 2000001000;
  res[0].description = "Used for system critical pods that must not be moved from their current "
                       "node.";
  res[1].metadata.name = "system-cluster-critical";
  res[1].value = 2000000000;
  res[1].description = "Used for system critical pods that must run in the cluster, but can be "
                       "moved to another node if necessary.";
  return res;
}

/// Folders on the nodes: storage that works without any set-up.
v1::storage_class local_path() {
  v1::storage_class res;
  res.metadata.name = "local-path";
  res.metadata.annotations["storageclass.kubernetes.io/is-default-class"] = "true";
  res.provisioner = actors::local_path_provisioner;
  res.reclaim_policy = "Delete";
  res.volume_binding_mode = "WaitForFirstConsumer";
  return res;
}

/// An update that wins whatever the object's revision: we are its only writer.
template <class T>
api::call replace_call(const api::reader& state, T object) {
  const auto known = state.get(T::resource_name, object.metadata.namespace_, object.metadata.name);
  if (!known)
    return actors::create_call(object);
  object.metadata.resource_version = std::to_string(known->revision());
  return actors::update_call(object);
}

void report(const runtime::call_outcomes& res) {
  for (const auto& o : res.outcomes)
    if (!o.ok && o.failure.why != api::reason::already_exists)
      spdlog::error("bootstrap: {}", o.failure.message);
}

v1::config_map authentication_config(const std::string& client_ca,
                                     const std::string& front_proxy_ca) {
  v1::config_map m;
  m.metadata.name = "extension-apiserver-authentication";
  m.metadata.namespace_ = "kube-system";
  m.data = {{"client-ca-file", client_ca},
            {"requestheader-allowed-names", R"(["front-proxy-client"])"},
            {"requestheader-client-ca-file", front_proxy_ca},
            {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"},
            {"requestheader-group-headers", R"(["X-Remote-Group"])"},
            {"requestheader-uid-headers", R"(["X-Remote-Uid"])"},
            {"requestheader-username-headers", R"(["X-Remote-User"])"}};
  return m;
}

} // namespace

void announce_api(cluster& c, const std::string& client_ca, const std::string& front_proxy_ca) {
  std::vector<api::call> calls;
  for (auto& a : actors::builtin_api_services(c.schemas()))
    if (!c.state()->get(v1::api_service::resource_name, {}, a.metadata.name))
      calls.push_back(actors::create_call(a));
  calls.push_back(replace_call(*c.state(), authentication_config(client_ca, front_proxy_ca)));
  report(c.run(std::move(calls)));
}

void bootstrap_cluster(cluster& c, const std::vector<std::string>& service_ranges,
                       const std::string& service_ip, const std::string& api_address,
                       int api_port) {
  std::vector<api::call> namespaces;
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    v1::namespace_ n;
    n.metadata.name = name;
    namespaces.push_back(actors::create_call(n));
  }
  report(c.run(std::move(namespaces)));
  std::vector<api::call> calls;
  for (auto& priority : system_priorities())
    if (!c.state()->get(v1::priority_class::resource_name, {}, priority.metadata.name))
      calls.push_back(actors::create_call(priority));
  if (!c.state()->get(v1::service_cidr::resource_name, {}, actors::default_service_cidr))
    calls.push_back(actors::create_call(default_range(service_ranges)));
  if (!c.state()->get(v1::storage_class::resource_name, {}, local_path().metadata.name))
    calls.push_back(actors::create_call(local_path()));
  // Who deletes it has another one: it is made with the cluster and not again.
  if (!c.state()->get("services", "default", service_name))
    calls.push_back(actors::create_call(entry_class()));
  if (!c.state()->get("services", "default", service_name))
    calls.push_back(actors::create_call(kubernetes_service(service_ip, api_port)));
  calls.push_back(replace_call(*c.state(), kubernetes_endpoints(api_address, api_port)));
  calls.push_back(replace_call(*c.state(), kubernetes_slice(api_address, api_port)));
  report(c.run(std::move(calls)));
  report(c.run(api::auth::reconcile_policy(*c.state())));
  report(c.run(api::fairness::reconcile_objects(*c.state())));
  // The first request must not come before the rules that decide on it.
  c.access()->rebuild(*c.state());
}

} // namespace thespis::tools
