// What a pod can be told of itself and of the services beside it.
#include "actors/pod/pod_env.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/object/typed.hpp"
#include "api/text/quantity.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

using runtime::env_var;

// key="value" lines, ordered by key: how a volume shows all labels or annotations.
std::string lines_of(const std::map<std::string, std::string>& entries) {
  std::string res;
  for (const auto& [key, value] : entries) {
    if (!res.empty())
      res += '\n';
    res += key + "=" + api::quote_go(value);
  }
  return res;
}

// metadata.labels['key'] split into its two parts; nothing when it is no such path.
std::optional<std::pair<std::string, std::string>> subscript(const std::string& path) {
  const auto open = path.find("['");
  if (open == std::string::npos || !path.ends_with("']") || path.size() < open + 4)
    return std::nullopt;
  return std::pair{path.substr(0, open), path.substr(open + 2, path.size() - open - 4)};
}

std::string value_at(const std::map<std::string, std::string>& entries, const std::string& key) {
  const auto i = entries.find(key);
  return i == entries.end() ? std::string{} : i->second;
}

// How services' and ports' names stand in variables.
std::string as_variable(std::string name) {
  for (auto& c : name)
    c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

bool has_address(const api::v1::service& s) {
  return !s.spec.cluster_ip.empty() && s.spec.cluster_ip != "None" && !s.spec.ports.empty();
}

void add_service(const api::v1::service& s, std::map<std::string, std::string>& out) {
  const auto name = as_variable(s.metadata.name);
  const auto& ip = s.spec.cluster_ip;
  const auto host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  out[name + "_SERVICE_HOST"] = ip;
  out[name + "_SERVICE_PORT"] = std::to_string(s.spec.ports.front().port);
  bool first = true;
  for (const auto& p : s.spec.ports) {
    const auto port = std::to_string(p.port);
    if (!p.name.empty())
      out[name + "_SERVICE_PORT_" + as_variable(p.name)] = port;
    const auto upper = p.protocol.empty() ? std::string{"TCP"} : p.protocol;
    auto lower = upper;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto url = lower + "://" + host + ":" + port;
    if (std::exchange(first, false))
      out[name + "_PORT"] = url;
    const auto prefix = name + "_PORT_" + port + "_" + upper;
    out[prefix] = url;
    out[prefix + "_PROTO"] = lower;
    out[prefix + "_PORT"] = port;
    out[prefix + "_ADDR"] = ip;
  }
}

const api::v1::container* find_container(const api::v1::pod& pod, const std::string& name) {
  for (const auto* all : {&pod.spec.containers, &pod.spec.init_containers})
    for (const auto& c : *all)
      if (c.name == name)
        return &c;
  return nullptr;
}

} // namespace

api::result<std::string> pod_field(const api::v1::pod& pod, const std::string& path,
                                   const container_surroundings& s) {
  const auto& m = pod.metadata;
  if (const auto part = subscript(path)) {
    if (part->first == "metadata.labels")
      return value_at(m.labels, part->second);
    if (part->first == "metadata.annotations")
      return value_at(m.annotations, part->second);
  }
  if (path == "metadata.name")
    return m.name;
  if (path == "metadata.namespace")
    return m.namespace_;
  if (path == "metadata.uid")
    return m.uid;
  if (path == "metadata.labels")
    return lines_of(m.labels);
  if (path == "metadata.annotations")
    return lines_of(m.annotations);
  if (path == "spec.nodeName")
    return pod.spec.node_name.empty() ? s.node.name : pod.spec.node_name;
  if (path == "spec.serviceAccountName")
    return pod.spec.service_account_name;
  if (path == "spec.restartPolicy")
    return pod.spec.restart_policy;
  if (path == "status.hostIP")
    return s.node.ip;
  if (path == "status.hostIPs")
    return s.node.second_ip.empty() ? s.node.ip : s.node.ip + "," + s.node.second_ip;
  if (path == "status.podIP")
    return s.pod_ips.empty() ? std::string{} : s.pod_ips.front();
  if (path == "status.podIPs") {
    std::string all;
    for (const auto& ip : s.pod_ips)
      all += (all.empty() ? "" : ",") + ip;
    return all;
  }
  return api::fail(api::bad_request("unsupported fieldPath: " + path));
}

api::result<std::string> resource_field(const api::v1::pod& pod,
                                        const api::v1::resource_field_selector& f,
                                        const std::string& own, const node_facts& node) {
  const auto& name = f.container_name.empty() ? own : f.container_name;
  const auto* c = find_container(pod, name);
  if (!c)
    return api::fail(api::bad_request("container " + name + " not found"));
  const auto dot = f.resource.find('.');
  const auto kind = f.resource.substr(0, dot);
  const auto resource = dot == std::string::npos ? std::string{} : f.resource.substr(dot + 1);
  const bool known = resource == "cpu" || resource == "memory" || resource == "ephemeral-storage" ||
                     resource.starts_with("hugepages-");
  if (!known || (kind != "limits" && kind != "requests"))
    return api::fail(api::bad_request("unsupported container resource : " + f.resource));

  std::string text;
  if (c->resources)
    text = value_at(kind == "limits" ? c->resources->limits : c->resources->requests, resource);
  if (text.empty() && kind == "limits" && !resource.starts_with("hugepages-"))
    text = value_at(node.allocatable, resource);
  const auto amount = api::parse_quantity(text.empty() ? "0" : text);
  const auto divisor =
      api::parse_quantity(f.divisor.empty() || f.divisor == "0" ? std::string{"1"} : f.divisor);
  if (!amount || !divisor)
    return api::fail(amount ? divisor.error() : amount.error());
  const bool cpu = resource == "cpu";
  const auto above = cpu ? amount->milli_value() : amount->value();
  const auto below = std::max<int64_t>(cpu ? divisor->milli_value() : divisor->value(), 1);
  return std::to_string(above / below + (above % below > 0 ? 1 : 0));
}

std::vector<env_var> service_variables(const api::v1::pod& pod, const api::reader& state) {
  std::map<std::string, std::string> all;
  const auto& ns = pod.metadata.namespace_;
  // The API's own service is known in every namespace; one of the same name there goes before it.
  if (const auto o = state.get("services", "default", "kubernetes"))
    if (const auto s = api::typed<api::v1::service>(*o); has_address(*s))
      add_service(*s, all);
  if (pod.spec.enable_service_links.value_or(true))
    for (const auto& o : state.list("services", ns).objects)
      if (const auto s = api::typed<api::v1::service>(*o); has_address(*s))
        add_service(*s, all);
  std::vector<env_var> res;
  res.reserve(all.size());
  for (auto& [name, value] : all)
    res.push_back({name, std::move(value)});
  return res;
}

} // namespace thespis::actors
