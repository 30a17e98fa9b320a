// registry::load: from the table that schemagen writes to the structures in memory.
#include "api/schema/schema.hpp"
#include "api/schema/schema_table.hpp"

#include <charconv>

namespace thespis::api::schema {
namespace {

std::vector<std::string> split(std::string_view text, char sep) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto at = text.find(sep);
    out.emplace_back(text.substr(0, at));
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  }
  return out;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t n = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), n);
  return text.empty() || r.ec != std::errc{} ? std::nullopt : std::optional{n};
}

shape scalar_shape(std::string_view name) {
  if (name == "string")
    return shape::string;
  if (name == "bool")
    return shape::boolean;
  if (name == "int32")
    return shape::int32;
  if (name == "int64")
    return shape::int64;
  if (name == "double")
    return shape::number;
  if (name == "bytes")
    return shape::bytes;
  if (name == "quantity")
    return shape::quantity;
  if (name == "time")
    return shape::time;
  if (name == "micro-time")
    return shape::micro_time;
  if (name == "int-or-string")
    return shape::int_or_string;
  return shape::any;
}

using rule_list = std::vector<std::shared_ptr<const rules>>;

rule_list load_rules() {
  rule_list out;
  for (const auto& row : table::all_rules) {
    auto r = std::make_shared<rules>();
    r->nonempty = row.nonempty;
    r->nonempty_detail = row.nonempty_detail;
    r->message = row.message;
    r->immutable = row.immutable;
    r->open_enum = row.open_enum;
    r->format = row.format;
    r->enum_values = split(row.enum_values, '\n');
    r->min = number(row.min);
    r->max = number(row.max);
    r->min_length = row.min_length;
    r->max_length = row.max_length;
    r->min_items = row.min_items;
    r->max_items = row.max_items;
    out.push_back(std::move(r));
  }
  return out;
}

using type_ptrs = std::vector<std::unique_ptr<struct_type>>;

/// The value at one level of holders; `depth` counts from the outside.
value_type make_value(const table::field_row& row, size_t depth, const type_ptrs& types,
                      const rule_list& all) {
  const std::string_view holders = row.holders;
  const auto rule = [&](int i) { return i < 0 ? nullptr : all[static_cast<size_t>(i)]; };
  value_type v;
  if (depth == holders.size()) {
    v.form = row.type < 0 ? scalar_shape(row.scalar) : shape::object;
    v.object = row.type < 0 ? nullptr : types[static_cast<size_t>(row.type)].get();
    v.go_type = row.go_type;
  } else {
    v.form = holders[depth] == 'l' ? shape::list : shape::map;
    v.element = std::make_shared<value_type>(make_value(row, depth + 1, types, all));
  }
  if (depth == 0) {
    v.checks = rule(row.checks);
    v.keys = rule(row.keys);
    v.list = row.list == 's'   ? list_kind::set
             : row.list == 'm' ? list_kind::map
                               : list_kind::atomic;
    v.list_declared = row.list != 0;
    v.list_keys = split(row.list_keys, '\n');
    v.map_declared = row.map != 0;
    v.atomic_map = row.map == 'a';
  } else if (depth == holders.size()) {
    v.checks = rule(row.element);
  }
  return v;
}

field make_field(const table::field_row& row, const type_ptrs& types, const rule_list& all) {
  field f;
  f.name = row.name;
  f.type = make_value(row, 0, types, all);
  f.about = row.about;
  f.default_json = row.default_json;
  f.merge_key = row.merge_key;
  f.patch = row.patch;
  f.pb = row.pb;
  f.required = row.required;
  return f;
}

void read_groups(struct_type& t, const char* text) {
  for (auto& line : split(text, '\n')) {
    const auto colon = line.find(':');
    t.groups.push_back({line[0] == '=', line.substr(1, colon - 1),
                        split(std::string_view{line}.substr(colon + 1), ',')});
  }
}

void read_wraps(struct_type& t, const char* text) {
  for (auto& line : split(text, '\n')) {
    const auto parts = split(line, ' ');
    wrap w;
    const auto numbers = split(parts.at(0), '.');
    w.pb = static_cast<uint16_t>(number(numbers.back()).value_or(0));
    if (numbers.size() > 1)
      w.inside = static_cast<uint16_t>(number(numbers.front()).value_or(0));
    for (auto& member : split(parts.size() > 1 ? parts[1] : "", ',')) {
      const auto colon = member.find(':');
      w.members.emplace_back(
          member.substr(0, colon),
          static_cast<uint16_t>(number(std::string_view{member}.substr(colon + 1)).value_or(0)));
    }
    t.wraps.push_back(std::move(w));
  }
}

resource make_resource(const table::resource_row& row, const type_ptrs& types) {
  resource r;
  r.group = row.group;
  r.version = row.version;
  r.plural = row.plural;
  r.singular = row.singular;
  r.type = types[static_cast<size_t>(row.type)].get();
  r.kind = r.type->name;
  r.short_names = split(row.short_names, '\n');
  r.categories = split(row.categories, '\n');
  r.verbs = split(row.verbs, '\n');
  r.field_selectors = split(row.selectors, '\n');
  r.name_format = row.name_format;
  r.namespaced = row.namespaced;
  if (*row.scale_spec)
    r.scale = scale_paths{row.scale_spec, row.scale_status, row.scale_selector};
  for (int i = 0; i < row.column_count; ++i) {
    const auto& c = table::all_columns[row.first_column + i];
    r.columns.push_back({c.name, c.type, c.format, c.priority, c.source, c.about});
  }
  for (int i = 0; i < row.subresource_count; ++i) {
    const auto& s = table::all_subresources[row.first_subresource + i];
    r.subresources.push_back({s.name, s.kind, s.group, s.version, split(s.verbs, '\n')});
  }
  return r;
}

field plain_field(const char* name, shape form, uint16_t pb, const char* about) {
  field f;
  f.name = name;
  f.type.form = form;
  f.pb = pb;
  f.about = about;
  return f;
}

const struct_type* object_of(const value_type& v) {
  const auto* t = &v;
  while (t->element)
    t = t->element.get();
  return t->object;
}

bool has_rules(const value_type& v) {
  return v.checks || v.keys || (v.element && has_rules(*v.element));
}

/// Finds out which types have defaults or rules somewhere inside: a fixed point, since types may
/// contain themselves.
void mark_insides(const type_ptrs& types) {
  for (auto& t : types) {
    t->defaults_inside = !t->default_hook.empty();
    t->rules_inside = !t->groups.empty();
    for (auto& f : t->fields) {
      t->defaults_inside |= !f.default_json.empty();
      t->rules_inside |= has_rules(f.type);
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& t : types)
      for (auto& f : t->fields) {
        const auto* o = object_of(f.type);
        if (!o ||
            ((t->defaults_inside || !o->defaults_inside) && (t->rules_inside || !o->rules_inside)))
          continue;
        t->defaults_inside |= o->defaults_inside;
        t->rules_inside |= o->rules_inside;
        changed = true;
      }
  }
}

/// Gives a resource its place among the versions of what is stored.
void join_versions(resource& r, const builtin_conversion& c) {
  auto versions = std::make_shared<version_set>();
  versions->stored = c.stored;
  versions->convert = make_converter(c.convert);
  versions->types[r.api_version()] = r.type;
  r.stored_as = c.stored_as;
  r.epoch = r.api_version() == c.stored ? 0 : next_epoch();
  r.versions = std::move(versions);
}

} // namespace

void registry::load() {
  const auto all = load_rules();
  for (const auto& row : table::all_types) {
    auto t = std::make_unique<struct_type>();
    t->name = row.name;
    t->full_name = std::string{row.package} + "." + row.name;
    t->group = row.group;
    t->version = row.version;
    t->about = row.about;
    t->default_hook = row.hook;
    t->kind = row.kind;
    t->map_declared = t->atomic = row.atomic;
    read_groups(*t, row.groups);
    read_wraps(*t, row.wraps);
    types_.push_back(std::move(t));
  }
  for (size_t i = 0; i < types_.size(); ++i) {
    const auto& row = table::all_types[static_cast<int>(i)];
    auto& t = *types_[i];
    for (int f = 0; f < row.field_count; ++f)
      t.fields.push_back(make_field(table::all_fields[row.first_field + f], types_, all));
    t.seal();
    by_name_[t.full_name] = &t;
    if (t.kind)
      by_kind_[t.group + "/" + t.version + "/" + t.name] = &t;
  }
  mark_insides(types_);
  const auto ns = types_.size(); // list types are appended; resources refer to what is before
  for (const auto& row : table::all_resources) {
    auto r = make_resource(row, types_);
    if (r.has_verb("list"))
      r.list_type = make_list_type(r);
    if (const auto* c = find_builtin_conversion(r.group_resource()))
      join_versions(r, *c);
    add(std::move(r));
  }
  type_list_.reserve(types_.size());
  for (size_t i = ns; i < types_.size(); ++i)
    by_name_[types_[i]->full_name] = types_[i].get();
  for (auto& [name, t] : by_name_)
    type_list_.push_back(t);
}

const struct_type* registry::make_list_type(const resource& r) {
  auto t = std::make_unique<struct_type>();
  t->name = r.kind + "List";
  t->full_name = r.type->full_name + "List";
  t->group = r.group;
  t->version = r.version;
  t->about = "A list of " + r.plural + ".";
  t->kind = true;
  t->fields.push_back(plain_field("apiVersion", shape::string, 0, "The version of this kind."));
  t->fields.push_back(plain_field("kind", shape::string, 0, "The kind's name."));
  auto meta = plain_field("metadata", shape::object, 1, "Where the list stands and goes on.");
  meta.type.object = find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
  t->fields.push_back(std::move(meta));
  auto items = plain_field("items", shape::list, 2, "The objects.");
  value_type element;
  element.form = shape::object;
  element.object = r.type;
  items.type.element = std::make_shared<value_type>(std::move(element));
  items.required = true;
  t->fields.push_back(std::move(items));
  t->seal();
  by_kind_[t->group + "/" + t->version + "/" + t->name] = t.get();
  types_.push_back(std::move(t));
  return types_.back().get();
}

} // namespace thespis::api::schema
