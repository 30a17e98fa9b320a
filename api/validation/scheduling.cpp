#include "api/validation/scheduling.hpp"

#include "api/validation/access.hpp"

#include <map>

namespace thespis::api {

namespace {

constexpr int64_t highest = 1000000000;

/// What is wrong with a class whose name begins as those of the system do; empty when it is one.
std::string not_of_the_system(std::string_view name, const json::value& c) {
  static const std::map<std::string_view, int64_t> known{{"system-node-critical", 2000001000},
                                                         {"system-cluster-critical", 2000000000}};
  auto it = known.find(name);
  std::string shown(name);
  if (it == known.end())
    return shown + " is not a known system priority class";
  if (json::get_int(c, "value") != it->second)
    return "value of " + shown + " PriorityClass must be " + std::to_string(it->second);
  if (json::get_bool(c, "globalDefault"))
    return "globalDefault of " + shown + " PriorityClass must be false";
  return {};
}

} // namespace

void validate_priority_class(const json::value& c, findings& f) {
  auto name = text(member(c, "metadata"), "name");
  path metadata("metadata");
  if (name.starts_with("system-")) {
    if (auto wrong = not_of_the_system(name, c); !wrong.empty())
      f.forbidden(path(metadata, "name"), "priority class names with 'system-' prefix are reserved "
                                          "for system use only. error: " +
                                              wrong);
  } else if (json::get_int(c, "value") > highest) {
    f.forbidden(path("value"),
                "maximum allowed value of a user defined priority is " + std::to_string(highest));
  }
}

} // namespace thespis::api
