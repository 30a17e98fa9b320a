#include "tools/schemagen/structs.hpp"

#include "tools/schemagen/names.hpp"

#include <functional>
#include <set>
#include <sstream>

namespace thespis::schemagen {
namespace {

/// Nested structs that every object has are plain members; others sit in a box.
bool is_plain_struct(const field& f) {
  static const std::set<std::string> ever_present = {"metadata", "spec", "status", "template"};
  return f.required || ever_present.count(f.name);
}

std::string scalar_type(const std::string& base) {
  static const std::map<std::string, std::string> names = {
      {"int32", "int32_t"}, {"int64", "int64_t"}, {"double", "double"},
      {"bool", "bool"},     {"any", "raw_json"},  {"int-or-string", "int_or_string"}};
  const auto it = names.find(base);
  return it == names.end() ? "std::string" : it->second;
}

/// Types whose absence an empty value cannot show.
bool needs_optional(const std::string& base) {
  static const std::set<std::string> names = {"int32", "int64", "double", "bool", "int-or-string"};
  return names.count(base) > 0;
}

std::string member_type(const model& m, const field& f) {
  auto t = f.type.is_struct ? "v1::" + m.at(f.type.base).struct_name : scalar_type(f.type.base);
  if (f.type.holders.empty()) {
    if (f.type.is_struct)
      return is_plain_struct(f) ? t : "box<" + t + ">";
    return needs_optional(f.type.base) && !f.required ? "std::optional<" + t + ">" : t;
  }
  for (auto h = f.type.holders.rbegin(); h != f.type.holders.rend(); ++h)
    t = *h == holder::list ? "std::vector<" + t + ">" : "std::map<std::string, " + t + ">";
  return t;
}

std::string initializer(const field& f) {
  if (!f.type.holders.empty() || !f.required)
    return {};
  if (f.type.base == "bool")
    return " = false";
  return f.type.base == "int32" || f.type.base == "int64" || f.type.base == "double" ? " = 0" : "";
}

/// Members of Go's TypeMeta; the struct has them as constants.
bool is_type_meta(const type& t, const field& f) {
  return t.kind && (f.name == "apiVersion" || f.name == "kind");
}

std::vector<const type*> sorted_types(const model& m, const file& f) {
  std::vector<const type*> out;
  std::set<std::string> done;
  std::function<void(const type&)> visit = [&](const type& t) {
    if (!done.insert(t.full_name).second)
      return;
    for (auto& x : t.fields)
      if (x.type.is_struct && m.index.at(x.type.base).first == m.index.at(t.full_name).first)
        visit(m.at(x.type.base));
    out.push_back(&t);
  };
  for (auto& t : f.types)
    visit(t);
  return out;
}

std::string group_version(const file& f) {
  return f.group.empty() ? f.version : f.group + "/" + f.version;
}

std::string group_resource(const file& f, const resource& r) {
  return f.group.empty() ? r.plural : r.plural + "." + f.group;
}

void write_struct(std::ostream& out, const model& m, const file& f, const type& t) {
  if (!t.about.empty())
    out << "/// " << t.about << "\n";
  out << "struct " << t.struct_name << " {\n";
  if (t.kind) {
    out << "  static constexpr std::string_view kind_name = " << literal(t.name) << ";\n";
    out << "  static constexpr std::string_view api_version_name = " << literal(group_version(f))
        << ";\n";
    for (auto& r : f.resources)
      if (r.kind == t.full_name)
        out << "  static constexpr std::string_view resource_name = "
            << literal(group_resource(f, r)) << ";\n";
  }
  for (auto& x : t.fields) {
    if (is_type_meta(t, x))
      continue;
    out << "  " << member_type(m, x) << " " << member_name(x.name) << initializer(x) << ";";
    if (!x.about.empty())
      out << " ///< " << x.about;
    out << "\n";
  }
  out << "  bool operator==(const v1::" << t.struct_name << "&) const;\n};\n";
}

void write_decoder(std::ostream& out, const type& t) {
  std::map<size_t, std::vector<const field*>> by_size;
  for (auto& x : t.fields)
    if (!is_type_meta(t, x))
      by_size[x.name.size()].push_back(&x);
  out << "void decode(const json::value& v, " << t.struct_name << (by_size.empty() ? "&" : "& x")
      << ") {\n"
      << "  if (!v.IsObject())\n    return;\n";
  if (!by_size.empty()) {
    out << "  for (const auto& m : v.GetObject()) {\n    const auto k = codec::key_of(m);\n"
        << "    switch (k.size()) {\n";
    for (auto& [size, fields] : by_size) {
      out << "    case " << size << ":\n";
      const char* sep = "      ";
      for (auto* x : fields) {
        out << sep << "if (k == " << literal(x->name) << ")\n        decode(m.value, x."
            << member_name(x->name) << ");\n";
        sep = "      else ";
      }
      out << "      break;\n";
    }
    out << "    }\n  }\n";
  }
  out << "}\n\n";
}

void write_encoder(std::ostream& out, const file& f, const type& t) {
  const bool empty = t.fields.empty();
  out << "json::value encode(const " << t.struct_name << (empty ? "&" : "& x")
      << ", json::allocator&" << (empty ? "" : " a")
      << ") {\n  json::value v{rapidjson::kObjectType};\n";
  for (auto& x : t.fields) {
    if (is_type_meta(t, x)) {
      out << "  put_always(v, " << literal(x.name) << ", std::string{"
          << literal(x.name == "kind" ? t.name : group_version(f)) << "}, a);\n";
      continue;
    }
    out << "  " << (x.required ? "put_always" : "put") << "(v, " << literal(x.name) << ", x."
        << member_name(x.name) << ", a);\n";
  }
  out << "  return v;\n}\n\n";
}

} // namespace

std::string struct_header(const model& m, const file& f) {
  std::ostringstream out;
  out << "// Made by schemagen from api/schema/" << f.stem << ".yaml; change that file instead.\n"
      << "#pragma once\n";
  if (!f.structs)
    return out.str();
  out << "\n#include \"api/schema/structs.hpp\"\n";
  std::set<size_t> used;
  const auto own = m.index.at(f.types.front().full_name).first;
  for (auto& t : f.types)
    for (auto& x : t.fields)
      if (x.type.is_struct && m.index.at(x.type.base).first != own)
        used.insert(m.index.at(x.type.base).first);
  for (auto i : used)
    out << "#include \"api/generated/" << m.files[i].stem << ".hpp\"\n";
  out << "\nnamespace thespis::api::v1 {\n";
  const auto types = sorted_types(m, f);
  for (auto* t : types) {
    out << "\n";
    write_struct(out, m, f, *t);
    out << "void decode(const json::value& v, " << t->struct_name << "& x);\n"
        << "json::value encode(const " << t->struct_name << "& x, json::allocator& a);\n";
  }
  out << "\n} // namespace thespis::api::v1\n";
  return out.str();
}

std::string struct_source(const model& m, const file& f) {
  std::ostringstream out;
  out << "// Made by schemagen from api/schema/" << f.stem << ".yaml; change that file instead.\n";
  if (!f.structs)
    return out.str();
  out << "#include \"api/generated/" << f.stem << ".hpp\"\n\nnamespace thespis::api::v1 {\n\n"
      << "using codec::decode;\nusing codec::encode;\nusing codec::put;\nusing "
         "codec::put_always;\n\n";
  for (auto* t : sorted_types(m, f)) {
    out << "bool " << t->struct_name << "::operator==(const v1::" << t->struct_name
        << "&) const = default;\n\n";
    write_decoder(out, *t);
    write_encoder(out, f, *t);
  }
  out << "} // namespace thespis::api::v1\n";
  return out.str();
}

} // namespace thespis::schemagen
