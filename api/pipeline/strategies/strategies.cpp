#include "api/pipeline/strategies/strategies.hpp"

#include <vector>

namespace thespis::api {

const strategy& strategy_of(std::string_view resource) {
  static const strategy plain;
  static const std::vector<strategy> table{namespace_strategy()};
  for (const auto& s : table)
    if (s.resource == resource)
      return s;
  return plain;
}

} // namespace thespis::api
