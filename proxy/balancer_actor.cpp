#include "proxy/balancer_actor.hpp"

#include "api/json.hpp"

namespace thespis::proxy {

namespace {

std::string text_of(const backend& b) {
  const auto address = b.address.to_string();
  return (b.address.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(b.port);
}

caf::error none_ready(const service_port_name& name) {
  return caf::make_error(caf::sec::runtime_error,
                         "no endpoints available for service " + to_string(name));
}

} // namespace

std::string to_string(const service_port_name& name) {
  auto res = name.ns + "/" + name.service;
  if (!name.port.empty())
    res += ":" + name.port;
  return name.family == ip_family::v4 ? res : res + "/ipv6";
}

balancer_actor::balancer_actor(caf::actor_config& cfg, balancer_deps deps)
    : actor_base(cfg, "balancer", to_string(deps.name)), deps_(std::move(deps)),
      chooser_([random = deps_.env.random](
                   uint32_t n) { return static_cast<uint32_t>(random->next() % n); },
               deps_.limits) {}

balancer_actor::behavior_type balancer_actor::make_behavior() {
  show_state("waiting");
  return {
      [this](const balance_over& x) { take(*x.port); },
      [this](const choose_flows& x) { choose(x); },
      [this](const flow_report& x) {
        const auto now = this->clock().now();
        for (const auto& e : x.events)
          chooser_.learn(e.what, e.to, e.news, now);
      },
      [this](const flow_recount& x) { chooser_.recount(x.open, x.as_of); },
      [this](const choose_endpoint& x) -> caf::result<chosen_endpoint> {
        const auto where = choose_for(x.client);
        if (!where)
          return none_ready(deps_.name);
        chooser_.acquire(*where);
        return chosen_endpoint{where->address.to_string(), where->port, pod_at(*where)};
      },
      [this](const endpoint_done& x) {
        if (const auto address = api::parse_ip(x.ip))
          chooser_.release({*address, x.port}, x.failed, this->clock().now());
      },
      [this](const to_service& x) { hand_on(x); },
  };
}

void balancer_actor::take(const service_port& port) {
  auto everywhere = usable_endpoints(port, false);
  auto here = usable_endpoints(port, true);
  internal_local_ = port.internal_local;
  pods_.clear();
  for (const auto& e : port.endpoints)
    if (const auto address = parse_address(e.ip, port.family); address && !e.pod.empty())
      pods_.insert_or_assign({*address, e.port}, e.pod);
  show_state(everywhere.empty() ? "no endpoints" : "choosing");
  chooser_.set(std::move(everywhere), std::move(here), std::chrono::seconds{port.affinity_seconds});
}

void balancer_actor::choose(const choose_flows& what) {
  const auto now = this->clock().now();
  std::vector<packet_verdict> out;
  out.reserve(what.flows.size());
  for (const auto& f : what.flows) {
    const auto place = chooser_.choose(f.from, digest(f.what.source), now);
    if (!place) {
      out.push_back({f.packet, std::nullopt, f.mark});
      continue;
    }
    chooser_.begin(f.what, chooser_.endpoints(f.from)[*place], now);
    out.push_back({f.packet, static_cast<uint32_t>(*place) + f.offset, f.mark});
  }
  what.to->answer(out);
}

std::optional<backend> balancer_actor::choose_for(const std::string& client) {
  const auto from = internal_local_ ? balance::reach::here : balance::reach::everywhere;
  const auto place = chooser_.choose(from, std::hash<std::string>{}(client), this->clock().now());
  if (!place)
    return std::nullopt;
  return chooser_.endpoints(from)[*place];
}

void balancer_actor::hand_on(const to_service& what) {
  auto promise = this->make_response_promise();
  const auto where = choose_for(what.client);
  if (!where) {
    promise.deliver(none_ready(deps_.name));
    return;
  }
  const auto& pod = pod_at(*where);
  const auto actor = deps_.env.roles->find<caf::actor>(runtime::pod_role(deps_.name.ns, pod));
  if (pod.empty() || !actor) {
    promise.deliver(caf::make_error(
        caf::sec::runtime_error, "no actor of endpoint " + where->address.to_string() +
                                     " of service " + to_string(deps_.name) + " on this machine"));
    return;
  }
  promise.delegate(actor, what.body);
}

const std::string& balancer_actor::pod_at(backend where) const {
  static const std::string none;
  const auto i = pods_.find(where);
  return i == pods_.end() ? none : i->second;
}

std::string balancer_actor::describe() const {
  api::json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  api::json::value all{rapidjson::kArrayType};
  for (const auto& [where, load] : chooser_.loads()) {
    api::json::value one{rapidjson::kObjectType};
    const auto address = text_of(where);
    api::json::set(one, "address", std::string_view{address}, a);
    if (const auto& pod = pod_at(where); !pod.empty())
      api::json::set(one, "pod", std::string_view{pod}, a);
    api::json::set(one, "outstanding", api::json::value{load.outstanding}, a);
    api::json::set(one, "chosen", api::json::value{load.chosen}, a);
    api::json::set(one, "failures", api::json::value{load.failures}, a);
    api::json::set(one, "ejected", api::json::value{load.ejected}, a);
    all.PushBack(one, a);
  }
  api::json::set(doc, "endpoints", std::move(all), a);
  api::json::set(doc, "flows", api::json::value{static_cast<uint64_t>(chooser_.followed())}, a);
  return api::json::to_string(doc);
}

} // namespace thespis::proxy
