#include "api/validation/routing.hpp"

#include "api/text/cidr.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"

#include <array>

namespace thespis::api {

namespace {

constexpr size_t max_controller = 250;
constexpr std::string_view class_annotation = "kubernetes.io/ingress.class";

/// "*.example.com": a star in front of a domain.
complaints check_wildcard(std::string_view host) {
  if (!host.starts_with("*."))
    return {
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
        "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
        "alphanumeric character (e.g. '*.example.com', regex used for validation is "
        "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"};
  return check_dns1123_subdomain(host.substr(2));
}

complaints check_host(std::string_view host) {
  return host.find('*') == host.npos ? check_dns1123_subdomain(host) : check_wildcard(host);
}

void check_typed_reference(const json::value& ref, const path& at, findings& f) {
  if (const auto group = text(ref, "apiGroup"); !group.empty())
    complain(f, path(at, "apiGroup"), group, check_dns1123_subdomain(group));
  for (std::string_view key : {"kind", "name"})
    if (const auto v = text(ref, key); v.empty())
      f.required(path(at, key), std::string(key) + " is required");
    else
      complain(f, path(at, key), v, check_path_segment(v));
}

void check_service_backend(const json::value& service, const path& at, findings& f) {
  path s(at, "service"), p(s, "port");
  if (const auto name = text(service, "name"); name.empty())
    f.required(path(s, "name"));
  else
    complain(f, path(s, "name"), name, check_dns1035_label(name));
  const auto& port = member(service, "port");
  const auto name = text(port, "name");
  const auto number = json::get_int(port, "number");
  if (!name.empty() && number != 0)
    f.invalid(at, "", "cannot set both port name & port number");
  else if (!name.empty())
    complain(f, path(p, "name"), name, check_port_name(name));
  else if (number != 0)
    complain(f, path(p, "number"), number, check_port_number(number));
  else
    f.required(at, "port name or number is required");
}

void check_backend(const json::value& backend, const path& at, findings& f) {
  const bool resource = has(backend, "resource"), service = has(backend, "service");
  if (resource && service)
    f.invalid(at, "", "cannot set both resource and service backends");
  else if (resource)
    check_typed_reference(member(backend, "resource"), path(at, "resource"), f);
  else if (service)
    check_service_backend(member(backend, "service"), at, f);
  else
    f.invalid(at, "", "resource or service backend is required");
}

/// An HTTP path that says one thing only.
void check_plain_path(std::string_view s, const path& at, findings& f) {
  if (!s.starts_with('/'))
    f.invalid(at, s, "must be an absolute path");
  for (std::string_view bad : {"//", "/./", "/../", "%2f", "%2F"})
    if (s.find(bad) != s.npos)
      f.invalid(at, s, "must not contain '" + std::string(bad) + "'");
  for (std::string_view bad : {"/..", "/."})
    if (s.ends_with(bad))
      f.invalid(at, s, "cannot end with '" + std::string(bad) + "'");
}

void check_http_path(const json::value& v, const path& at, findings& f) {
  const auto type = text(v, "pathType"), s = text(v, "path");
  path p(at, "path");
  if (!has(v, "pathType"))
    f.required(path(at, "pathType"), "pathType must be specified");
  else if (type == "Exact" || type == "Prefix")
    check_plain_path(s, p, f);
  else if (type != "ImplementationSpecific")
    f.not_supported(path(at, "pathType"), type, {"Exact", "ImplementationSpecific", "Prefix"});
  else if (!s.empty() && s[0] != '/')
    f.invalid(p, s, "must be an absolute path");
  check_backend(member(v, "backend"), path(at, "backend"), f);
}

void check_rule(const json::value& rule, const path& at, findings& f) {
  if (const auto host = text(rule, "host"); !host.empty()) {
    if (parse_ip(host))
      f.invalid(path(at, "host"), host, "must be a DNS name, not an IP address");
    else
      complain(f, path(at, "host"), host, check_host(host));
  }
  const auto& http = member(rule, "http");
  if (!http.IsObject())
    return;
  path h(at, "http");
  if (!filled(member(http, "paths")))
    f.required(path(h, "paths"));
  each(http, "paths", h, [&](const json::value& v, const path& p) { check_http_path(v, p, f); });
}

/// "example.com/name".
void check_prefixed_path(std::string_view s, const path& at, findings& f) {
  const auto slash = s.find('/');
  if (s.empty())
    return f.required(at);
  if (slash == s.npos || slash == 0 || slash + 1 == s.size())
    return f.invalid(at, s, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  complain(f, at, s.substr(0, slash), check_dns1123_subdomain(s.substr(0, slash)));
}

void check_policy_port(const json::value& v, const path& at, findings& f) {
  if (const auto protocol = json::get_string(v, "protocol", "TCP");
      protocol != "TCP" && protocol != "UDP" && protocol != "SCTP")
    f.not_supported(path(at, "protocol"), protocol, {"SCTP", "TCP", "UDP"});
  const auto& port = member(v, "port");
  const bool ranged = has(v, "endPort");
  const auto end = json::get_int(v, "endPort");
  path e(at, "endPort");
  if (port.IsInt64()) {
    complain(f, path(at, "port"), port.GetInt64(), check_port_number(port.GetInt64()));
    if (ranged && end < port.GetInt64())
      f.invalid(e, port.GetInt64(), "must be greater than or equal to `port`");
    if (ranged)
      complain(f, e, end, check_port_number(end));
  } else if (port.IsString()) {
    if (ranged)
      f.invalid(e, end, "may not be specified when `port` is non-numeric");
    complain(f, path(at, "port"), json::as_string(port), check_port_name(json::as_string(port)));
  } else if (ranged) {
    f.invalid(e, end, "may not be specified when `port` is not specified");
  }
}

void check_ip_block(const json::value& block, const path& at, findings& f) {
  const auto range = text(block, "cidr");
  if (range.empty())
    return f.required(path(at, "cidr"));
  const auto outer = parse_cidr(range);
  if (!outer)
    return complain(f, path(at, "cidr"), range, check_cidr(range));
  each(block, "except", at, [&](const json::value& v, const path& p) {
    const auto s = json::as_string(v);
    const auto inner = parse_cidr(s);
    if (!inner)
      complain(f, p, s, check_cidr(s));
    else if (!outer->contains(inner->base()) || inner->prefix() <= outer->prefix())
      f.invalid(p, s, "must be a strict subset of `cidr`");
  });
}

void check_peer(const json::value& peer, const path& at, findings& f) {
  int named = 0;
  for (std::string_view key : {"podSelector", "namespaceSelector"})
    if (has(peer, key)) {
      ++named;
      validate_selector(member(peer, key), path(at, key), f);
    }
  const bool block = has(peer, "ipBlock");
  if (block)
    check_ip_block(member(peer, "ipBlock"), path(at, "ipBlock"), f);
  if (named == 0 && !block)
    f.required(at, "must specify a peer");
  else if (named > 0 && block)
    f.forbidden(at, "may not specify both ipBlock and another peer");
}

void check_policy_rules(const json::value& spec, std::string_view key, std::string_view peers,
                        const path& at, findings& f) {
  each(spec, key, at, [&](const json::value& rule, const path& r) {
    each(rule, "ports", r,
         [&](const json::value& v, const path& p) { check_policy_port(v, p, f); });
    each(rule, peers, r, [&](const json::value& v, const path& p) { check_peer(v, p, f); });
  });
}

} // namespace

void validate_ingress(const json::value& ingress, findings& f) {
  path at("spec");
  const auto& spec = member(ingress, "spec");
  const bool fallback = has(spec, "defaultBackend");
  if (!fallback && !filled(member(spec, "rules")))
    f.invalid(at, member(spec, "rules"), "either `defaultBackend` or `rules` must be specified");
  each(spec, "tls", at, [&](const json::value& tls, const path& t) {
    each(tls, "hosts", t, [&](const json::value& v, const path& p) {
      complain(f, p, json::as_string(v), check_host(json::as_string(v)));
    });
    if (const auto name = text(tls, "secretName"); !name.empty())
      complain(f, path(t, "secretName"), name, check_dns1123_subdomain(name));
  });
  if (fallback)
    check_backend(member(spec, "defaultBackend"), path(at, "defaultBackend"), f);
  each(spec, "rules", at, [&](const json::value& v, const path& p) { check_rule(v, p, f); });
  if (has(spec, "ingressClassName"))
    complain(f, path(at, "ingressClassName"), text(spec, "ingressClassName"),
             check_dns1123_subdomain(text(spec, "ingressClassName")));
}

void validate_new_ingress(const json::value& ingress, findings& f) {
  const auto& annotations = member(member(ingress, "metadata"), "annotations");
  if (!has(annotations, class_annotation) || !has(member(ingress, "spec"), "ingressClassName"))
    return;
  path meta("metadata"), at(meta, "annotations");
  f.invalid(path(at, class_annotation), text(annotations, class_annotation),
            "can not be set when the class field is also set");
}

void validate_ingress_class(const json::value& c, findings& f) {
  path at("spec");
  const auto& spec = member(c, "spec");
  if (text(spec, "controller").size() > max_controller)
    f.too_long(path(at, "controller"), max_controller);
  check_prefixed_path(text(spec, "controller"), path(at, "controller"), f);
  const auto& parameters = member(spec, "parameters");
  if (!parameters.IsObject())
    return;
  path p(at, "parameters");
  check_typed_reference(parameters, p, f);
  const auto scope = text(parameters, "scope");
  if (scope != "Cluster" && scope != "Namespace")
    f.not_supported(path(p, "scope"), scope, {"Cluster", "Namespace"});
  if (scope == "Namespace" && text(parameters, "namespace").empty())
    f.required(path(p, "namespace"), "`parameters.scope` is set to 'Namespace'");
  if (scope == "Cluster" && has(parameters, "namespace"))
    f.forbidden(path(p, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

void validate_ingress_class_update(const json::value& now, const json::value& old, findings& f) {
  path at("spec");
  immutable(f, member(now, "spec"), member(old, "spec"), "controller", at);
}

void validate_network_policy(const json::value& policy, findings& f) {
  path at("spec");
  const auto& spec = member(policy, "spec");
  validate_selector(member(spec, "podSelector"), path(at, "podSelector"), f);
  check_policy_rules(spec, "ingress", "from", at, f);
  check_policy_rules(spec, "egress", "to", at, f);
  const auto& types = member(spec, "policyTypes");
  if (count(types) > 2)
    return f.invalid(path(at, "policyTypes"), types, "may not specify more than two policyTypes");
  each(spec, "policyTypes", at, [&](const json::value& v, const path& p) {
    if (const auto s = json::as_string(v); s != "Ingress" && s != "Egress")
      f.not_supported(p, s, {"Egress", "Ingress"});
  });
}

void validate_ip_address(const json::value& address, findings& f) {
  const auto name = text(member(address, "metadata"), "name");
  const auto ip = parse_ip(name);
  path meta("metadata"), at("spec"), parent(at, "parentRef");
  if (!ip)
    f.invalid(path(meta, "name"), name,
              "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  else if (ip->to_string() != name)
    f.invalid(path(meta, "name"), name, "must be in canonical form (\"" + ip->to_string() + "\")");
  const auto& ref = member(member(address, "spec"), "parentRef");
  if (!ref.IsObject())
    return f.required(parent);
  for (std::string_view key : {"resource", "name"})
    if (const auto v = text(ref, key); v.empty())
      f.required(path(parent, key));
    else
      complain(f, path(parent, key), v, check_path_segment(v));
  if (const auto group = text(ref, "group"); !group.empty())
    complain(f, path(parent, "group"), group, check_dns1123_subdomain(group));
}

void validate_service_cidr(const json::value& block, findings& f) {
  path at("spec"), list(at, "cidrs");
  const auto& cidrs = member(member(block, "spec"), "cidrs");
  if (!filled(cidrs))
    return f.required(list, "at least one CIDR required");
  if (count(cidrs) > 2)
    return f.invalid(list, cidrs, "may only hold up to 2 values");
  std::vector<cidr> read;
  each(member(block, "spec"), "cidrs", at, [&](const json::value& v, const path& p) {
    const auto s = json::as_string(v);
    if (const auto c = parse_cidr(s); !c)
      complain(f, p, s, check_cidr(s));
    else if (c->to_string() != s)
      f.invalid(p, s, "must be in canonical form (\"" + c->to_string() + "\")");
    else
      read.push_back(*c);
  });
  if (read.size() == 2 && read[0].base().is_v4() == read[1].base().is_v4())
    f.invalid(list, cidrs,
              "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
              "2001:db8::/64");
}

void validate_service_cidr_update(const json::value& now, const json::value& old, findings& f) {
  path at("spec"), list(at, "cidrs");
  const auto& a = member(member(now, "spec"), "cidrs");
  const auto& b = member(member(old, "spec"), "cidrs");
  // One family may get a second one beside it.
  if (a.IsArray() && b.IsArray() && a.Size() == 2 && b.Size() == 1 && json::equal(a[0], b[0]))
    return;
  if (!json::equal(a, b))
    f.invalid(list, a, "field is immutable");
}

} // namespace thespis::api
