// String functions: those of the standard library and of the strings extension. Positions count
// code points.

#include "api/cel/functions.hpp"

#include <algorithm>

namespace thespis::api::cel {

namespace {

constexpr auto npos = std::string_view::npos;

value contains(evaluation&, const value* a, size_t) {
  return value::of(a[0].str().find(a[1].str()) != npos);
}

value starts_with(evaluation&, const value* a, size_t) {
  return value::of(a[0].str().starts_with(a[1].str()));
}

value ends_with(evaluation&, const value* a, size_t) {
  return value::of(a[0].str().ends_with(a[1].str()));
}

bool leads(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

/// The byte where the n-th code point begins; the size for the one behind the last; npos beyond.
size_t byte_of(std::string_view s, int64_t n) {
  if (n < 0)
    return npos;
  for (size_t pos = 0; pos < s.size(); ++pos)
    if (leads(s[pos]) && n-- == 0)
      return pos;
  return n == 0 ? s.size() : npos;
}

size_t next_point(std::string_view s, size_t pos) {
  for (++pos; pos < s.size() && !leads(s[pos]);)
    ++pos;
  return pos;
}

value out_of_range(evaluation& run, int64_t index) {
  return run.error("index out of range: " + std::to_string(index));
}

value char_at(evaluation& run, const value* a, size_t) {
  auto s = a[0].str();
  auto pos = byte_of(s, a[1].integer);
  if (pos == npos)
    return out_of_range(run, a[1].integer);
  return value::of(pos == s.size() ? s.substr(0, 0) : s.substr(pos, next_point(s, pos) - pos));
}

value point_of(std::string_view s, size_t byte) {
  return value::of(byte == npos ? int64_t{-1}
                                : static_cast<int64_t>(code_points(s.substr(0, byte))));
}

value index_of(evaluation& run, const value* a, size_t count) {
  auto s = a[0].str();
  size_t from = 0;
  if (count > 2) {
    from = byte_of(s, a[2].integer);
    if (from == npos)
      return out_of_range(run, a[2].integer);
  }
  return point_of(s, s.find(a[1].str(), from));
}

value last_index_of(evaluation& run, const value* a, size_t count) {
  auto s = a[0].str();
  auto from = npos;
  if (count > 2) {
    from = byte_of(s, a[2].integer);
    if (from == npos)
      return out_of_range(run, a[2].integer);
  }
  return point_of(s, s.rfind(a[1].str(), from));
}

value substring(evaluation& run, const value* a, size_t count) {
  auto s = a[0].str();
  auto from = byte_of(s, a[1].integer);
  if (from == npos)
    return out_of_range(run, a[1].integer);
  if (count == 2)
    return value::of(s.substr(from));
  if (a[1].integer > a[2].integer)
    return run.error("invalid substring range. start: " + std::to_string(a[1].integer) +
                     ", end: " + std::to_string(a[2].integer));
  auto to = byte_of(s, a[2].integer);
  if (to == npos)
    return out_of_range(run, a[2].integer);
  return value::of(s.substr(from, to - from));
}

template <char First, char Last, int Shift>
value change_case(evaluation& run, const value* a, size_t) {
  std::string out{a[0].str()};
  for (auto& c : out)
    if (c >= First && c <= Last)
      c = static_cast<char>(c + Shift);
  return run.string(out);
}

/// The bytes of the white space at `pos`, by Unicode; 0: there is none.
size_t space_at(std::string_view s, size_t pos) {
  auto c = static_cast<unsigned char>(s[pos]);
  if (c == ' ' || (c >= 9 && c <= 13))
    return 1;
  auto pair = s.substr(pos, 2), triple = s.substr(pos, 3);
  if (pair == "\xC2\x85" || pair == "\xC2\xA0")
    return 2;
  for (std::string_view wide :
       {"\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
        "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"})
    if (triple == wide)
      return 3;
  return 0;
}

value trim(evaluation&, const value* a, size_t) {
  auto s = a[0].str();
  size_t from = 0;
  for (size_t n = 0; from < s.size() && (n = space_at(s, from)) != 0;)
    from += n;
  auto end = from;
  for (auto pos = from; pos < s.size();) {
    auto space = space_at(s, pos);
    pos = space != 0 ? pos + space : next_point(s, pos);
    end = space != 0 ? end : pos;
  }
  return value::of(s.substr(from, end - from));
}

/// Where a replacement or a separator is found next; an empty one between all code points.
size_t find_next(std::string_view s, std::string_view what, size_t pos, bool first) {
  if (!what.empty())
    return s.find(what, pos);
  if (first)
    return pos;
  return pos < s.size() ? next_point(s, pos) : npos;
}

value replace(evaluation& run, const value* a, size_t count) {
  auto s = a[0].str(), what = a[1].str(), with = a[2].str();
  auto left = count > 3 ? a[3].integer : int64_t{-1};
  std::string out;
  size_t done = 0;
  for (bool first = true; left != 0; first = false, --left) {
    auto at = find_next(s, what, done, first);
    if (at == npos)
      break;
    out.append(s.substr(done, at - done)).append(with);
    done = at + what.size();
    if (out.size() > evaluation::memory_limit)
      throw evaluation::cancelled{"operation cancelled: memory limit exceeded"};
  }
  out.append(s.substr(done));
  return run.string(out);
}

value split(evaluation& run, const value* a, size_t count) {
  auto s = a[0].str(), by = a[1].str();
  auto most = count > 2 ? a[2].integer : int64_t{-1};
  std::vector<value> parts;
  if (most == 0 || (by.empty() && s.empty()))
    return run.list(parts);
  size_t done = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) + 1 < most) {
    auto at = find_next(s, by, done, false);
    if (at == npos || (by.empty() && at == s.size()))
      break;
    parts.push_back(value::of(s.substr(done, at - done)));
    done = at + by.size();
  }
  parts.push_back(value::of(s.substr(done)));
  return run.list(parts);
}

value join(evaluation& run, const value* a, size_t count) {
  auto by = count > 1 ? a[1].str() : std::string_view{};
  std::string out;
  for (size_t n = 0; n < run.count(a[0]); ++n) {
    auto part = run.item(a[0], n);
    if (!part.is(kind::string))
      return run.no_overload();
    if (n != 0)
      out.append(by);
    out.append(part.str());
    if (out.size() > evaluation::memory_limit)
      throw evaluation::cancelled{"operation cancelled: memory limit exceeded"};
  }
  return run.string(out);
}

value reverse(evaluation& run, const value* a, size_t) {
  auto s = a[0].str();
  std::string out(s.size(), '\0');
  for (size_t pos = 0; pos < s.size();) {
    auto end = next_point(s, pos);
    std::copy(s.begin() + static_cast<std::ptrdiff_t>(pos),
              s.begin() + static_cast<std::ptrdiff_t>(end),
              out.end() - static_cast<std::ptrdiff_t>(end));
    pos = end;
  }
  return run.string(out);
}

constexpr declaration table[] = {
    {"contains", "string.(string) -> bool", contains, price::contains},
    {"startsWith", "string.(string) -> bool", starts_with, price::traverse_second},
    {"endsWith", "string.(string) -> bool", ends_with, price::traverse_second},
    {"charAt", "string.(int) -> string", char_at},
    {"indexOf", "string.(string) -> int", index_of, price::traverse},
    {"indexOf", "string.(string, int) -> int", index_of, price::traverse},
    {"lastIndexOf", "string.(string) -> int", last_index_of, price::traverse},
    {"lastIndexOf", "string.(string, int) -> int", last_index_of, price::traverse},
    {"lowerAscii", "string.() -> string", change_case<'A', 'Z', 'a' - 'A'>, price::traverse},
    {"upperAscii", "string.() -> string", change_case<'a', 'z', 'A' - 'a'>, price::traverse},
    {"replace", "string.(string, string) -> string", replace, price::traverse_twice},
    {"replace", "string.(string, string, int) -> string", replace, price::traverse_twice},
    {"split", "string.(string) -> list(string)", split, price::traverse_twice},
    {"split", "string.(string, int) -> list(string)", split, price::traverse_twice},
    {"substring", "string.(int) -> string", substring, price::traverse},
    {"substring", "string.(int, int) -> string", substring, price::traverse},
    {"trim", "string.() -> string", trim, price::traverse},
    {"join", "list(string).() -> string", join, price::result_twice},
    {"join", "list(string).(string) -> string", join, price::result_twice},
    {"reverse", "string.() -> string", reverse, price::traverse},
};

} // namespace

library strings() {
  return table;
}

} // namespace thespis::api::cel
