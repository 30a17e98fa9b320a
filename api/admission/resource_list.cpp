#include "api/admission/resource_list.hpp"

#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

bool is_sidecar(const json::value& init_container) {
  return text(init_container, "restartPolicy") == "Always";
}

resource_list of_container(const json::value& c, std::string_view kind) {
  return read_resources(member(member(c, "resources"), kind));
}

} // namespace

resource_list read_resources(const json::value& map) {
  resource_list out;
  if (map.IsObject())
    for (const auto& m : map.GetObject())
      if (auto q = read_quantity(m.value))
        out.emplace(json::as_string(m.name), *q);
  return out;
}

void add(resource_list& into, const resource_list& more) {
  for (const auto& [name, q] : more)
    into[name] += q;
}

void raise(resource_list& into, const resource_list& other) {
  for (const auto& [name, q] : other) {
    auto [it, fresh] = into.emplace(name, q);
    if (!fresh && it->second < q)
      it->second = q;
  }
}

resource_list pod_resources(const json::value& spec, std::string_view kind, bool overhead) {
  resource_list sum;
  resource_list sidecars;
  resource_list starting;
  if (const auto& list = member(spec, "containers"); list.IsArray())
    for (const auto& c : list.GetArray())
      add(sum, of_container(c, kind));
  if (const auto& list = member(spec, "initContainers"); list.IsArray())
    for (const auto& c : list.GetArray()) {
      auto own = of_container(c, kind);
      if (is_sidecar(c)) {
        add(sidecars, own);
        own = sidecars;
      } else {
        add(own, sidecars);
      }
      raise(starting, own);
    }
  add(sum, sidecars);
  raise(sum, starting);
  for (auto& [name, q] : read_resources(member(member(spec, "resources"), kind)))
    sum[name] = q;
  if (overhead)
    for (const auto& [name, q] : read_resources(member(spec, "overhead")))
      if (kind == "requests" || sum.contains(name))
        sum[name] += q;
  return sum;
}

} // namespace thespis::api::admission
