#include "tools/schemagen/model.hpp"

#include "tools/schemagen/names.hpp"
#include "tools/schemagen/to_json.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace thespis::schemagen {
namespace {

[[noreturn]] void refuse(const std::string& path, const YAML::Node& at, const std::string& why) {
  throw std::runtime_error(path + ":" + std::to_string(at.Mark().line + 1) + ": " + why);
}

/// Refuses keys that are unknown or given twice.
void check_keys(const std::string& path, const YAML::Node& map,
                const std::set<std::string>& known) {
  if (!map.IsMap())
    refuse(path, map, "expected a mapping");
  std::set<std::string> seen;
  for (const auto& kv : map) {
    const auto key = kv.first.Scalar();
    if (!known.empty() && !known.count(key))
      refuse(path, kv.first, "unknown key '" + key + "'");
    if (!seen.insert(key).second)
      refuse(path, kv.first, "key '" + key + "' is given twice");
  }
}

std::string text(const YAML::Node& map, const char* key, std::string fallback = {}) {
  const auto n = map[key];
  return n ? n.as<std::string>() : fallback;
}

/// A list of strings, or one string as a list of one.
std::vector<std::string> texts(const YAML::Node& map, const char* key) {
  const auto n = map[key];
  if (!n)
    return {};
  if (n.IsScalar())
    return {n.Scalar()};
  return n.as<std::vector<std::string>>();
}

bool flag(const YAML::Node& map, const char* key, bool fallback = false) {
  const auto n = map[key];
  return n ? n.as<bool>() : fallback;
}

const std::set<std::string> rule_keys = {"nonempty",   "message",    "immutable", "format",
                                         "enum",       "open_enum",  "min",       "max",
                                         "min_length", "max_length", "min_items", "max_items"};

rules read_rules(const YAML::Node& n) {
  rules r;
  const auto nonempty = text(n, "nonempty");
  r.nonempty = !nonempty.empty() && nonempty != "false";
  r.nonempty_detail = nonempty == "true" ? "" : nonempty;
  r.message = text(n, "message");
  r.immutable = flag(n, "immutable");
  r.format = text(n, "format");
  r.enum_values = texts(n, "enum");
  if (n["open_enum"]) {
    r.open_enum = true;
    r.enum_values = texts(n, "open_enum");
  }
  r.min = text(n, "min");
  r.max = text(n, "max");
  const auto number = [&](const char* key) { return n[key] ? n[key].as<int>() : -1; };
  r.min_length = number("min_length");
  r.max_length = number("max_length");
  r.min_items = number("min_items");
  r.max_items = number("max_items");
  return r;
}

type_expr read_type(const std::string& notation) {
  type_expr t;
  std::istringstream words(notation);
  std::string w;
  while (words >> w) {
    if (w == "list")
      t.holders.push_back(holder::list);
    else if (w == "map")
      t.holders.push_back(holder::map);
    else
      t.base = w;
  }
  return t;
}

field read_field(const std::string& path, const std::string& name, const YAML::Node& n) {
  static const std::set<std::string> known = [] {
    std::set<std::string> s = {"type",      "pb", "required", "list",  "map",     "patch",
                               "merge_key", "go", "default",  "about", "element", "keys"};
    s.insert(rule_keys.begin(), rule_keys.end());
    return s;
  }();
  check_keys(path, n, known);
  field f;
  f.name = name;
  if (!n["type"])
    refuse(path, n, "field '" + name + "' has no type");
  f.type = read_type(n["type"].as<std::string>());
  f.pb = n["pb"] ? n["pb"].as<int>() : 0;
  f.required = flag(n, "required");
  if (const auto l = n["list"]) {
    f.list_kind = l.IsSequence() ? "map" : l.Scalar();
    if (l.IsSequence())
      f.list_keys = l.as<std::vector<std::string>>();
  }
  f.map_kind = text(n, "map");
  f.patch = texts(n, "patch");
  f.merge_key = text(n, "merge_key");
  f.go_type = text(n, "go");
  f.about = text(n, "about");
  if (n["default"])
    f.default_json = to_json(n["default"]);
  f.checks = read_rules(n);
  if (const auto e = n["element"]) {
    check_keys(path, e, rule_keys);
    f.element = read_rules(e);
  }
  if (const auto k = n["keys"]) {
    check_keys(path, k, rule_keys);
    f.keys = read_rules(k);
  }
  return f;
}

/// Members of every kind, which the files leave out.
field implied(const char* name, const char* about) {
  field f;
  f.name = name;
  f.about = about;
  f.type.base = "string";
  return f;
}

void read_groups(const std::string& path, const YAML::Node& n, const char* key, bool exactly,
                 type& t) {
  const auto g = n[key];
  if (!g)
    return;
  check_keys(path, g, {"what", "members"});
  t.groups.push_back({exactly, text(g, "what"), texts(g, "members")});
  for (auto& m : t.groups.back().members)
    if (std::none_of(t.fields.begin(), t.fields.end(), [&](auto& f) { return f.name == m; }))
      refuse(path, g, "'" + m + "' is no field of " + t.name);
}

type read_type_def(const file& f, const std::string& name, const YAML::Node& n) {
  check_keys(
      f.path, n,
      {"about", "kind", "map", "struct", "hook", "fields", "wraps", "exactly_one", "at_most_one"});
  type t;
  t.name = name;
  t.full_name = f.package + "." + name;
  t.struct_name = text(n, "struct", member_name(name));
  t.about = text(n, "about");
  t.hook = text(n, "hook");
  t.kind = flag(n, "kind");
  t.map_atomic = text(n, "map") == "atomic";
  if (t.kind) {
    t.fields.push_back(implied("apiVersion", "The group and version of this kind."));
    t.fields.push_back(implied("kind", "The kind's name."));
  }
  check_keys(f.path, n["fields"], {});
  for (const auto& kv : n["fields"])
    t.fields.push_back(read_field(f.path, kv.first.Scalar(), kv.second));
  read_groups(f.path, n, "exactly_one", true, t);
  read_groups(f.path, n, "at_most_one", false, t);
  if (const auto ws = n["wraps"])
    for (const auto& w : ws) {
      wrap x;
      check_keys(f.path, w, {"pb", "inside", "members"});
      x.pb = w["pb"].as<int>();
      x.inside = w["inside"] ? w["inside"].as<int>() : 0;
      for (const auto& m : w["members"])
        x.members.emplace_back(m.first.Scalar(), m.second.as<int>());
      t.wraps.push_back(std::move(x));
    }
  return t;
}

column read_column(const std::string& path, const YAML::Node& n) {
  check_keys(path, n, {"name", "type", "format", "priority", "about", "source"});
  column c;
  c.name = n["name"].as<std::string>();
  c.type = text(n, "type", "string");
  c.format = text(n, "format");
  c.about = text(n, "about");
  c.source = text(n, "source");
  c.priority = n["priority"] ? n["priority"].as<int>() : 0;
  return c;
}

resource read_resource(const file& f, const YAML::Node& n) {
  check_keys(f.path, n,
             {"kind", "plural", "singular", "short", "categories", "namespaced", "verbs",
              "name_format", "scale", "subresources", "selectors", "columns"});
  resource r;
  r.kind = n["kind"].as<std::string>();
  r.plural = n["plural"].as<std::string>();
  r.singular = text(n, "singular", lower(r.kind));
  r.short_names = texts(n, "short");
  r.categories = texts(n, "categories");
  r.namespaced = flag(n, "namespaced", true);
  r.name_format = text(n, "name_format", "dns1123-subdomain");
  r.field_selectors = texts(n, "selectors");
  r.verbs = texts(n, "verbs");
  if (r.verbs.empty())
    r.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
  if (const auto s = n["scale"]) {
    check_keys(f.path, s, {"spec", "status", "selector"});
    r.scale_spec = text(s, "spec");
    r.scale_status = text(s, "status");
    r.scale_selector = text(s, "selector");
  }
  for (const auto& s : n["subresources"]) {
    check_keys(f.path, s, {"name", "kind", "verbs"});
    r.subresources.push_back(
        {s["name"].as<std::string>(), text(s, "kind", r.kind), {}, {}, texts(s, "verbs")});
  }
  for (const auto& c : n["columns"])
    r.columns.push_back(read_column(f.path, c));
  return r;
}

file read_file(const std::string& path) {
  YAML::Node doc;
  try {
    doc = YAML::LoadFile(path);
  } catch (const YAML::Exception& e) {
    throw std::runtime_error(path + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
  }
  check_keys(path, doc, {"package", "alias", "group", "version", "structs", "resources", "types"});
  file f;
  f.path = path;
  f.stem = std::filesystem::path(path).stem();
  f.package = text(doc, "package");
  f.alias = text(doc, "alias");
  f.group = text(doc, "group");
  f.version = text(doc, "version");
  f.structs = flag(doc, "structs", true);
  check_keys(path, doc["types"], {});
  for (const auto& kv : doc["types"])
    f.types.push_back(read_type_def(f, kv.first.Scalar(), kv.second));
  for (const auto& r : doc["resources"])
    f.resources.push_back(read_resource(f, r));
  return f;
}

const std::set<std::string> scalars = {"string",     "int32",         "int64",    "double",
                                       "bool",       "bytes",         "quantity", "time",
                                       "micro-time", "int-or-string", "any"};

/// Replaces short type names by full ones.
class resolver {
public:
  explicit resolver(std::vector<file>& files) : files_(files) {
    for (auto& f : files_) {
      packages_[f.alias] = f.package;
      for (auto& t : f.types)
        if (!all_.insert(t.full_name).second)
          throw std::runtime_error(f.path + ": type " + t.name + " is defined twice");
    }
  }

  void run() {
    for (auto& f : files_) {
      for (auto& t : f.types)
        for (auto& x : t.fields)
          resolve(f, t, x);
      for (auto& r : f.resources) {
        r.kind = full(f, r.kind);
        for (auto& s : r.subresources)
          resolve_subresource(f, s);
      }
    }
  }

private:
  std::string full(const file& f, const std::string& name) const {
    std::string n = f.package + "." + name;
    if (const auto dot = name.find('.'); dot != std::string::npos) {
      const auto p = packages_.find(name.substr(0, dot));
      n = p == packages_.end() ? name : p->second + name.substr(dot);
    }
    if (!all_.count(n))
      throw std::runtime_error(f.path + ": unknown type '" + name + "'");
    return n;
  }

  /// Options of streams (PodExecOptions) are only names; others may be of another group.
  void resolve_subresource(const file& f, subresource& s) const {
    s.group = f.group;
    s.version = f.version;
    const auto dot = s.kind.find('.');
    if (dot == std::string::npos)
      return;
    const auto type = full(f, s.kind);
    for (auto& other : files_)
      if (other.alias == s.kind.substr(0, dot)) {
        s.group = other.group;
        s.version = other.version;
      }
    s.kind = type.substr(type.rfind('.') + 1);
  }

  void resolve(const file& f, const type& t, field& x) const {
    x.type.is_struct = !scalars.count(x.type.base);
    if (!x.type.is_struct)
      return;
    try {
      x.type.base = full(f, x.type.base);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(std::string{e.what()} + " at " + t.name + "." + x.name);
    }
  }

  std::vector<file>& files_;
  std::map<std::string, std::string> packages_;
  std::set<std::string> all_;
};

/// Sorts files so that each follows those it refers to; a cycle is refused.
std::vector<file> sort_files(std::vector<file> files) {
  std::map<std::string, size_t> owner;
  for (size_t i = 0; i < files.size(); ++i)
    for (auto& t : files[i].types)
      owner[t.full_name] = i;
  std::vector<int> state(files.size(), 0);
  std::vector<size_t> order;
  std::function<void(size_t)> visit = [&](size_t i) {
    if (state[i] == 2)
      return;
    if (state[i] == 1)
      throw std::runtime_error(files[i].path + ": files refer to one another in a cycle");
    state[i] = 1;
    for (auto& t : files[i].types)
      for (auto& f : t.fields)
        if (f.type.is_struct && owner[f.type.base] != i)
          visit(owner[f.type.base]);
    state[i] = 2;
    order.push_back(i);
  };
  for (size_t i = 0; i < files.size(); ++i)
    visit(i);
  std::vector<file> sorted;
  for (auto i : order)
    sorted.push_back(std::move(files[i]));
  return sorted;
}

void check_struct_names(const std::vector<file>& files) {
  std::map<std::string, std::string> seen;
  for (auto& f : files)
    for (auto& t : f.types)
      if (!f.structs)
        break;
      else if (const auto [it, fresh] = seen.emplace(t.struct_name, t.full_name); !fresh)
        throw std::runtime_error(f.path + ": " + t.full_name + " and " + it->second +
                                 " want the same struct name: give one a 'struct:'");
}

} // namespace

const type& model::at(const std::string& full_name) const {
  const auto [f, t] = index.at(full_name);
  return files[f].types[t];
}

model load(const std::vector<std::string>& paths) {
  std::vector<file> files;
  for (auto& p : paths)
    files.push_back(read_file(p));
  resolver{files}.run();
  check_struct_names(files);
  model m;
  m.files = sort_files(std::move(files));
  for (size_t i = 0; i < m.files.size(); ++i)
    for (size_t j = 0; j < m.files[i].types.size(); ++j)
      m.index[m.files[i].types[j].full_name] = {i, j};
  return m;
}

} // namespace thespis::schemagen
