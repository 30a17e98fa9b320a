#include "api/text/fields.hpp"

#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

/// Splits at commas that no backslash escapes. The terms keep their escapes.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t begin = 0;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (escaped) {
      escaped = false;
    } else if (text[i] == '\\') {
      escaped = true;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  terms.push_back(text.substr(begin));
  return terms;
}

result<std::string> unescape(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (c == ',' || c == '=')
      return fail(bad_request("invalid field selector: unescaped character in value: " +
                              std::to_string(static_cast<int>(c))));
    if (c != '\\') {
      out += c;
      continue;
    }
    std::string_view rest = value.substr(i, 2);
    if (rest != "\\\\" && rest != "\\," && rest != "\\=")
      return fail(
          bad_request("invalid field selector: invalid escape sequence: " + std::string(rest)));
    out += value[++i];
  }
  return out;
}

std::string escape(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '\\' || c == ',' || c == '=')
      out += '\\';
    out += c;
  }
  return out;
}

} // namespace

bool field_selector::matches(const lookup& get) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const auto& r) { return (get(r.field) == r.value) == r.equal; });
}

std::optional<std::string> field_selector::exact(std::string_view field) const {
  for (const auto& r : requirements_)
    if (r.equal && r.field == field)
      return r.value;
  return std::nullopt;
}

std::string field_selector::to_string() const {
  std::string out;
  for (const auto& r : requirements_)
    out += (out.empty() ? "" : ",") + r.field + (r.equal ? "=" : "!=") + escape(r.value);
  return out;
}

result<field_selector> parse_field_selector(std::string_view text) {
  std::vector<field_requirement> requirements;
  for (auto term : split_terms(text)) {
    if (term.empty())
      continue;
    size_t at = term.find('=');
    if (at == term.npos)
      return fail(bad_request("invalid selector: '" + std::string(text) + "'; can't understand '" +
                              std::string(term) + "'"));
    field_requirement r;
    r.equal = at == 0 || term[at - 1] != '!';
    r.field = term.substr(0, r.equal ? at : at - 1);
    bool doubled = r.equal && at + 1 < term.size() && term[at + 1] == '=';
    auto value = unescape(term.substr(at + (doubled ? 2 : 1)));
    if (!value)
      return fail(std::move(value.error()));
    r.value = std::move(*value);
    requirements.push_back(std::move(r));
  }
  return field_selector(std::move(requirements));
}

result<void> check_fields(const field_selector& s, const std::vector<std::string>& supported) {
  for (const auto& r : s.requirements()) {
    if (r.field == "metadata.name" || r.field == "metadata.namespace" ||
        std::find(supported.begin(), supported.end(), r.field) != supported.end())
      continue;
    if (supported.empty())
      return fail(bad_request(quote_go(r.field) + " is not a known field selector: only "
                                                  "\"metadata.name\", \"metadata.namespace\""));
    return fail(bad_request("field label not supported: " + r.field));
  }
  return {};
}

} // namespace thespis::api
