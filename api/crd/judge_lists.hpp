// What x-kubernetes-list-type asks of lists. Internal to api/crd.
#pragma once

#include "api/crd/structural.hpp"
#include "api/error.hpp"

#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::api::crd {

/// Whether two items are equal.
bool has_duplicates(const json::value& list);

/// Items of sets differ, those of maps differ in their keys.
void judge_list_type(const structural& s, const json::value& list, const std::string& at,
                     std::vector<cause>& causes);

/// Finds what an item of a map list was before, by its keys.
class item_finder {
public:
  item_finder(const structural& s, const json::value* old);
  /// nullptr when it is new, or the list is no map.
  const json::value* find(const json::value& item) const;

private:
  const structural& schema_;
  std::unordered_map<std::string, const json::value*> before_;
};

} // namespace thespis::api::crd
