#include "api/apply/path_element.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace thespis::api::apply {

namespace {

// Kinds of values, in the order in which they sort.
constexpr char number_tag = 1, string_tag = 2, bool_tag = 3, list_tag = 4, map_tag = 5,
               null_tag = 6;
constexpr char float_mark = 0, int_mark = 1;

void put_u64(std::string& out, uint64_t n) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(n >> shift);
}

uint64_t take_u64(std::string_view bytes) {
  uint64_t n = 0;
  for (size_t i = 0; i < 8; ++i)
    n = n << 8 | static_cast<uint8_t>(bytes[i]);
  return n;
}

constexpr uint64_t sign_bit = uint64_t{1} << 63;

/// Bits that order as the doubles do.
uint64_t order_of(double d) {
  uint64_t bits = 0;
  std::memcpy(&bits, &d, sizeof d);
  return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

double double_of(uint64_t order) {
  const uint64_t bits = (order & sign_bit) != 0 ? order & ~sign_bit : ~order;
  double d = 0;
  std::memcpy(&d, &bits, sizeof d);
  return d;
}

/// Text that may be followed by more, ordered as it is alone.
void put_text(std::string& out, std::string_view text) {
  for (char c : text) {
    out += c;
    if (c == '\0')
      out += '\xff';
  }
  out.append("\0\1", 2);
}

/// Reads what put_text wrote and moves `bytes` behind it.
std::string take_text(std::string_view& bytes) {
  std::string out;
  size_t i = 0;
  for (; i < bytes.size(); ++i) {
    if (bytes[i] != '\0') {
      out += bytes[i];
      continue;
    }
    if (bytes[++i] == '\1')
      break;
    out += '\0';
  }
  bytes.remove_prefix(i + 1);
  return out;
}

void put_number(std::string& out, const json::value& v) {
  out += number_tag;
  // A whole number is one number, however it was written.
  constexpr double whole_limit = 9e15;
  const bool whole = v.IsInt64() || (std::abs(v.GetDouble()) < whole_limit &&
                                     std::trunc(v.GetDouble()) == v.GetDouble());
  put_u64(out, order_of(v.GetDouble()));
  out += whole ? int_mark : float_mark;
  if (whole) {
    const int64_t n = v.IsInt64() ? v.GetInt64() : static_cast<int64_t>(v.GetDouble());
    put_u64(out, static_cast<uint64_t>(n) ^ sign_bit);
  }
}

void put_value(std::string& out, const json::value& v) {
  if (v.IsNumber())
    return put_number(out, v);
  if (v.IsString()) {
    out += string_tag;
    return put_text(out, json::as_string(v));
  }
  if (v.IsBool()) {
    out += bool_tag;
    out += v.GetBool() ? '\1' : '\0';
    return;
  }
  if (v.IsNull()) {
    out += null_tag;
    return;
  }
  out += v.IsArray() ? list_tag : map_tag;
  put_text(out, json::to_string(v));
}

/// How a value is written: as JSON, or as messages show it.
enum class style { json, message };

/// Reads what put_value wrote and moves `bytes` behind it.
std::string take_value(std::string_view& bytes, style s) {
  const char tag = bytes[0];
  bytes.remove_prefix(1);
  switch (tag) {
  case number_tag: {
    const double d = double_of(take_u64(bytes));
    const bool whole = bytes[8] == int_mark;
    bytes.remove_prefix(9);
    if (!whole)
      return json::to_string(json::value{d});
    const auto n = static_cast<int64_t>(take_u64(bytes) ^ sign_bit);
    bytes.remove_prefix(8);
    return std::to_string(n);
  }
  case string_tag: {
    const auto text = take_text(bytes);
    return s == style::json ? json::quote(text) : quote_go(text);
  }
  case bool_tag: {
    const bool yes = bytes[0] == '\1';
    bytes.remove_prefix(1);
    return yes ? "true" : "false";
  }
  case null_tag:
    return "null";
  default:
    return take_text(bytes);
  }
}

std::string print_key(std::string_view bytes, style s) {
  std::string out;
  while (!bytes.empty()) {
    const auto name = take_text(bytes);
    out += out.empty() ? "" : ",";
    out += s == style::json ? json::quote(name) + ":" : name + "=";
    out += take_value(bytes, s);
  }
  return out;
}

int64_t take_index(std::string_view bytes) {
  return static_cast<int64_t>(take_u64(bytes) ^ sign_bit);
}

error malformed(std::string_view text) {
  return bad_request("no path element: " + quote_go(text.substr(0, 128)));
}

} // namespace

path_element path_element::field(std::string_view name) {
  std::string bytes;
  bytes.reserve(name.size() + 1);
  bytes += field_kind;
  bytes += name;
  return path_element{std::move(bytes)};
}

path_element path_element::index(int64_t i) {
  std::string bytes{index_kind};
  put_u64(bytes, static_cast<uint64_t>(i) ^ sign_bit);
  return path_element{std::move(bytes)};
}

path_element path_element::value(const json::value& v) {
  std::string bytes{value_kind};
  put_value(bytes, v);
  return path_element{std::move(bytes)};
}

path_element path_element::key(std::vector<key_field> fields) {
  std::sort(fields.begin(), fields.end(),
            [](const key_field& x, const key_field& y) { return x.first < y.first; });
  std::string bytes{key_kind};
  for (const auto& [name, v] : fields) {
    put_text(bytes, name);
    put_value(bytes, *v);
  }
  return path_element{std::move(bytes)};
}

result<std::optional<path_element>> path_element::parse(std::string_view text) {
  if (text.size() < 2 || text[1] != ':')
    return fail(malformed(text));
  const auto rest = text.substr(2);
  switch (text[0]) {
  case 'f':
    return field(rest);
  case 'i': {
    int64_t n = 0;
    const auto r = std::from_chars(rest.data(), rest.data() + rest.size(), n);
    if (r.ec != std::errc{} || r.ptr != rest.data() + rest.size())
      return fail(malformed(text));
    return index(n);
  }
  case 'v': {
    const auto v = json::parse(rest);
    if (!v)
      return fail(malformed(text));
    return value(*v);
  }
  case 'k': {
    const auto v = json::parse(rest);
    if (!v || !v->IsObject())
      return fail(malformed(text));
    std::vector<key_field> fields;
    for (const auto& m : v->GetObject())
      fields.emplace_back(json::as_string(m.name), &m.value);
    return key(std::move(fields));
  }
  default:
    return std::optional<path_element>{};
  }
}

std::string path_element::text() const {
  auto rest = std::string_view{bytes_}.substr(1);
  switch (bytes_[0]) {
  case field_kind:
    return "f:" + std::string(rest);
  case key_kind:
    return "k:{" + print_key(rest, style::json) + "}";
  case value_kind:
    return "v:" + take_value(rest, style::json);
  default:
    return "i:" + std::to_string(take_index(rest));
  }
}

std::string path_element::print() const {
  auto rest = std::string_view{bytes_}.substr(1);
  switch (bytes_[0]) {
  case field_kind:
    return "." + std::string(rest);
  case key_kind:
    return "[" + print_key(rest, style::message) + "]";
  case value_kind:
    return "[=" + take_value(rest, style::message) + "]";
  default:
    return "[" + std::to_string(take_index(rest)) + "]";
  }
}

std::string print(const path& p) {
  std::string out;
  for (const auto& e : p)
    out += e.print();
  return out;
}

} // namespace thespis::api::apply
