#include "api/table/cells.hpp"

#include <algorithm>

namespace thespis::api::table {

namespace {

std::string requirement(const json::value& expression) {
  std::string key(json::get_string(expression, "key"));
  auto op = json::get_string(expression, "operator");
  if (op == "Exists")
    return key;
  if (op == "DoesNotExist")
    return "!" + key;
  std::vector<std::string> values;
  for (const auto* v : items_at(expression, {"values"}))
    values.emplace_back(json::as_string(*v));
  std::sort(values.begin(), values.end());
  return key + (op == "In" ? " in (" : " notin (") + join(values, "") + ")";
}

std::string container_column(const json::value& object, std::string_view field) {
  std::vector<std::string> values;
  for (const auto* c : items_at(object, {"spec", "template", "spec", "containers"}))
    values.emplace_back(json::get_string(*c, field));
  return join(values, "");
}

} // namespace

std::string age_of(std::string_view time, timestamp now) {
  auto t = parse_time(time);
  return t ? human_duration(now - *t) : "<unknown>";
}

std::string object_age(const json::value& object, timestamp now) {
  const auto* t = json::at(object, {"metadata", "creationTimestamp"});
  return age_of(t ? json::as_string(*t) : std::string_view{}, now);
}

std::string object_name(const json::value& object) {
  return text_at(object, {"metadata", "name"});
}

std::string text_at(const json::value& object, std::initializer_list<std::string_view> path,
                    std::string_view fallback) {
  const auto* v = json::at(object, path);
  auto text = v ? json::as_string(*v) : std::string_view{};
  return std::string(text.empty() ? fallback : text);
}

int64_t int_at(const json::value& object, std::initializer_list<std::string_view> path,
               int64_t fallback) {
  const auto* v = json::at(object, path);
  return v && v->IsInt64() ? v->GetInt64() : fallback;
}

int64_t count_at(const json::value& object, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(object, path);
  if (v && v->IsArray())
    return v->Size();
  return v && v->IsObject() ? v->MemberCount() : 0;
}

std::vector<const json::value*> items_at(const json::value& object,
                                         std::initializer_list<std::string_view> path) {
  std::vector<const json::value*> items;
  const auto* v = json::at(object, path);
  if (v && v->IsArray())
    for (const auto& item : v->GetArray())
      items.push_back(&item);
  return items;
}

std::string join(const std::vector<std::string>& parts, std::string_view none) {
  if (parts.empty())
    return std::string(none);
  std::string out;
  for (const auto& p : parts)
    out += (out.empty() ? "" : ",") + p;
  return out;
}

std::string join_some(const std::vector<std::string>& parts, std::string_view none) {
  constexpr size_t shown = 3;
  if (parts.size() <= shown)
    return join(parts, none);
  return join({parts.begin(), parts.begin() + shown}) + " + " +
         std::to_string(parts.size() - shown) + " more...";
}

std::string format_labels(const json::value* labels) {
  std::vector<std::string> terms;
  if (labels && labels->IsObject())
    for (const auto& m : labels->GetObject())
      terms.push_back(std::string(json::as_string(m.name)) + "=" +
                      std::string(json::as_string(m.value)));
  std::sort(terms.begin(), terms.end());
  return join(terms);
}

std::string format_label_selector(const json::value* selector) {
  std::vector<std::pair<std::string, std::string>> terms; // by key
  if (selector) {
    if (const auto* labels = json::find(*selector, "matchLabels"); labels && labels->IsObject())
      for (const auto& m : labels->GetObject())
        terms.emplace_back(json::as_string(m.name), std::string(json::as_string(m.name)) + "=" +
                                                        std::string(json::as_string(m.value)));
    for (const auto* e : items_at(*selector, {"matchExpressions"}))
      terms.emplace_back(json::get_string(*e, "key"), requirement(*e));
  }
  std::sort(terms.begin(), terms.end());
  std::vector<std::string> texts;
  for (auto& t : terms)
    texts.push_back(std::move(t.second));
  return join(texts);
}

std::string container_names(const json::value& object) {
  return container_column(object, "name");
}

std::string container_images(const json::value& object) {
  return container_column(object, "image");
}

} // namespace thespis::api::table
