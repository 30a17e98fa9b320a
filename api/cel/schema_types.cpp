#include "api/cel/schema_types.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::cel {

namespace {

// Kubernetes' bounds of what a request of 3 MiB can hold, in bytes of JSON.
constexpr uint64_t max_request = 3 * 1024 * 1024;
constexpr uint64_t longest_duration = 32, longest_time = 32, longest_date = 12;

constexpr std::array<std::string_view, 21> reserved = {
    "true",     "false",   "null",      "in",       "as",  "break",  "const",
    "continue", "else",    "for",       "function", "if",  "import", "let",
    "loop",     "package", "namespace", "return",   "var", "void",   "while"};

std::string_view text_at(const json::value& schema, std::string_view key) {
  return json::get_string(schema, key);
}

/// A bound of the schema; nothing when there is none.
std::optional<uint64_t> bound_at(const json::value& schema, std::string_view key) {
  const auto* n = json::find(schema, key);
  if (n == nullptr || !n->IsInt64())
    return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(n->GetInt64(), 0));
}

class builder {
public:
  explicit builder(type_store& types) : types_(types) {}

  const type* build(const json::value& schema, bool root) {
    if (!schema.IsObject() || ++depth_ > 200)
      return nullptr;
    const auto* out = build_kind(schema, root);
    --depth_;
    return out;
  }

private:
  const type* build_kind(const json::value& schema, bool root) {
    if (json::get_bool(schema, "x-kubernetes-int-or-string")) {
      auto& t = types_.make(kind::dyn);
      t.max_size = max_request - 2;
      return &t;
    }
    auto name = text_at(schema, "type");
    if (name == "array")
      return list(schema);
    if (name == "object")
      return object(schema, root || json::get_bool(schema, "x-kubernetes-embedded-resource"));
    if (name == "string")
      return text(schema);
    if (name == "boolean")
      return scalar(kind::boolean, 4);
    if (name == "integer")
      return scalar(kind::int_, 1);
    if (name == "number")
      return scalar(kind::double_, 1);
    return nullptr;
  }

  const type* scalar(kind k, uint64_t min_json) { return &sized(k, 1, min_json); }

  type& sized(kind k, uint64_t most, uint64_t min_json) {
    auto& t = types_.make(k);
    t.max_size = most;
    t.min_json = min_json;
    return t;
  }

  const type* list(const json::value& schema) {
    const auto* items = json::find(schema, "items");
    const auto* element = items == nullptr ? nullptr : build(*items, false);
    if (element == nullptr)
      return nullptr;
    auto most = bound_at(schema, "maxItems").value_or((max_request - 2) / (element->min_json + 1));
    auto& t = sized(kind::list, most, 2);
    t.params = {element};
    return &t;
  }

  const type* text(const json::value& schema) {
    auto format = text_at(schema, "format");
    auto limit = bound_at(schema, "maxLength");
    if (format == "byte")
      return &sized(kind::bytes, limit.value_or(max_request - 2), 2);
    if (format == "duration")
      return &sized(kind::duration, limit.value_or(longest_duration), 3);
    if (format == "date")
      return &sized(kind::timestamp, longest_date, longest_date);
    if (format == "date-time")
      return &sized(kind::timestamp, longest_time, 21);
    uint64_t most = max_request - 2;
    const auto* values = json::find(schema, "enum");
    if (limit) {
      // A code point takes up to four bytes.
      most = *limit > UINT64_MAX / 4 ? UINT64_MAX : *limit * 4;
    } else if (values != nullptr && values->IsArray() && !values->Empty()) {
      most = 0;
      for (const auto& v : values->GetArray())
        most = std::max<uint64_t>(most, json::as_string(v).size());
    }
    return &sized(kind::string, most, 2);
  }

  const type* object(const json::value& schema, bool root) {
    const auto* more = json::find(schema, "additionalProperties");
    if (more != nullptr && more->IsObject()) {
      const auto* held = build(*more, false);
      if (held == nullptr)
        return nullptr;
      // The shortest entry has a quoted key, a colon and a comma.
      auto most =
          bound_at(schema, "maxProperties").value_or((max_request - 2) / (held->min_json + 6));
      auto& t = sized(kind::map, most, 2);
      t.params = {&simple(kind::string), held};
      return &t;
    }
    auto& t = sized(kind::object, 1, 2);
    t.name = "object" + std::to_string(next_++);
    add_fields(schema, root, t);
    return &t;
  }

  void add_fields(const json::value& schema, bool root, type& t) {
    const auto* properties = json::find(schema, "properties");
    if (properties != nullptr && properties->IsObject())
      for (const auto& p : properties->GetObject()) {
        std::string_view name{p.name.GetString(), p.name.GetStringLength()};
        auto escaped = escape_name(name);
        auto standard = root && (name == "apiVersion" || name == "kind" || name == "metadata");
        if (!escaped || standard)
          continue;
        const auto* of = build(p.value, false);
        if (of == nullptr)
          continue;
        t.fields.push_back({*escaped, std::string{name}, of});
        if (requires_field(schema, name) && json::find(p.value, "default") == nullptr)
          t.min_json += name.size() + of->min_json + 4;
      }
    if (root)
      add_standard(t);
    std::sort(t.fields.begin(), t.fields.end(),
              [](const field_decl& a, const field_decl& b) { return a.name < b.name; });
  }

  void add_standard(type& t) {
    const auto* text = &sized(kind::string, max_request - 2, 2);
    auto& meta = sized(kind::object, 1, 2);
    meta.name = "metadata";
    meta.fields = {{"generateName", "generateName", text}, {"name", "name", text}};
    t.fields.push_back({"apiVersion", "apiVersion", text});
    t.fields.push_back({"kind", "kind", text});
    t.fields.push_back({"metadata", "metadata", &meta});
  }

  static bool requires_field(const json::value& schema, std::string_view name) {
    const auto* required = json::find(schema, "required");
    if (required == nullptr || !required->IsArray())
      return false;
    return std::any_of(required->Begin(), required->End(),
                       [&](const json::value& v) { return json::as_string(v) == name; });
  }

  type_store& types_;
  unsigned depth_ = 0;
  unsigned next_ = 0;
};

} // namespace

uint64_t most_in_request(uint64_t min_json) {
  return max_request / (min_json + 1);
}

std::optional<std::string> escape_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
    return std::nullopt;
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    return "__" + std::string{name} + "__";
  std::string out;
  for (size_t n = 0; n < name.size(); ++n) {
    auto c = name[n];
    if (c == '_' && n + 1 < name.size() && name[n + 1] == '_') {
      out += "__underscores__";
      ++n;
    } else if (c == '.') {
      out += "__dot__";
    } else if (c == '-') {
      out += "__dash__";
    } else if (c == '/') {
      out += "__slash__";
    } else if (c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

const type* schema_type(const json::value& schema, bool root, type_store& types) {
  return builder{types}.build(schema, root);
}

} // namespace thespis::api::cel
