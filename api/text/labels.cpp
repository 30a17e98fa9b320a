#include "api/text/labels.hpp"

#include "api/text/label_parser.hpp"
#include "api/text/names.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace thespis::api {

namespace {

std::optional<int64_t> integer(std::string_view s) {
  int64_t n = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc{} || end != s.data() + s.size())
    return std::nullopt;
  return n;
}

/// What stands between key and value in a query.
std::string_view symbol(label_operator op) {
  switch (op) {
  case label_operator::in:
    return " in ";
  case label_operator::not_in:
    return " notin ";
  case label_operator::equals:
    return "=";
  case label_operator::double_equals:
    return "==";
  case label_operator::not_equals:
    return "!=";
  case label_operator::greater_than:
    return ">";
  case label_operator::less_than:
    return "<";
  case label_operator::exists:
  case label_operator::does_not_exist:
    return "";
  }
  return "";
}

std::optional<label_operator> expression_operator(std::string_view s) {
  if (s == "In")
    return label_operator::in;
  if (s == "NotIn")
    return label_operator::not_in;
  if (s == "Exists")
    return label_operator::exists;
  if (s == "DoesNotExist")
    return label_operator::does_not_exist;
  return std::nullopt;
}

std::vector<std::string> strings(const json::value* list) {
  std::vector<std::string> out;
  if (list && list->IsArray())
    for (const auto& e : list->GetArray())
      out.emplace_back(json::as_string(e));
  return out;
}

bool is_set_operator(label_operator op) {
  return op == label_operator::in || op == label_operator::not_in;
}

void add(std::vector<cause>& out, const std::string& field, std::string_view value,
         const complaints& messages) {
  for (const auto& m : messages)
    out.push_back(invalid_value(field, quote_go(value), m));
}

} // namespace

bool label_requirement::matches(const label_set& labels) const {
  const std::string* v = find_label(labels, key);
  auto listed = [&] { return std::find(values.begin(), values.end(), *v) != values.end(); };
  switch (op) {
  case label_operator::exists:
    return v != nullptr;
  case label_operator::does_not_exist:
    return v == nullptr;
  case label_operator::in:
  case label_operator::equals:
  case label_operator::double_equals:
    return v && listed();
  case label_operator::not_in:
  case label_operator::not_equals:
    return !v || !listed();
  case label_operator::greater_than:
  case label_operator::less_than: {
    if (!v || values.size() != 1)
      return false;
    auto left = integer(*v), right = integer(values.front());
    return left && right && (op == label_operator::greater_than ? *left > *right : *left < *right);
  }
  }
  return false;
}

std::string label_requirement::to_string() const {
  std::string out = op == label_operator::does_not_exist ? "!" + key : key;
  out += symbol(op);
  if (is_set_operator(op))
    out += "(";
  for (size_t i = 0; i < values.size(); ++i)
    out += (i ? "," : "") + values[i];
  if (is_set_operator(op))
    out += ")";
  return out;
}

label_selector::label_selector(std::vector<label_requirement> requirements)
    : requirements_(std::move(requirements)) {
  std::stable_sort(requirements_.begin(), requirements_.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
}

label_selector label_selector::nothing() {
  label_selector s;
  s.nothing_ = true;
  return s;
}

label_selector label_selector::from_map(const json::value* map) {
  std::vector<label_requirement> requirements;
  if (map && map->IsObject())
    for (const auto& m : map->GetObject())
      if (m.value.IsString())
        requirements.push_back({std::string(json::as_string(m.name)),
                                label_operator::equals,
                                {std::string(json::as_string(m.value))}});
  return label_selector(std::move(requirements));
}

bool label_selector::matches(const label_set& labels) const {
  return !nothing_ && std::all_of(requirements_.begin(), requirements_.end(),
                                  [&](const auto& r) { return r.matches(labels); });
}

std::string label_selector::to_string() const {
  std::string out;
  for (size_t i = 0; i < requirements_.size(); ++i)
    out += (i ? "," : "") + requirements_[i].to_string();
  return out;
}

result<label_selector> parse_label_selector(std::string_view text) {
  auto requirements = parse_label_requirements(text);
  if (!requirements)
    return fail(std::move(requirements.error()));
  return label_selector(std::move(*requirements));
}

result<label_selector> read_label_selector(const json::value* v, std::string_view field) {
  if (!v || v->IsNull())
    return label_selector::nothing();
  std::string prefix(field);
  if (!v->IsObject())
    return fail(bad_request((prefix.empty() ? "selector" : prefix) + ": must be an object"));
  auto causes = validate_label_selector(*v, field);
  if (!causes.empty())
    return fail(bad_request(causes.front().field + ": " + causes.front().message));
  std::vector<label_requirement> requirements =
      label_selector::from_map(json::find(*v, "matchLabels")).requirements();
  if (const auto* list = json::find(*v, "matchExpressions"); list && list->IsArray())
    for (const auto& e : list->GetArray()) {
      label_requirement r{std::string(json::get_string(e, "key")),
                          *expression_operator(json::get_string(e, "operator")),
                          strings(json::find(e, "values"))};
      std::sort(r.values.begin(), r.values.end());
      r.values.erase(std::unique(r.values.begin(), r.values.end()), r.values.end());
      requirements.push_back(std::move(r));
    }
  return label_selector(std::move(requirements));
}

std::vector<cause> validate_label_selector(const json::value& v, std::string_view field) {
  std::vector<cause> out;
  std::string prefix = field.empty() ? std::string{} : std::string(field) + ".";
  if (const auto* map = json::find(v, "matchLabels"); map && map->IsObject())
    for (const auto& m : map->GetObject()) {
      add(out, prefix + "matchLabels", json::as_string(m.name),
          check_qualified_name(json::as_string(m.name)));
      add(out, prefix + "matchLabels", json::as_string(m.value),
          check_label_value(json::as_string(m.value)));
    }
  const auto* list = json::find(v, "matchExpressions");
  if (!list || !list->IsArray())
    return out;
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    const auto& e = (*list)[i];
    auto at = prefix + "matchExpressions[" + std::to_string(i) + "].";
    auto name = json::get_string(e, "operator");
    auto op = expression_operator(name);
    auto values = strings(json::find(e, "values"));
    if (!op)
      out.push_back(
          invalid_value(at + "operator", quote_go(name), "not a valid selector operator"));
    else if (is_set_operator(*op) && values.empty())
      out.push_back(
          required(at + "values", "must be specified when `operator` is 'In' or 'NotIn'"));
    else if (!is_set_operator(*op) && !values.empty())
      out.push_back(field_forbidden(
          at + "values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    auto key = json::get_string(e, "key");
    add(out, at + "key", key, check_qualified_name(key));
    for (size_t k = 0; k < values.size(); ++k)
      add(out, at + "values[" + std::to_string(k) + "]", values[k], check_label_value(values[k]));
  }
  return out;
}

} // namespace thespis::api
