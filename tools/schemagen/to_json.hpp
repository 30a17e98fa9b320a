// Default values of the notation as the JSON text that the tables carry.
#pragma once

#include <string>

namespace YAML {
class Node;
}

namespace thespis::schemagen {

/// Plain scalars become numbers and booleans where they look so, quoted ones stay strings.
std::string to_json(const YAML::Node& n);

} // namespace thespis::schemagen
