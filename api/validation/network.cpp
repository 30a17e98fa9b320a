#include "api/validation/network.hpp"

#include "api/text/cidr.hpp"
#include "api/validation/access.hpp"

#include <unordered_set>

namespace thespis::api {

namespace {

constexpr size_t max_endpoints = 1000;
constexpr size_t max_ports = 20000;

void check_port_names(const json::value& ports_owner, const path& at, findings& f) {
  std::unordered_set<std::string_view> names;
  bool several = count(member(ports_owner, "ports")) > 1;
  each(ports_owner, "ports", at, [&](const json::value& port, const path& p) {
    auto name = text(port, "name");
    if (name.empty() && several)
      f.required(path(p, "name"));
    if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
  });
}

} // namespace

void check_endpoint_ip(std::string_view s, const path& at, findings& f) {
  auto ip = parse_ip(s);
  if (!ip)
    return;
  if (ip->is_unspecified())
    f.invalid(at, s, "may not be unspecified (" + std::string(s) + ")");
  if (ip->is_loopback())
    f.invalid(at, s, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (ip->is_link_local())
    f.invalid(at, s, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (ip->is_multicast())
    f.invalid(at, s, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

void validate_endpoints(const json::value& endpoints, findings& f) {
  const auto& subsets = member(endpoints, "subsets");
  if (!subsets.IsArray())
    return;
  path list("subsets");
  for (rapidjson::SizeType i = 0; i < subsets.Size(); ++i) {
    const auto& s = subsets[i];
    path p(list, i);
    if (!filled(member(s, "addresses")) && !filled(member(s, "notReadyAddresses")))
      f.required(p, "must specify `addresses` or `notReadyAddresses`");
    for (std::string_view key : {"addresses", "notReadyAddresses"})
      each(s, key, p, [&](const json::value& a, const path& q) {
        check_endpoint_ip(text(a, "ip"), path(q, "ip"), f);
      });
    check_port_names(s, p, f);
  }
}

void validate_endpoint_slice(const json::value& slice, findings& f) {
  auto type = text(slice, "addressType");
  const auto& endpoints = member(slice, "endpoints");
  path list("endpoints");
  if (count(endpoints) > max_endpoints)
    f.too_many(list, count(endpoints), max_endpoints);
  if (endpoints.IsArray())
    for (rapidjson::SizeType i = 0; i < endpoints.Size(); ++i) {
      path p(list, i);
      each(endpoints[i], "addresses", p, [&](const json::value& v, const path& q) {
        auto s = json::as_string(v);
        if (type == "FQDN") {
          complain(f, q, s, check_dns1123_subdomain(s));
          return;
        }
        auto ip = parse_ip(s);
        if (!ip)
          complain(f, q, s, check_ip(s));
        if (ip && type == "IPv4" && !ip->is_v4())
          f.invalid(q, s, "must be an IPv4 address");
        if (ip && type == "IPv6" && ip->is_v4())
          f.invalid(q, s, "must be an IPv6 address");
        check_endpoint_ip(s, q, f);
      });
    }
  if (count(member(slice, "ports")) > max_ports)
    f.too_many(path("ports"), count(member(slice, "ports")), max_ports);
  std::unordered_set<std::string_view> names;
  const auto& ports = member(slice, "ports");
  path ports_at("ports");
  if (ports.IsArray())
    for (rapidjson::SizeType i = 0; i < ports.Size(); ++i) {
      path p(ports_at, i);
      auto name = text(ports[i], "name");
      if (!name.empty())
        complain(f, path(p, "name"), name, check_dns1123_label(name));
      if (!names.insert(name).second)
        f.duplicate(path(p, "name"), name);
    }
}

} // namespace thespis::api
