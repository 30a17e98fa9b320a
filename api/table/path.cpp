// Column sources of schemas: the part of JSONPath that printer columns use.
#include "api/table/cells.hpp"

#include <charconv>

namespace thespis::api::table {

namespace {

/// The text between a quote at the front of `s` and its match.
std::string_view take_quoted(std::string_view& s) {
  char quote = s.front();
  size_t end = s.find(quote, 1);
  if (end == s.npos) {
    s = {};
    return {};
  }
  auto text = s.substr(1, end - 1);
  s.remove_prefix(end + 1);
  return text;
}

/// `?(@.type=="Ready")` on an array.
const json::value* filter(const json::value& array, std::string_view expression) {
  size_t eq = expression.find("==");
  if (!array.IsArray() || expression.substr(0, 4) != "?(@." || eq == expression.npos)
    return nullptr;
  auto field = expression.substr(4, eq - 4);
  auto wanted = expression.substr(eq + 2);
  while (!wanted.empty() && wanted.back() == ')')
    wanted.remove_suffix(1);
  if (wanted.size() >= 2 && (wanted.front() == '"' || wanted.front() == '\''))
    wanted = wanted.substr(1, wanted.size() - 2);
  for (const auto& item : array.GetArray())
    if (json::get_string(item, field) == wanted)
      return &item;
  return nullptr;
}

const json::value* bracket(const json::value& v, std::string_view text) {
  if (text.empty())
    return nullptr;
  if (text.front() == '?')
    return filter(v, text);
  if (text.front() == '\'' || text.front() == '"')
    return json::find(v, take_quoted(text));
  unsigned index = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (ec != std::errc{} || end != text.data() + text.size() || !v.IsArray() || index >= v.Size())
    return nullptr;
  return &v[index];
}

const json::value* walk(const json::value& root, std::string_view path) {
  const auto* v = &root;
  while (v && !path.empty()) {
    if (path.front() == '.') {
      path.remove_prefix(1);
      size_t end = std::min(path.find_first_of(".["), path.size());
      v = json::find(*v, path.substr(0, end));
      path.remove_prefix(end);
    } else if (path.front() == '[') {
      size_t end = path.find(']');
      if (end == path.npos)
        return nullptr;
      v = bracket(*v, path.substr(1, end - 1));
      path.remove_prefix(end + 1);
    } else {
      return nullptr;
    }
  }
  return v;
}

} // namespace

cell evaluate(const schema::column& c, const json::value& object, timestamp now) {
  if (c.source.empty() || c.source.front() != '.')
    return {};
  const auto* v = walk(object, c.source);
  if (!v || v->IsNull())
    return {};
  if (c.type == "date")
    return age_of(json::as_string(*v), now);
  // What is not of the column's type is not shown.
  if (c.type == "integer")
    return v->IsInt64()    ? cell{v->GetInt64()}
           : v->IsNumber() ? cell{static_cast<int64_t>(v->GetDouble())}
                           : cell{};
  if (c.type == "number")
    return v->IsNumber() ? cell{v->GetDouble()} : cell{};
  if (c.type == "boolean")
    return v->IsBool() ? cell{v->GetBool()} : cell{};
  if (v->IsString())
    return std::string(json::as_string(*v));
  if (v->IsBool())
    return v->GetBool();
  if (v->IsInt64())
    return v->GetInt64();
  if (v->IsNumber())
    return v->GetDouble();
  return json::to_string(*v);
}

} // namespace thespis::api::table
