#include "api/pipeline/strategies/strategies.hpp"
#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"

#include <array>

namespace thespis::api {

namespace {

/// Sums of what all containers ask for and are limited to, for one resource.
struct totals {
  quantity requests;
  quantity limits;
  bool every_container_limited = true;
  bool requested = false;
};

void add(const json::value& container, std::string_view resource, totals& sum) {
  const auto& resources = member(container, "resources");
  auto request = get_quantity(member(resources, "requests"), resource);
  auto limit = get_quantity(member(resources, "limits"), resource);
  if (request.sign() > 0) {
    sum.requests += request;
    sum.requested = true;
  }
  if (limit.sign() > 0)
    sum.limits += limit;
  else
    sum.every_container_limited = false;
}

} // namespace

std::string_view qos_class(const json::value& pod) {
  constexpr std::array<std::string_view, 2> counted{"cpu", "memory"};
  std::array<totals, 2> sums;
  const auto& spec = member(pod, "spec");
  // What is said of the pod as a whole goes before what its containers say.
  const auto& whole = member(spec, "resources");
  const bool as_whole = filled(member(whole, "requests")) || filled(member(whole, "limits"));
  if (as_whole)
    for (size_t i = 0; i < counted.size(); ++i)
      add(spec, counted[i], sums[i]);
  for (std::string_view list : {"containers", "initContainers"})
    if (const auto& containers = member(spec, list); !as_whole && containers.IsArray())
      for (const auto& c : containers.GetArray())
        for (size_t i = 0; i < counted.size(); ++i)
          add(c, counted[i], sums[i]);
  bool none = true;
  bool guaranteed = true;
  for (const auto& s : sums) {
    none = none && !s.requested && s.limits.is_zero();
    guaranteed = guaranteed && s.requested && s.every_container_limited && s.requests == s.limits;
  }
  return none ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

} // namespace thespis::api
