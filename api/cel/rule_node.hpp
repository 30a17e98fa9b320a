// Compiled rules in the shape of their schema.
#pragma once

#include "api/cel/cel.hpp"

#include <map>

namespace thespis::api::cel {

/// One entry of x-kubernetes-validations.
struct rule {
  std::string text, message, message_text, reason, field_path;
  bool optional_old = false, uses_old = false;
  std::optional<program> check, describe;

  /// What messages call it: its message, else its text.
  std::string_view shown() const;
};

/// A schema that has rules, or has some inside.
struct rule_node {
  std::string type_name; ///< "object": shown as the value that is wrong
  const type* of = nullptr;
  std::vector<rule> rules;
  std::map<std::string, std::unique_ptr<rule_node>, std::less<>> properties;
  std::unique_ptr<rule_node> additional, items;
  std::vector<std::unique_ptr<rule_node>> all_of;
  std::vector<std::string> list_keys; ///< of a list whose items correlate
  bool atomic_map = false;            ///< members do not correlate
  std::shared_ptr<type_store> types;  ///< of the root
};

/// Without white space around.
std::string_view trimmed(std::string_view s);

} // namespace thespis::api::cel
