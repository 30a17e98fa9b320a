// Rows of ingresses, network policies and the addresses of services.
#include "api/table/columns.hpp"

#include <set>

namespace thespis::api::table {

namespace {

std::string ingress_hosts(const json::value& object) {
  constexpr size_t shown = 3;
  std::vector<std::string> hosts;
  bool more = false;
  const auto rules = items_at(object, {"spec", "rules"});
  for (const auto* r : rules) {
    more = more || hosts.size() == shown;
    if (auto host = json::get_string(*r, "host"); !more && !host.empty())
      hosts.emplace_back(host);
  }
  auto text = join(hosts, "*");
  return more ? text + " + " + std::to_string(rules.size() - shown) + " more..." : text;
}

row ingress_cells(const json::value& object, timestamp now) {
  std::set<std::string> addresses;
  for (const auto* i : items_at(object, {"status", "loadBalancer", "ingress"}))
    if (auto ip = json::get_string(*i, "ip"); !ip.empty())
      addresses.emplace(ip);
    else if (auto host = json::get_string(*i, "hostname"); !host.empty())
      addresses.emplace(host);
  return {object_name(object),
          text_at(object, {"spec", "ingressClassName"}, "<none>"),
          ingress_hosts(object),
          join({addresses.begin(), addresses.end()}, ""),
          count_at(object, {"spec", "tls"}) > 0 ? "80, 443" : "80",
          object_age(object, now)};
}

row ingress_class_cells(const json::value& object, timestamp now) {
  std::string parameters = "<none>";
  if (const auto* p = json::at(object, {"spec", "parameters"}); p && p->IsObject()) {
    parameters = json::get_string(*p, "kind");
    if (auto group = json::get_string(*p, "apiGroup"); !group.empty())
      parameters += "." + std::string(group);
    parameters += "/" + std::string(json::get_string(*p, "name"));
  }
  return {object_name(object), text_at(object, {"spec", "controller"}), parameters,
          object_age(object, now)};
}

row policy_cells(const json::value& object, timestamp now) {
  return {object_name(object), format_label_selector(json::at(object, {"spec", "podSelector"})),
          object_age(object, now)};
}

row address_cells(const json::value& object, timestamp) {
  std::string parent = "<none>";
  if (const auto* p = json::at(object, {"spec", "parentRef"}); p && p->IsObject()) {
    parent = json::get_string(*p, "resource");
    if (auto group = json::get_string(*p, "group"); !group.empty())
      parent += "." + std::string(group);
    if (auto ns = json::get_string(*p, "namespace"); !ns.empty())
      parent += "/" + std::string(ns);
    parent += "/" + std::string(json::get_string(*p, "name"));
  }
  return {object_name(object), parent};
}

row service_block_cells(const json::value& object, timestamp now) {
  std::vector<std::string> cidrs;
  for (const auto* c : items_at(object, {"spec", "cidrs"}))
    cidrs.emplace_back(json::as_string(*c));
  return {object_name(object), join(cidrs, ""), object_age(object, now)};
}

} // namespace

void add_network_printers(printer_map& m) {
  m["ingresses.networking.k8s.io"] = {{name_column(), col("Class", "string", "Who carries it out."),
                                       col("Hosts", "string", "Hosts that it routes."),
                                       col("Address", "string", "Where it is reached."),
                                       col("Ports", "string", "Its ports."), age_column()},
                                      ingress_cells};
  m["ingressclasses.networking.k8s.io"] = {
      {name_column(), col("Controller", "string", "The controller."),
       col("Parameters", "string", "The object with its settings."), age_column()},
      ingress_class_cells};
  m["networkpolicies.networking.k8s.io"] = {
      {name_column(), col("Pod-Selector", "string", "Which pods it is about."), age_column()},
      policy_cells};
  m["ipaddresses.networking.k8s.io"] = {
      {name_column(), col("ParentRef", "string", "The object that holds it.")}, address_cells};
  m["servicecidrs.networking.k8s.io"] = {
      {name_column(), col("CIDRs", "string", "The addresses."), age_column()}, service_block_cells};
}

} // namespace thespis::api::table
