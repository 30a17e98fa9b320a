#include "api/rest/proxies.hpp"

#include "api/rest/answers.hpp"
#include "api/rest/forwarding.hpp"
#include "api/rest/node_pages.hpp"
#include "api/text/cidr.hpp"
#include "api/text/quote.hpp"

#include <charconv>

namespace thespis::api::rest {

namespace {

struct place {
  std::string address;
  uint16_t port = 0;
};

error unavailable(std::string message) {
  return make_error(reason::service_unavailable, std::move(message));
}

std::optional<uint16_t> port_number(std::string_view s) {
  uint16_t n = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc{} || end != s.data() + s.size() || n == 0)
    return std::nullopt;
  return n;
}

/// Whether an address may be asked on a client's behalf: nothing of this machine's own, which
/// trusts whoever is near.
result<void> check_address(std::string_view address) {
  const auto ip = parse_ip(address);
  if (!ip || ip->is_loopback() || ip->is_link_local() || ip->is_multicast() || ip->is_unspecified())
    return fail(bad_request("address not allowed"));
  return {};
}

result<place> place_of_pod(const exchange& x, const proxied_name& what) {
  const auto object = x.server->cluster.state().get("pods", x.target.ns, what.name);
  if (!object)
    return fail(not_found("pods", what.name));
  const auto pod = object->parse();
  const auto* status = json::find(pod, "status");
  place p;
  p.address = status ? json::get_string(*status, "podIP") : std::string_view{};
  auto port = what.port;
  const auto* containers = json::at(pod, {"spec", "containers"});
  if (port.empty() && containers && containers->IsArray())
    for (const auto& c : containers->GetArray())
      if (const auto* ports = json::find(c, "ports");
          ports && ports->IsArray() && !ports->Empty()) {
        port = std::to_string(json::get_int((*ports)[0], "containerPort"));
        break;
      }
  const auto number = port_number(port.empty() ? (what.tls ? "443" : "80") : port);
  if (!number)
    return fail(bad_request("invalid pod request " + quote_go(x.target.name)));
  p.port = *number;
  if (auto ok = check_address(p.address); !ok)
    return fail(std::move(ok.error()));
  return p;
}

/// The name of the Service's port that the request means.
result<std::string> port_name(const json::value& service, const proxied_name& what) {
  const auto number = port_number(what.port);
  if (!number)
    return what.port;
  const auto* ports = json::at(service, {"spec", "ports"});
  if (ports && ports->IsArray())
    for (const auto& p : ports->GetArray())
      if (json::get_int(p, "port") == *number)
        return std::string(json::get_string(p, "name"));
  return fail(
      unavailable("no service port " + what.port + " found for service " + quote_go(what.name)));
}

/// Appends the ready endpoints of a slice that serve the port of that name.
void add_places(const json::value& slice, std::string_view port_name, std::vector<place>& all) {
  const auto* ports = json::find(slice, "ports");
  const auto* endpoints = json::find(slice, "endpoints");
  if (!ports || !ports->IsArray() || !endpoints || !endpoints->IsArray())
    return;
  for (const auto& p : ports->GetArray()) {
    if (json::get_string(p, "name") != port_name)
      continue;
    for (const auto& e : endpoints->GetArray()) {
      const auto* ready = json::at(e, {"conditions", "ready"});
      const auto* addresses = json::find(e, "addresses");
      if ((ready && ready->IsBool() && !ready->GetBool()) || !addresses || !addresses->IsArray() ||
          addresses->Empty())
        continue;
      all.push_back({std::string(json::as_string((*addresses)[0])),
                     static_cast<uint16_t>(json::get_int(p, "port"))});
    }
  }
}

result<place> place_of_service(const exchange& x, const proxied_name& what) {
  const auto& state = x.server->cluster.state();
  const auto object = state.get("services", x.target.ns, what.name);
  if (!object)
    return fail(not_found("services", what.name));
  auto port = port_name(object->parse(), what);
  if (!port)
    return fail(std::move(port.error()));
  std::vector<place> all;
  for (const auto& s : state.list("endpointslices.discovery.k8s.io", x.target.ns).objects) {
    const auto* owner = find_label(s->labels(), "kubernetes.io/service-name");
    if (owner && *owner == what.name)
      add_places(s->parse(), *port, all);
  }
  std::erase_if(all, [](const place& p) { return !check_address(p.address); });
  if (all.empty())
    return fail(unavailable("no endpoints available for service " + quote_go(what.name)));
  // In turn: as even as chance, and foreseeable.
  return all[x.server->proxied++ % all.size()];
}

transport::outcome refused(const exchange& x, const error& e) {
  x.observe(http_code(e));
  return transport::refuse(e);
}

/// The way to the subresource itself, as the client sent it: what links must begin with.
std::string_view prefix_of(const exchange& x, const transport::request_head& head) {
  const auto below = after_segments(head.path(), x.resource->namespaced ? 7 : 5);
  return head.path().substr(0, head.path().size() - below.size());
}

/// A root without its slash would break every relative link on the page behind it.
transport::outcome redirect_to_root(const exchange& x, const transport::request_head& head) {
  auto r = answer(301, "", transport::payload());
  std::string to(head.path());
  to += '/';
  if (!head.query().empty())
    to.append("?").append(head.query());
  r.headers.emplace_back("Location", std::move(to));
  x.observe(r.status);
  return transport::respond{std::move(r)};
}

} // namespace

bool is_proxy(const request_target& t) {
  return t.is_resource && t.group.empty() && t.subresource == "proxy" &&
         (t.resource == "pods" || t.resource == "services" || t.resource == "nodes");
}

std::optional<proxied_name> parse_proxied_name(std::string_view id) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= id.size();) {
    const auto end = std::min(id.find(':', at), id.size());
    parts.emplace_back(id.substr(at, end - at));
    at = end + 1;
  }
  proxied_name out;
  if (parts.size() == 3) {
    if (!parts[0].empty() && parts[0] != "http" && parts[0] != "https")
      return std::nullopt;
    out.tls = parts[0] == "https";
    parts.erase(parts.begin());
  }
  if (parts.size() > 2 || parts[0].empty())
    return std::nullopt;
  out.name = parts[0];
  if (parts.size() == 2)
    out.port = parts[1];
  return out;
}

std::string_view after_segments(std::string_view path, size_t n) {
  size_t at = std::min(path.find_first_not_of('/'), path.size());
  while (n > 0 && at < path.size()) {
    at = std::min(path.find('/', at), path.size());
    if (--n > 0)
      ++at;
  }
  return path.substr(std::min(at, path.size()));
}

transport::outcome open_proxy(exchange_ptr x, const transport::request_head& head) {
  const auto what = parse_proxied_name(x->target.name);
  const auto& resource = x->target.resource;
  const auto one = resource.substr(0, resource.size() - 1);
  if (!what)
    return refused(*x, bad_request("invalid " + one + " request " + quote_go(x->target.name)));
  const auto prefix = prefix_of(*x, head);
  const auto below = head.path().substr(prefix.size());
  if (resource == "nodes")
    return open_node_page(std::move(x), what->name, below);
  if (below.empty() && !head.wants_upgrade() && (x->method == "GET" || x->method == "HEAD"))
    return redirect_to_root(*x, head);
  const auto to = resource == "pods" ? place_of_pod(*x, *what) : place_of_service(*x, *what);
  if (!to)
    return refused(*x, to.error());
  forward_request r;
  take_request(r, head);
  r.target = below.empty() ? "/" : std::string(below);
  if (!head.query().empty())
    r.target.append("?").append(head.query());
  r.address = to->address;
  r.port = to->port;
  r.tls = what->tls;
  r.insecure = true;
  r.head_timeout = std::chrono::milliseconds{0};
  r.host = head.header("Host");
  r.headers.emplace_back("X-Forwarded-Uri", std::string(head.path()));
  answer_rules rules;
  rules.place.prefix = prefix;
  rules.place.host =
      (to->address.find(':') == std::string::npos ? to->address : "[" + to->address + "]") + ":" +
      std::to_string(to->port);
  rules.place.request_host = head.header("Host");
  return forward(std::move(x), std::move(r), std::move(rules));
}

} // namespace thespis::api::rest
