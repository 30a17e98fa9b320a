#include "tools/schemagen/tables.hpp"

#include "tools/schemagen/names.hpp"

#include <sstream>
#include <stdexcept>

namespace thespis::schemagen {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* sep) {
  std::string out;
  for (auto& p : parts)
    out += (out.empty() ? "" : sep) + p;
  return out;
}

std::string lines(const std::vector<std::string>& parts) {
  return literal(joined(parts, "\n"));
}

const char* boolean(bool b) {
  return b ? "true" : "false";
}

/// The arrays under construction, one stream each.
class writer {
public:
  explicit writer(const model& m) : m_(m) {
    int i = 0;
    for (auto& f : m.files)
      for (auto& t : f.types)
        positions_[t.full_name] = i++;
  }

  std::string run() {
    for (auto& f : m_.files) {
      for (auto& t : f.types)
        add_type(f, t);
      for (auto& r : f.resources)
        add_resource(f, r);
    }
    std::ostringstream out;
    out << "// Made by schemagen from api/schema/*.yaml; change those files instead.\n"
        << "#include \"api/schema/schema_table.hpp\"\n\n"
        << "namespace thespis::api::schema::table {\nnamespace {\n\n";
    array(out, "rules_row", "rules_data", rules_, rule_count_);
    array(out, "field_row", "field_data", fields_, field_count_);
    array(out, "type_row", "type_data", types_, positions_.size());
    array(out, "column_row", "column_data", columns_, column_count_);
    array(out, "subresource_row", "subresource_data", subresources_, subresource_count_);
    array(out, "resource_row", "resource_data", resources_, resource_count_);
    out << "} // namespace\n\n";
    define(out, "rules_row", "all_rules", "rules_data", rule_count_);
    define(out, "field_row", "all_fields", "field_data", field_count_);
    define(out, "type_row", "all_types", "type_data", positions_.size());
    define(out, "column_row", "all_columns", "column_data", column_count_);
    define(out, "subresource_row", "all_subresources", "subresource_data", subresource_count_);
    define(out, "resource_row", "all_resources", "resource_data", resource_count_);
    out << "\n} // namespace thespis::api::schema::table\n";
    return out.str();
  }

private:
  static void array(std::ostream& out, const char* row, const char* name,
                    const std::ostringstream& rows, size_t count) {
    out << "constexpr " << row << " " << name << "[] = {\n"
        << (count ? rows.str() : "  {},\n") << "};\n\n";
  }

  static void define(std::ostream& out, const char* row, const char* name, const char* data,
                     size_t count) {
    out << "const rows<" << row << "> " << name << " = {" << data << ", " << count << "};\n";
  }

  /// The position of these rules, shared with equal ones; -1 for none.
  int add_rules(const rules& r) {
    std::ostringstream row;
    row << "  {" << boolean(r.nonempty) << ", " << boolean(r.immutable) << ", "
        << boolean(r.open_enum) << ", " << literal(r.format) << ", " << lines(r.enum_values) << ", "
        << literal(r.min) << ", " << literal(r.max) << ", " << r.min_length << ", " << r.min_items
        << ", " << r.max_length << ", " << r.max_items << ", " << literal(r.nonempty_detail) << ", "
        << literal(r.message) << "},\n";
    static const std::string none =
        "  {false, false, false, \"\", \"\", \"\", \"\", -1, -1, -1, -1, \"\", \"\"},\n";
    if (row.str() == none)
      return -1;
    const auto [it, fresh] = rule_positions_.emplace(row.str(), rule_count_);
    if (fresh) {
      rules_ << row.str();
      ++rule_count_;
    }
    return it->second;
  }

  void add_field(const field& f) {
    std::string holders;
    for (auto h : f.type.holders)
      holders += h == holder::list ? 'l' : 'm';
    int patch = 0;
    for (auto& p : f.patch)
      patch |= p == "merge" ? 1 : p == "replace" ? 2 : p == "retainKeys" ? 4 : 0;
    fields_ << "  {" << literal(f.name) << ", " << literal(holders) << ", "
            << literal(f.type.is_struct ? "" : f.type.base) << ", "
            << (f.type.is_struct ? positions_.at(f.type.base) : -1) << ", " << f.pb << ", "
            << boolean(f.required) << ", " << letter(f.list_kind) << ", " << lines(f.list_keys)
            << ", " << letter(f.map_kind) << ", " << literal(f.merge_key) << ", " << patch << ", "
            << literal(f.go_type) << ", " << literal(f.default_json) << ", " << literal(f.about)
            << ", " << add_rules(f.checks) << ", " << add_rules(f.element) << ", "
            << add_rules(f.keys) << "},\n";
    ++field_count_;
  }

  static std::string letter(const std::string& kind) {
    return kind.empty() ? "0" : std::string{"'"} + kind[0] + "'";
  }

  void add_type(const file& f, const type& t) {
    std::vector<std::string> groups, wraps;
    for (auto& g : t.groups)
      groups.push_back((g.exactly ? "=" : "<") + g.what + ":" + joined(g.members, ","));
    for (auto& w : t.wraps) {
      std::vector<std::string> members;
      for (auto& [name, number] : w.members)
        members.push_back(name + ":" + std::to_string(number));
      wraps.push_back((w.inside ? std::to_string(w.inside) + "." : "") + std::to_string(w.pb) +
                      " " + joined(members, ","));
    }
    types_ << "  {" << literal(t.name) << ", " << literal(f.package) << ", " << literal(f.group)
           << ", " << literal(f.version) << ", " << literal(t.about) << ", " << literal(t.hook)
           << ", " << lines(groups) << ", " << lines(wraps) << ", " << boolean(t.kind) << ", "
           << boolean(t.map_atomic) << ", " << field_count_ << ", " << t.fields.size() << "},\n";
    for (auto& x : t.fields)
      add_field(x);
  }

  void add_resource(const file& f, const resource& r) {
    resources_ << "  {" << literal(f.group) << ", " << literal(f.version) << ", "
               << literal(r.plural) << ", " << literal(r.singular) << ", " << positions_.at(r.kind)
               << ", " << lines(r.short_names) << ", " << lines(r.categories) << ", "
               << lines(r.verbs) << ", " << lines(r.field_selectors) << ", "
               << literal(r.name_format) << ", " << boolean(r.namespaced) << ", "
               << literal(r.scale_spec) << ", " << literal(r.scale_status) << ", "
               << literal(r.scale_selector) << ", " << column_count_ << ", " << r.columns.size()
               << ", " << subresource_count_ << ", " << r.subresources.size() << "},\n";
    ++resource_count_;
    for (auto& c : r.columns) {
      columns_ << "  {" << literal(c.name) << ", " << literal(c.type) << ", " << literal(c.format)
               << ", " << literal(c.source) << ", " << literal(c.about) << ", " << c.priority
               << "},\n";
      ++column_count_;
    }
    for (auto& s : r.subresources) {
      subresources_ << "  {" << literal(s.name) << ", " << literal(s.kind) << ", "
                    << literal(s.group) << ", " << literal(s.version) << ", " << lines(s.verbs)
                    << "},\n";
      ++subresource_count_;
    }
  }

  const model& m_;
  std::map<std::string, int> positions_, rule_positions_;
  std::ostringstream rules_, fields_, types_, columns_, subresources_, resources_;
  int rule_count_ = 0;
  size_t field_count_ = 0, column_count_ = 0, subresource_count_ = 0, resource_count_ = 0;
};

} // namespace

std::string table_source(const model& m) {
  return writer{m}.run();
}

} // namespace thespis::schemagen
