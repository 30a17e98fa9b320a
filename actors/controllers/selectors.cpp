#include "actors/controllers/selectors.hpp"

namespace thespis::actors {

api::label_selector selector_of(const api::v1::label_selector& s) {
  api::json::document doc;
  const auto v = api::v1::to_json(s, doc.GetAllocator());
  return api::read_label_selector(&v).value_or(api::label_selector::nothing());
}

api::label_selector selector_of(const std::map<std::string, std::string>& s) {
  if (s.empty())
    return api::label_selector::nothing();
  std::vector<api::label_requirement> all;
  for (const auto& [key, value] : s)
    all.push_back({key, api::label_operator::equals, {value}});
  return api::label_selector{std::move(all)};
}

api::label_set labels_of(const std::map<std::string, std::string>& labels) {
  return {labels.begin(), labels.end()};
}

} // namespace thespis::actors
