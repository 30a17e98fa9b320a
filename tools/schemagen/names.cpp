#include "tools/schemagen/names.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace thespis::schemagen {
namespace {

bool is_upper(std::string_view s, size_t i) {
  return i < s.size() && std::isupper(static_cast<unsigned char>(s[i]));
}
bool is_lower(std::string_view s, size_t i) {
  return i < s.size() && std::islower(static_cast<unsigned char>(s[i]));
}

/// The plural s of an acronym ("IPs"): it belongs to the capitals before it.
bool plural_s(std::string_view s, size_t i) {
  return i >= 2 && s[i] == 's' && is_upper(s, i - 1) && is_upper(s, i - 2) && !is_lower(s, i + 1);
}

/// True when a new word begins at `i`.
bool starts_word(std::string_view s, size_t i) {
  if (i == 0 || !is_upper(s, i))
    return false;
  if (!is_upper(s, i - 1))
    return true;
  return is_lower(s, i + 1) && !plural_s(s, i + 1);
}

} // namespace

std::string snake_case(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (starts_word(name, i))
      out += '_';
    out += name[i] == '-' || name[i] == '$'
               ? '_'
               : static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
  }
  return out;
}

std::string member_name(std::string_view name) {
  static constexpr std::array keywords = {
      "and",       "auto",      "bool",     "break",    "case",     "catch",    "char",
      "class",     "const",     "continue", "default",  "delete",   "do",       "double",
      "else",      "enum",      "explicit", "export",   "extern",   "false",    "float",
      "for",       "friend",    "goto",     "if",       "inline",   "int",      "long",
      "mutable",   "namespace", "new",      "not",      "operator", "or",       "private",
      "protected", "public",    "register", "requires", "return",   "short",    "signed",
      "sizeof",    "static",    "struct",   "switch",   "template", "this",     "throw",
      "true",      "try",       "typedef",  "typename", "union",    "unsigned", "using",
      "virtual",   "void",      "volatile", "while",    "xor"};
  auto s = snake_case(name);
  if (std::find(keywords.begin(), keywords.end(), s) != keywords.end())
    s += '_';
  return s;
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (auto& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string literal(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out + '"';
}

} // namespace thespis::schemagen
