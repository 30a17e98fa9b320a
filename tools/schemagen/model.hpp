// What api/schema/*.yaml says, as the generators read it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace YAML {
class Node;
}

namespace thespis::schemagen {

/// How one level of a value is held.
enum class holder { single, list, map };

/// A type as the notation writes it: "list map string" is {list, map} of string.
struct type_expr {
  std::vector<holder> holders; ///< outermost first
  std::string base;            ///< a scalar's name, or a type's full name
  bool is_struct = false;
};

/// Validation of one value.
struct rules {
  bool nonempty = false;
  std::string nonempty_detail; ///< said behind "Required value"
  std::string message;         ///< said in place of the usual words about bounds
  bool immutable = false;
  bool open_enum = false; ///< the values are known, others are accepted
  std::string format;     ///< a named format ("dns1123-label")
  std::vector<std::string> enum_values;
  std::string min, max; ///< decimal, empty when unbounded
  int min_length = -1, max_length = -1;
  int min_items = -1, max_items = -1;
};

struct field {
  std::string name; ///< as JSON writes it
  type_expr type;
  std::string about;
  std::string go_type; ///< Go's name of a named string type, for decoding errors
  std::string default_json;
  int pb = 0; ///< 0 when a wrapping message holds the number
  bool required = false;
  std::string list_kind; ///< "", atomic, set, map
  std::vector<std::string> list_keys;
  std::string map_kind; ///< "", atomic, granular
  std::string merge_key;
  std::vector<std::string> patch; ///< merge, replace, retainKeys
  rules checks;                   ///< of the value itself
  rules element;                  ///< of list items and map values
  rules keys;                     ///< of map keys
};

/// Members that exclude one another.
struct group_rule {
  bool exactly = false; ///< one must be set
  std::string what;     ///< what the members are, for messages
  std::vector<std::string> members;
};

/// A protobuf message that holds members which JSON keeps in the outer object.
struct wrap {
  int pb = 0;
  int inside = 0; ///< the pb of the wrap that it is nested in; 0: the object itself
  std::vector<std::pair<std::string, int>> members;
};

struct type {
  std::string name;      ///< "PodSpec"
  std::string full_name; ///< "io.k8s.api.core.v1.PodSpec"
  std::string struct_name;
  std::string about;
  std::string hook; ///< C++ function for defaults that depend on one another
  bool kind = false;
  bool map_atomic = false;
  std::vector<field> fields;
  std::vector<group_rule> groups;
  std::vector<wrap> wraps;
};

struct column {
  std::string name, type, format, source, about;
  int priority = 0;
};

struct subresource {
  std::string name;
  std::string kind, group, version; ///< of what is sent and returned
  std::vector<std::string> verbs;
};

struct resource {
  std::string kind, plural, singular;
  std::vector<std::string> short_names, categories, verbs, field_selectors;
  bool namespaced = true;
  std::string name_format;
  std::string scale_spec, scale_status, scale_selector; ///< paths, empty without scale
  std::vector<subresource> subresources;
  std::vector<column> columns;
};

struct file {
  std::string path, stem, package, alias, group, version;
  std::vector<type> types;
  std::vector<resource> resources;
  bool structs = true; ///< whether C++ reads and writes these types
};

struct model {
  std::vector<file> files;                                ///< a file comes after those it refers to
  std::map<std::string, std::pair<size_t, size_t>> index; ///< full name → file, type

  const type& at(const std::string& full_name) const;
};

/// Reads and checks the files. Throws std::runtime_error "path:line: what is wrong".
model load(const std::vector<std::string>& paths);

} // namespace thespis::schemagen
