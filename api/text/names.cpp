#include "api/text/names.hpp"

#include <algorithm>
#include <initializer_list>

namespace thespis::api {

namespace {

constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower_alnum(char c) {
  return is_lower(c) || is_digit(c);
}
constexpr bool is_alnum(char c) {
  return is_lower_alnum(c) || is_upper(c);
}

template <class Predicate>
bool all_of(std::string_view s, Predicate p) {
  return std::all_of(s.begin(), s.end(), p);
}

constexpr size_t label_length = 63;
constexpr size_t subdomain_length = 253;

constexpr std::string_view label_regex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view subdomain_regex =
    R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)";
constexpr std::string_view key_regex = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr std::string_view key_message =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character";

std::string syntax(std::string_view message, std::string_view regex,
                   std::initializer_list<std::string_view> examples) {
  std::string out(message);
  out += " (e.g. ";
  bool first = true;
  for (auto e : examples) {
    out.append(first ? "'" : " or '").append(e).append("', ");
    first = false;
  }
  return out.append("regex used for validation is '").append(regex).append("')");
}

/// Names of objects are measured in "characters" and label keys in "bytes"; both mean bytes.
std::string max_characters_message(size_t n) {
  return "must be no more than " + std::to_string(n) + " characters";
}

bool is_label(std::string_view s) {
  return !s.empty() && is_lower_alnum(s.front()) && is_lower_alnum(s.back()) &&
         all_of(s, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view s) {
  for (;;) {
    size_t dot = s.find('.');
    if (!is_label(s.substr(0, dot)))
      return false;
    if (dot == s.npos)
      return true;
    s.remove_prefix(dot + 1);
  }
}

bool is_key_name(std::string_view s) {
  return !s.empty() && is_alnum(s.front()) && is_alnum(s.back()) &&
         all_of(s, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string subdomain_syntax() {
  return syntax("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                "characters, '-' or '.', and must start and end with an alphanumeric character",
                subdomain_regex, {"example.com"});
}

void check_dots(std::string_view s, complaints& out) {
  if (s == ".")
    out.push_back("must not be '.'");
  else if (s == "..")
    out.push_back("must not be '..'");
  else if (s.starts_with(".."))
    out.push_back("must not start with '..'");
}

} // namespace

std::string max_length_message(size_t bytes) {
  return "must be no more than " + std::to_string(bytes) + " bytes";
}

std::string range_message(int64_t low, int64_t high) {
  return "must be between " + std::to_string(low) + " and " + std::to_string(high) + ", inclusive";
}

std::string join(const complaints& c, std::string_view separator) {
  std::string out;
  for (const auto& s : c)
    out.append(out.empty() ? std::string_view{} : separator).append(s);
  return out;
}

complaints check_dns1123_label(std::string_view s) {
  complaints out;
  if (s.size() > label_length)
    out.push_back(max_characters_message(label_length));
  if (!is_label(s)) {
    if (is_subdomain(s))
      out.push_back("must not contain dots");
    else
      out.push_back(syntax("a lowercase RFC 1123 label must consist of lower case alphanumeric "
                           "characters or '-', and must start and end with an alphanumeric "
                           "character",
                           label_regex, {"my-name", "123-abc"}));
  }
  return out;
}

complaints check_dns1123_subdomain(std::string_view s) {
  complaints out;
  if (s.size() > subdomain_length)
    out.push_back(max_characters_message(subdomain_length));
  if (!is_subdomain(s))
    out.push_back(subdomain_syntax());
  return out;
}

complaints check_dns1035_label(std::string_view s) {
  complaints out;
  if (s.size() > label_length)
    out.push_back(max_characters_message(label_length));
  if (!is_label(s) || !is_lower(s.front()))
    out.push_back(syntax("a DNS-1035 label must consist of lower case alphanumeric characters or "
                         "'-', start with an alphabetic character, and end with an alphanumeric "
                         "character",
                         "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  return out;
}

complaints check_qualified_name(std::string_view s) {
  complaints out;
  auto key_syntax = [] { return syntax(key_message, key_regex, {"MyName", "my.name", "123-abc"}); };
  auto name = s;
  if (size_t slash = s.find('/'); slash != s.npos) {
    if (s.find('/', slash + 1) != s.npos) {
      out.push_back("a valid label key " + key_syntax() +
                    " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
      return out;
    }
    auto prefix = s.substr(0, slash);
    name = s.substr(slash + 1);
    if (prefix.empty()) {
      out.push_back("prefix part must be non-empty");
    } else {
      if (prefix.size() > subdomain_length)
        out.push_back("prefix part " + max_length_message(subdomain_length));
      if (!is_subdomain(prefix))
        out.push_back("prefix part " + subdomain_syntax());
    }
  }
  if (name.empty())
    out.push_back("name part must be non-empty");
  else if (name.size() > label_length)
    out.push_back("name part " + max_length_message(label_length));
  if (!is_key_name(name))
    out.push_back("name part " + key_syntax());
  return out;
}

complaints check_label_value(std::string_view s) {
  complaints out;
  if (s.size() > label_length)
    out.push_back(max_length_message(label_length));
  if (!s.empty() && !is_key_name(s))
    out.push_back(syntax("a valid label must be an empty string or consist of alphanumeric "
                         "characters, '-', '_' or '.', and must start and end with an "
                         "alphanumeric character",
                         "(" + std::string(key_regex) + ")?", {"MyValue", "my_value", "12345"}));
  return out;
}

complaints check_env_var_name(std::string_view s) {
  complaints out;
  if (s.empty())
    out.push_back("environment variable name must be non-empty");
  if (!all_of(s, [](char c) { return c >= ' ' && c <= '~' && c != '='; }))
    out.push_back("a valid environment variable name must consist only of printable ASCII "
                  "characters other than '='");
  return out;
}

complaints check_config_map_key(std::string_view s) {
  complaints out;
  if (s.size() > subdomain_length)
    out.push_back(max_characters_message(subdomain_length));
  if (s.empty() ||
      !all_of(s, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }))
    out.push_back(syntax("a valid config key must consist of alphanumeric characters, '-', '_' or "
                         "'.'",
                         "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  check_dots(s, out);
  return out;
}

complaints check_port_name(std::string_view s) {
  complaints out;
  if (s.size() > 15)
    out.push_back(max_characters_message(15));
  if (s.empty() || !all_of(s, [](char c) { return is_lower_alnum(c) || c == '-'; }))
    out.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (std::none_of(s.begin(), s.end(), is_lower))
    out.push_back("must contain at least one letter (a-z)");
  if (s.find("--") != s.npos)
    out.push_back("must not contain consecutive hyphens");
  if (!s.empty() && (s.front() == '-' || s.back() == '-'))
    out.push_back("must not begin or end with a hyphen");
  return out;
}

complaints check_port_number(int64_t port) {
  return check_range(port, 1, 65535);
}

complaints check_http_header_name(std::string_view s) {
  if (!s.empty() && all_of(s, [](char c) { return is_alnum(c) || c == '-'; }))
    return {};
  return {syntax("a valid HTTP header must consist of alphanumeric characters or '-'",
                 "[-A-Za-z0-9]+", {"X-Header-Name"})};
}

complaints check_c_identifier(std::string_view s) {
  auto good = [](char c) { return is_alnum(c) || c == '_'; };
  if (!s.empty() && !is_digit(s.front()) && all_of(s, good))
    return {};
  return {syntax("a valid C identifier must start with alphabetic character or '_', followed by a "
                 "string of alphanumeric characters or '_'",
                 "[A-Za-z_][A-Za-z0-9_]*", {"my_name", "MY_NAME", "MyName"})};
}

complaints check_percent(std::string_view s) {
  if (s.size() > 1 && s.back() == '%' && all_of(s.substr(0, s.size() - 1), is_digit))
    return {};
  return {syntax("a valid percent string must be a numeric string followed by an ending '%'",
                 "[0-9]+%", {"1%", "93%"})};
}

complaints check_path_segment(std::string_view s) {
  for (std::string_view bad : {".", ".."})
    if (s == bad)
      return {"may not be '" + std::string(bad) + "'"};
  complaints out;
  for (char bad : {'/', '%'})
    if (s.find(bad) != s.npos)
      out.push_back(std::string("may not contain '") + bad + "'");
  return out;
}

complaints check_absolute_path(std::string_view s) {
  complaints out;
  if (!s.starts_with('/'))
    out.push_back("must be an absolute path");
  for (size_t begin = 0; begin <= s.size();) {
    size_t end = std::min(s.find('/', begin), s.size());
    if (s.substr(begin, end - begin) == "..") {
      out.push_back("must not contain '..'");
      break;
    }
    begin = end + 1;
  }
  return out;
}

complaints check_range(int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high)
    return {};
  return {range_message(low, high)};
}

std::string mask_trailing_dash(std::string_view s) {
  std::string out(s);
  if (out.size() > 1 && out.back() == '-') {
    out.resize(out.size() - 2);
    out += 'a';
  }
  return out;
}

} // namespace thespis::api
