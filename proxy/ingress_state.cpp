#include "proxy/ingress_state.hpp"

#include "api/generated/core_v1_service.hpp"
#include "api/generated/discovery_v1.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"
#include "api/text/cidr.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::proxy {

namespace {

/// "10.43.0.9:80", "[fd43::9]:80".
std::string at(const std::string& ip, int64_t port) {
  return (ip.find(':') == std::string::npos ? ip : "[" + ip + "]") + ":" + std::to_string(port);
}

namespace v1 = api::v1;
constexpr const char* class_annotation = "kubernetes.io/ingress.class";

template <class Map, class Value>
void put(Map& map, const typename Map::key_type& key, const api::watch_event& e, Value value) {
  if (e.kind == api::event_kind::deleted)
    map.erase(key);
  else
    map[key] = std::move(value);
}

const v1::service_port* find_port(const v1::service& s, const v1::ingress_service_backend& b) {
  for (const auto& p : s.spec.ports)
    if (b.port &&
        (b.port->name.empty() ? p.port == b.port->number.value_or(0) : p.name == b.port->name))
      return &p;
  return nullptr;
}

/// A value of a Secret, decoded; empty when there is none.
std::string secret_text(const api::json::document& secret, std::string_view key) {
  const auto* data = api::json::find(secret, "data");
  if (!data)
    return {};
  return api::decode_base64(api::json::get_string(*data, key)).value_or(std::string{});
}

} // namespace

void ingress_state::apply_ingress(const api::watch_event& e) {
  put(ingresses_, {e.object->ns(), e.object->name()}, e, api::typed<v1::ingress>(*e.object));
}

void ingress_state::apply_class(const api::watch_event& e) {
  put(classes_, e.object->name(), e, api::typed<v1::ingress_class>(*e.object)->spec.controller);
}

void ingress_state::apply_secret(const api::watch_event& e) {
  put(secrets_, {e.object->ns(), e.object->name()}, e, e.object);
}

void ingress_state::clear() {
  ingresses_.clear();
  classes_.clear();
  secrets_.clear();
  services_.clear();
}

bool ingress_state::is_ours(const v1::ingress& i) const {
  auto name = i.spec.ingress_class_name;
  if (name.empty())
    if (const auto old = i.metadata.annotations.find(class_annotation);
        old != i.metadata.annotations.end())
      name = old->second;
  const auto known = classes_.find(name);
  return known != classes_.end() && known->second == ingress_controller;
}

std::vector<ingress_state::ingress_ptr> ingress_state::ours() const {
  std::vector<ingress_ptr> res;
  for (const auto& [name, i] : ingresses_)
    if (is_ours(*i))
      res.push_back(i);
  const auto age = [](const ingress_ptr& i) {
    return std::tie(i->metadata.creation_timestamp, i->metadata.namespace_, i->metadata.name);
  };
  std::sort(res.begin(), res.end(), [&](const auto& a, const auto& b) { return age(a) < age(b); });
  return res;
}

bool ingress_state::wanted() const {
  return std::any_of(ingresses_.begin(), ingresses_.end(),
                     [this](const auto& i) { return is_ours(*i.second); });
}

/// A Service with an address chooses the endpoint itself, so that pods may come and go without the
/// entry's knowing.
std::vector<std::string> ingress_state::servers_of(const std::string& ns,
                                                   const v1::ingress_service_backend& b) const {
  const auto object = services_.find({ns, b.name});
  if (!object)
    return {};
  const auto service = api::typed<v1::service>(*object);
  const auto* port = find_port(*service, b);
  if (!port)
    return {};
  if (const auto ip = api::parse_ip(service->spec.cluster_ip); ip)
    return {at(service->spec.cluster_ip, port->port)};
  std::map<std::string, std::set<std::string>> pods; // by family
  for (const auto& [name, o] : services_.slices({ns, b.name})) {
    const auto slice = api::typed<v1::endpoint_slice>(*o);
    for (const auto& p : slice->ports)
      for (const auto& e : slice->endpoints)
        if (p.name == port->name && p.port && !e.addresses.empty() &&
            (!e.conditions || e.conditions->ready.value_or(true)))
          pods[slice->address_type].insert(at(e.addresses.front(), *p.port));
  }
  // Each pod once: by IPv4 where the Service has that.
  const auto& of = pods.count("IPv4") ? pods["IPv4"] : pods["IPv6"];
  return {of.begin(), of.end()};
}

std::string ingress_state::add_backend(const std::string& ns, const v1::ingress_backend& b,
                                       std::map<std::string, ingress_backend>& all) const {
  // Nobody else knows what another kind of resource would mean.
  if (!b.service)
    return {};
  const auto& port = b.service->port;
  const auto which = !port                ? std::string{}
                     : port->name.empty() ? std::to_string(port->number.value_or(0))
                                          : port->name;
  // Names of objects have no underscores.
  auto name = ns + "_" + b.service->name + "_" + which;
  all.try_emplace(name, ingress_backend{name, servers_of(ns, *b.service)});
  return name;
}

void ingress_state::add_certificates(const v1::ingress& i, std::set<std::string>& claimed,
                                     ingress_table& out) const {
  for (const auto& t : i.spec.tls) {
    const auto secret = secrets_.find({i.metadata.namespace_, t.secret_name});
    if (secret == secrets_.end())
      continue;
    const auto doc = secret->second->parse();
    const auto certificate = secret_text(doc, "tls.crt");
    const auto key = secret_text(doc, "tls.key");
    if (!is_key_pair(certificate, key))
      continue;
    ingress_certificate c;
    for (const auto& h : t.hosts)
      if (claimed.insert(h).second)
        c.hosts.insert(h);
    if (!t.hosts.empty() && c.hosts.empty())
      continue;
    c.name =
        i.metadata.namespace_ + "_" + t.secret_name + "_" + std::to_string(out.certificates.size());
    c.pem = certificate + "\n" + key + "\n";
    out.certificates.push_back(std::move(c));
  }
}

std::set<ingress_state::name_pair> ingress_state::certificates() const {
  std::set<name_pair> res;
  for (const auto& i : ours())
    for (const auto& t : i->spec.tls)
      if (!t.secret_name.empty())
        res.emplace(i->metadata.namespace_, t.secret_name);
  return res;
}

ingress_table ingress_state::table() const {
  ingress_table res;
  std::map<std::string, ingress_backend> backends;
  std::set<std::string> claimed;
  for (const auto& i : ours()) {
    const auto& ns = i->metadata.namespace_;
    if (i->spec.default_backend && res.default_backend.empty())
      res.default_backend = add_backend(ns, *i->spec.default_backend, backends);
    for (const auto& rule : i->spec.rules) {
      if (!rule.http) {
        // A host without paths is the default backend's.
        if (i->spec.default_backend && !rule.host.empty())
          if (auto to = add_backend(ns, *i->spec.default_backend, backends); !to.empty())
            res.routes.push_back({rule.host, "/", false, std::move(to)});
        continue;
      }
      for (const auto& p : rule.http->paths) {
        const auto path = p.path.empty() ? std::string{"/"} : p.path;
        auto to = add_backend(ns, p.backend, backends);
        if (!to.empty() && is_plain_path(path))
          res.routes.push_back({rule.host, path, p.path_type == "Exact", std::move(to)});
      }
    }
    add_certificates(*i, claimed, res);
  }
  for (auto& [name, b] : backends)
    res.backends.push_back(std::move(b));
  return res;
}

} // namespace thespis::proxy
