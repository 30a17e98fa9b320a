#include "api/pipeline/strategies/strategies.hpp"

#include <unordered_map>

namespace thespis::api {

namespace {

std::unordered_map<std::string_view, strategy> make_table() {
  std::unordered_map<std::string_view, strategy> table;
  auto add = [&](const strategy& s) { table.emplace(s.resource, s); };
  add(pod_strategy());
  add(service_strategy());
  add(namespace_strategy());
  add(definition_strategy());
  for (const auto& some : {workload_strategies(), config_strategies(), cluster_strategies(),
                           access_strategies(), storage_strategies(), policy_strategies()})
    for (const auto& s : some)
      add(s);
  return table;
}

} // namespace

void keep_member(json::value& obj, const json::value& from, std::string_view key,
                 json::allocator& a) {
  if (const auto* v = json::find(from, key))
    json::set(obj, key, json::copy(*v, a), a);
  else
    json::erase(obj, key);
}

const strategy& strategy_of(std::string_view resource) {
  static const strategy plain;
  static const auto table = make_table();
  auto it = table.find(resource);
  return it == table.end() ? plain : it->second;
}

} // namespace thespis::api
