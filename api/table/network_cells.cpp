// Rows of services and their endpoints.
#include "api/table/cells.hpp"

namespace thespis::api::table {

namespace {

std::vector<std::string> strings_at(const json::value& object,
                                    std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto* v : items_at(object, path))
    out.emplace_back(json::as_string(*v));
  return out;
}

std::string external_ip(const json::value& service) {
  auto type = text_at(service, {"spec", "type"});
  if (type == "ExternalName")
    return text_at(service, {"spec", "externalName"});
  std::vector<std::string> addresses;
  if (type == "LoadBalancer")
    for (const auto* ingress : items_at(service, {"status", "loadBalancer", "ingress"}))
      addresses.push_back(text_at(*ingress, {"ip"}, text_at(*ingress, {"hostname"})));
  for (auto& ip : strings_at(service, {"spec", "externalIPs"}))
    addresses.push_back(std::move(ip));
  return join(addresses, type == "LoadBalancer" ? "<pending>" : "<none>");
}

std::string service_ports(const json::value& service) {
  std::vector<std::string> ports;
  for (const auto* p : items_at(service, {"spec", "ports"})) {
    auto text = std::to_string(json::get_int(*p, "port"));
    if (auto node_port = json::get_int(*p, "nodePort"); node_port > 0)
      text += ":" + std::to_string(node_port);
    ports.push_back(text + "/" + std::string(json::get_string(*p, "protocol", "TCP")));
  }
  return join(ports);
}

std::string host_port(std::string_view ip, int64_t port) {
  auto host = ip.find(':') == ip.npos ? std::string(ip) : "[" + std::string(ip) + "]";
  return host + ":" + std::to_string(port);
}

} // namespace

row service_cells(const json::value& object, timestamp now) {
  auto ips = strings_at(object, {"spec", "clusterIPs"});
  auto cluster_ip = text_at(object, {"spec", "clusterIP"}, "<none>");
  return {object_name(object),
          text_at(object, {"spec", "type"}, "ClusterIP"),
          ips.empty() ? cluster_ip : ips.front(),
          external_ip(object),
          service_ports(object),
          object_age(object, now),
          format_labels(json::at(object, {"spec", "selector"}))};
}

row endpoints_cells(const json::value& object, timestamp now) {
  std::vector<std::string> list;
  for (const auto* subset : items_at(object, {"subsets"})) {
    auto addresses = items_at(*subset, {"addresses"});
    auto ports = items_at(*subset, {"ports"});
    if (ports.empty())
      for (const auto* a : addresses)
        list.emplace_back(json::get_string(*a, "ip"));
    for (const auto* p : ports)
      for (const auto* a : addresses)
        list.push_back(host_port(json::get_string(*a, "ip"), json::get_int(*p, "port")));
  }
  return {object_name(object), join_some(list, "<none>"), object_age(object, now)};
}

row endpoint_slice_cells(const json::value& object, timestamp now) {
  std::vector<std::string> ports;
  for (const auto* p : items_at(object, {"ports"})) {
    const auto* number = json::find(*p, "port");
    ports.push_back(number && number->IsInt64() ? std::to_string(number->GetInt64()) : "*");
  }
  std::vector<std::string> addresses;
  for (const auto* e : items_at(object, {"endpoints"}))
    for (auto& a : strings_at(*e, {"addresses"}))
      addresses.push_back(std::move(a));
  return {object_name(object), text_at(object, {"addressType"}), join_some(ports, "<unset>"),
          join_some(addresses, "<unset>"), object_age(object, now)};
}

} // namespace thespis::api::table
