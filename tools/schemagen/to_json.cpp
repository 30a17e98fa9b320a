#include "tools/schemagen/to_json.hpp"

#include "tools/schemagen/names.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>

namespace thespis::schemagen {
namespace {

bool is_number(const std::string& s) {
  const size_t start = !s.empty() && s[0] == '-' ? 1 : 0;
  return s.size() > start && std::all_of(s.begin() + static_cast<long>(start), s.end(),
                                         [](unsigned char c) { return std::isdigit(c); });
}

std::string scalar_json(const YAML::Node& n) {
  const auto& s = n.Scalar();
  const bool plain = n.Tag() == "?"; // yaml-cpp tags quoted scalars "!"
  if (plain && (is_number(s) || s == "true" || s == "false"))
    return s;
  return literal(s);
}

} // namespace

std::string to_json(const YAML::Node& n) {
  std::string out;
  switch (n.Type()) {
  case YAML::NodeType::Undefined:
  case YAML::NodeType::Null:
    return "null";
  case YAML::NodeType::Scalar:
    return scalar_json(n);
  case YAML::NodeType::Sequence:
    for (const auto& e : n)
      out += (out.empty() ? "" : ",") + to_json(e);
    return "[" + out + "]";
  case YAML::NodeType::Map:
    for (const auto& kv : n)
      out += (out.empty() ? "" : ",") + literal(kv.first.Scalar()) + ":" + to_json(kv.second);
    return "{" + out + "}";
  }
  return "null";
}

} // namespace thespis::schemagen
