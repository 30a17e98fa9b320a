#include "actors/scheduler/node_info.hpp"

#include "api/object/typed.hpp"
#include "api/text/quantity.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr int64_t default_cpu = 100;
constexpr int64_t default_memory = 200 << 20;

void keep_greater(resources& a, const resources& b) {
  a.cpu = std::max(a.cpu, b.cpu);
  a.memory = std::max(a.memory, b.memory);
  a.ephemeral_storage = std::max(a.ephemeral_storage, b.ephemeral_storage);
  for (const auto& [name, amount] : b.others) {
    auto& mine = a.others[name];
    mine = std::max(mine, amount);
  }
}

resources requests_of(const api::v1::container& c) {
  return c.resources ? read_resources(c.resources->requests) : resources{};
}

} // namespace

resources& resources::operator+=(const resources& o) {
  cpu += o.cpu;
  memory += o.memory;
  ephemeral_storage += o.ephemeral_storage;
  for (const auto& [name, amount] : o.others)
    others[name] += amount;
  return *this;
}

resources& resources::operator-=(const resources& o) {
  cpu -= o.cpu;
  memory -= o.memory;
  ephemeral_storage -= o.ephemeral_storage;
  for (const auto& [name, amount] : o.others)
    others[name] -= amount;
  return *this;
}

resources read_resources(const std::map<std::string, std::string>& list) {
  resources res;
  for (const auto& [name, text] : list) {
    const auto q = api::parse_quantity(text);
    if (!q)
      continue;
    if (name == "cpu")
      res.cpu = q->milli_value();
    else if (name == "memory")
      res.memory = q->value();
    else if (name == "ephemeral-storage")
      res.ephemeral_storage = q->value();
    else if (name != "pods")
      res.others[name] = q->value();
  }
  return res;
}

resources pod_requests(const api::v1::pod_spec& spec) {
  resources running;
  for (const auto& c : spec.containers)
    running += requests_of(c);
  resources sidecars;
  resources greediest;
  for (const auto& c : spec.init_containers) {
    auto need = requests_of(c);
    if (c.restart_policy == "Always") {
      sidecars += need;
      keep_greater(greediest, sidecars);
      continue;
    }
    need += sidecars;
    keep_greater(greediest, need);
  }
  running += sidecars;
  keep_greater(running, greediest);
  // What the pod asks for as a whole goes before what its containers do.
  if (spec.resources) {
    const auto whole = read_resources(spec.resources->requests);
    if (spec.resources->requests.contains("cpu"))
      running.cpu = whole.cpu;
    if (spec.resources->requests.contains("memory"))
      running.memory = whole.memory;
  }
  running += read_resources(spec.overhead);
  return running;
}

pod_info make_pod_info(const api::object_ptr& object) {
  pod_info res;
  res.object = object;
  res.pod = api::typed<api::v1::pod>(*object);
  const auto& spec = res.pod->spec;
  res.requests = pod_requests(spec);
  res.priority = spec.priority.value_or(0);
  const auto add_ports = [&](const api::v1::container& c) {
    for (const auto& p : c.ports) {
      const auto port =
          spec.host_network.value_or(false) ? p.container_port : p.host_port.value_or(0);
      if (port > 0)
        res.ports.emplace_back(p.host_ip.empty() ? "0.0.0.0" : p.host_ip,
                               p.protocol.empty() ? "TCP" : p.protocol, port);
    }
  };
  for (const auto& c : spec.containers)
    add_ports(c);
  for (const auto& c : spec.init_containers)
    if (c.restart_policy == "Always")
      add_ports(c);
  res.terms = read_terms(*object, spec);
  res.claims = claims_of(*res.pod);
  for (const auto& owner : object->meta().owners)
    if (owner.controller)
      res.group = owner.uid;
  return res;
}

std::vector<std::string> claims_of(const api::v1::pod& p) {
  std::vector<std::string> res;
  for (const auto& v : p.spec.volumes) {
    if (v.persistent_volume_claim)
      res.push_back(v.persistent_volume_claim->claim_name);
    if (v.ephemeral)
      res.push_back(p.metadata.name + "-" + v.name);
  }
  return res;
}

const std::string* node_info::label(const std::string& key) const {
  const auto i = node->metadata.labels.find(key);
  return i == node->metadata.labels.end() ? nullptr : &i->second;
}

bool node_info::fits_at_all(const pod_info& p) const {
  const auto& want = p.requests;
  if ((want.cpu > 0 && want.cpu > allocatable.cpu) ||
      (want.memory > 0 && want.memory > allocatable.memory) ||
      (want.ephemeral_storage > 0 && want.ephemeral_storage > allocatable.ephemeral_storage))
    return false;
  for (const auto& [name, amount] : want.others) {
    const auto i = allocatable.others.find(name);
    if (amount > 0 && amount > (i == allocatable.others.end() ? 0 : i->second))
      return false;
  }
  return true;
}

void node_info::set_node(const api::object_ptr& o) {
  object = o;
  node = api::typed<api::v1::node>(*o);
  allocatable = read_resources(node->status.allocatable);
  images.clear();
  for (const auto& image : node->status.images)
    for (const auto& name : image.names)
      images[name] = image.size_bytes.value_or(0);
  const auto pods_limit = node->status.allocatable.find("pods");
  max_pods = 110;
  if (pods_limit != node->status.allocatable.end())
    if (const auto q = api::parse_quantity(pods_limit->second))
      max_pods = q->value();
}

void node_info::add(const pod_info& p) {
  used += p.requests;
  scored_cpu += std::max(p.requests.cpu, default_cpu);
  scored_memory += std::max(p.requests.memory, default_memory);
  ++pods;
  ports.insert(p.ports.begin(), p.ports.end());
  if (!p.group.empty())
    ++groups[p.group];
}

void node_info::remove(const pod_info& p) {
  used -= p.requests;
  scored_cpu -= std::max(p.requests.cpu, default_cpu);
  scored_memory -= std::max(p.requests.memory, default_memory);
  --pods;
  for (const auto& port : p.ports)
    if (const auto i = ports.find(port); i != ports.end())
      ports.erase(i);
  if (const auto i = groups.find(p.group); i != groups.end() && --i->second == 0)
    groups.erase(i);
}

} // namespace thespis::actors
