#include "api/json.hpp"

#include "api/text/quote.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>

namespace thespis::api::json {

namespace {

constexpr unsigned parse_flags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

/// Why our handler stopped the reader.
enum class stop { none, depth, number, surrogate };

/// Stands between RapidJSON's reader and its document: bounds the depth before anything recursive
/// sees the tree, and reads numbers itself, so that 64-bit integers stay exact.
class guard {
public:
  guard(document& d, unsigned max_depth, bool check_strings)
      : doc_(d), max_depth_(max_depth), check_strings_(check_strings) {}

  stop why = stop::none;
  std::string offender;

  bool Null() { return doc_.Null(); }
  bool Bool(bool b) { return doc_.Bool(b); }
  bool Int(int i) { return doc_.Int(i); }
  bool Uint(unsigned i) { return doc_.Uint(i); }
  bool Int64(int64_t i) { return doc_.Int64(i); }
  bool Uint64(uint64_t i) { return doc_.Uint64(i); }
  bool Double(double d) { return doc_.Double(d); }

  bool RawNumber(const char* s, rapidjson::SizeType n, bool) {
    const char* end = s + n;
    if (std::none_of(s, end, [](char c) { return c == '.' || c == 'e' || c == 'E'; })) {
      int64_t i = 0;
      if (auto [p, ec] = std::from_chars(s, end, i); ec == std::errc{} && p == end)
        return doc_.Int64(i);
      uint64_t u = 0;
      if (auto [p, ec] = std::from_chars(s, end, u); ec == std::errc{} && p == end)
        return doc_.Uint64(u);
    }
    double d = 0;
    auto [p, ec] = std::from_chars(s, end, d);
    // Too small is zero to Go as well; too large is an error there.
    if (ec == std::errc::result_out_of_range && underflows(std::string_view(s, n)))
      return doc_.Double(0.0);
    if (ec != std::errc{} || p != end || !std::isfinite(d)) {
      why = stop::number;
      offender.assign(s, std::min<size_t>(n, 64));
      return false;
    }
    return doc_.Double(d);
  }

  bool String(const char* s, rapidjson::SizeType n, bool) {
    return string_ok(s, n) && doc_.String(s, n, true);
  }
  bool Key(const char* s, rapidjson::SizeType n, bool) {
    return string_ok(s, n) && doc_.Key(s, n, true);
  }
  bool StartObject() { return deeper() && doc_.StartObject(); }
  bool EndObject(rapidjson::SizeType n) { return --depth_, doc_.EndObject(n); }
  bool StartArray() { return deeper() && doc_.StartArray(); }
  bool EndArray(rapidjson::SizeType n) { return --depth_, doc_.EndArray(n); }

private:
  bool deeper() {
    if (++depth_ <= max_depth_)
      return true;
    why = stop::depth;
    return false;
  }

  /// The text is known to be UTF-8, so a decoded string can only be ill-formed where the reader
  /// let an escaped lone low surrogate pass; those encode as 0xED 0xA0 and above.
  bool string_ok(const char* s, size_t n) {
    if (!check_strings_ || !std::memchr(s, 0xED, n) || is_utf8({s, n}))
      return true;
    why = stop::surrogate;
    return false;
  }

  /// Whether an out-of-range number is too small rather than too large.
  static bool underflows(std::string_view s) {
    size_t e = s.find_first_of("eE");
    if (e != s.npos)
      return e + 1 < s.size() && s[e + 1] == '-';
    return s.find('.') != s.npos && s.substr(0, s.find('.')).find_first_of("123456789") == s.npos;
  }

  document& doc_;
  unsigned max_depth_;
  bool check_strings_;
  unsigned depth_ = 0;
};

/// What Go's decoder says about the character at which RapidJSON gave up.
std::string_view complaint(rapidjson::ParseErrorCode code) {
  switch (code) {
  case rapidjson::kParseErrorDocumentRootNotSingular:
    return "after top-level value";
  case rapidjson::kParseErrorObjectMissName:
    return "looking for beginning of object key string";
  case rapidjson::kParseErrorObjectMissColon:
    return "after object key";
  case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
    return "after object key:value pair";
  case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
    return "after array element";
  case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
    return "in \\u hexadecimal character escape";
  case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
    return "in \\u surrogate pair";
  case rapidjson::kParseErrorStringEscapeInvalid:
  case rapidjson::kParseErrorStringInvalidEncoding:
    return "in string literal";
  case rapidjson::kParseErrorNumberTooBig:
  case rapidjson::kParseErrorNumberMissFraction:
  case rapidjson::kParseErrorNumberMissExponent:
    return "in numeric literal";
  default:
    return "looking for beginning of value";
  }
}

std::string describe(const rapidjson::ParseResult& r, const guard& g, std::string_view text,
                     unsigned max_depth) {
  switch (g.why) {
  case stop::depth:
    return "exceeded max depth of " + std::to_string(max_depth);
  case stop::number:
    return "number " + g.offender + " is out of range";
  case stop::surrogate:
    return "lone surrogate in \\u escape before offset " + std::to_string(r.Offset());
  case stop::none:
    break;
  }
  if (r.Code() == rapidjson::kParseErrorNumberTooBig)
    return "number at offset " + std::to_string(r.Offset()) + " is out of range";
  if (r.Offset() >= text.size())
    return "unexpected end of JSON input";
  unsigned n = std::max(1u, utf8_length(text, r.Offset()));
  auto quoted = quote_go(text.substr(r.Offset(), n));
  return "invalid character '" + quoted.substr(1, quoted.size() - 2) + "' " +
         std::string(complaint(r.Code())) + " (offset " + std::to_string(r.Offset()) + ")";
}

/// Runs the reader over `text`; false with `why` set on failure.
bool read(document& doc, std::string_view text, unsigned max_depth, bool check_strings,
          std::string& why) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  guard g(doc, max_depth, check_strings);
  rapidjson::ParseResult r;
  auto generate = [&](document&) {
    r = reader.Parse<parse_flags>(stream, g);
    return !r.IsError();
  };
  doc.Populate(generate);
  if (r.IsError())
    why = describe(r, g, text, max_depth);
  return !r.IsError();
}

std::string_view view(const value& s) {
  return {s.GetString(), s.GetStringLength()};
}

/// Member positions ordered by key, equal keys by position: comparing and finding duplicates stay
/// O(n log n) for objects with as many keys as the request limit allows.
std::vector<rapidjson::SizeType> by_key(const value& obj) {
  std::vector<rapidjson::SizeType> order(obj.MemberCount());
  std::iota(order.begin(), order.end(), 0u);
  auto m = obj.MemberBegin();
  std::sort(order.begin(), order.end(), [m](auto a, auto b) {
    int c = view(m[a].name).compare(view(m[b].name));
    return c != 0 ? c < 0 : a < b;
  });
  return order;
}

constexpr rapidjson::SizeType small_object = 16;

bool has_duplicates(const value& obj) {
  auto n = obj.MemberCount();
  auto m = obj.MemberBegin();
  if (n > small_object) {
    auto order = by_key(obj);
    return std::adjacent_find(order.begin(), order.end(), [m](auto a, auto b) {
             return view(m[a].name) == view(m[b].name);
           }) != order.end();
  }
  for (rapidjson::SizeType i = 1; i < n; ++i)
    for (rapidjson::SizeType j = 0; j < i; ++j)
      if (view(m[i].name) == view(m[j].name))
        return true;
  return false;
}

/// Finds keys that occur twice in one object; keeps the last value at the first one's place.
class duplicate_finder {
public:
  duplicate_finder(allocator& a, std::vector<std::string>& found) : alloc_(a), found_(found) {}

  void walk(value& v, const std::string& path) {
    if (v.IsObject()) {
      if (has_duplicates(v))
        collapse(v, path);
      for (auto& m : v.GetObject())
        if (m.value.IsObject() || m.value.IsArray())
          walk(m.value, join_path(path, view(m.name)));
    } else if (v.IsArray()) {
      for (rapidjson::SizeType i = 0; i < v.Size(); ++i)
        if (v[i].IsObject() || v[i].IsArray())
          walk(v[i], path + "[" + std::to_string(i) + "]");
    }
  }

private:
  static std::string join_path(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  void collapse(value& obj, const std::string& path) {
    auto order = by_key(obj);
    auto m = obj.MemberBegin();
    std::vector<bool> drop(order.size());
    for (size_t i = 1, first = 0; i < order.size(); ++i) {
      if (view(m[order[i]].name) != view(m[order[first]].name)) {
        first = i;
        continue;
      }
      // Names the key once however often it is repeated.
      if (i == first + 1)
        found_.push_back(join_path(path, view(m[order[i]].name)));
      m[order[first]].value.Swap(m[order[i]].value);
      drop[order[i]] = true;
    }
    value kept(rapidjson::kObjectType);
    for (size_t i = 0; i < drop.size(); ++i)
      if (!drop[i])
        kept.AddMember(m[i].name, m[i].value, alloc_);
    obj = kept;
  }

  allocator& alloc_;
  std::vector<std::string>& found_;
};

/// Whether any object of the tree repeats a key: the common answer is no, and costs no paths.
bool any_duplicates(const value& v) {
  if (v.IsObject()) {
    if (has_duplicates(v))
      return true;
    for (const auto& m : v.GetObject())
      if ((m.value.IsObject() || m.value.IsArray()) && any_duplicates(m.value))
        return true;
  } else if (v.IsArray()) {
    for (const auto& e : v.GetArray())
      if ((e.IsObject() || e.IsArray()) && any_duplicates(e))
        return true;
  }
  return false;
}

/// `d` as Go's encoder writes it: shortest, with an exponent only when very small or large.
std::string number_text(double d) {
  if (!std::isfinite(d))
    return "null";
  char buf[400];
  double magnitude = std::fabs(d);
  bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  // Beyond 2^53 the fixed form of to_chars prints digits that Go pads with zeros.
  bool padded = magnitude >= 9007199254740992.0 && !exponent;
  auto r =
      std::to_chars(buf, buf + sizeof buf, d,
                    exponent || padded ? std::chars_format::scientific : std::chars_format::fixed);
  std::string s(buf, r.ptr);
  if (padded) {
    size_t e = s.find('e');
    size_t digits = static_cast<size_t>(std::stoi(s.substr(e + 1))) + 1 + (d < 0 ? 1 : 0);
    s.resize(e);
    std::erase(s, '.');
    s.resize(std::max(s.size(), digits), '0');
  }
  // Go writes e-9 where to_chars writes e-09.
  if (size_t e = s.find("e-0"); exponent && e != s.npos)
    s.erase(e + 2, 1);
  return s;
}

class pretty_writer : public rapidjson::PrettyWriter<rapidjson::StringBuffer> {
public:
  using PrettyWriter::PrettyWriter;
  bool Double(double d) {
    auto s = number_text(d);
    return RawValue(s.data(), s.size(), rapidjson::kNumberType);
  }
};

bool equal_numbers(const value& a, const value& b) {
  if (a.IsDouble() || b.IsDouble())
    return a.GetDouble() == b.GetDouble();
  if (a.IsInt64() && b.IsInt64())
    return a.GetInt64() == b.GetInt64();
  return a.IsUint64() && b.IsUint64() && a.GetUint64() == b.GetUint64();
}

bool equal_objects(const value& a, const value& b) {
  if (a.MemberCount() != b.MemberCount())
    return false;
  auto x = a.MemberBegin();
  auto y = b.MemberBegin();
  if (a.MemberCount() <= small_object) {
    for (const auto& m : a.GetObject()) {
      const value* other = find(b, view(m.name));
      if (!other || !equal(m.value, *other))
        return false;
    }
    return true;
  }
  auto left = by_key(a);
  auto right = by_key(b);
  for (size_t i = 0; i < left.size(); ++i)
    if (view(x[left[i]].name) != view(y[right[i]].name) ||
        !equal(x[left[i]].value, y[right[i]].value))
      return false;
  return true;
}

} // namespace

result<document> parse(std::string_view text, const limits& l,
                       std::vector<std::string>* duplicates) {
  if (text.size() > l.max_bytes) {
    return fail(reason::request_entity_too_large,
                "Request entity too large: limit is " + std::to_string(l.max_bytes));
  }
  // The stream takes NUL for its end; and no JSON text contains one.
  if (size_t nul = text.find('\0'); nul != text.npos)
    return fail(bad_request("json parse error: invalid character '\\x00' (offset " +
                            std::to_string(nul) + ")"));
  if (!is_utf8(text))
    return fail(bad_request("json parse error: invalid UTF-8"));
  document doc;
  std::string why;
  if (!read(doc, text, l.max_depth, true, why))
    return fail(bad_request("json parse error: " + why));
  if (any_duplicates(doc)) {
    std::vector<std::string> found;
    duplicate_finder(doc.GetAllocator(), found).walk(doc, {});
    if (l.refuse_duplicate_keys)
      return fail(bad_request("json parse error: duplicate field " + quote_go(found.front())));
    if (duplicates)
      duplicates->insert(duplicates->end(), found.begin(), found.end());
  }
  return doc;
}

document parse_trusted(std::string_view text) {
  document doc;
  std::string why;
  if (!read(doc, text, limits{}.max_depth, false, why))
    doc.SetNull();
  return doc;
}

bool writer::Double(double d) {
  auto s = number_text(d);
  return RawValue(s.data(), s.size(), rapidjson::kNumberType);
}

std::string to_string(const value& v) {
  rapidjson::StringBuffer out;
  writer w(out);
  v.Accept(w);
  return {out.GetString(), out.GetSize()};
}

std::string to_pretty_string(const value& v) {
  rapidjson::StringBuffer out;
  pretty_writer w(out);
  w.SetIndent(' ', 2);
  v.Accept(w);
  return {out.GetString(), out.GetSize()};
}

std::string quote(std::string_view s) {
  rapidjson::StringBuffer out;
  writer w(out);
  w.String(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()));
  return {out.GetString(), out.GetSize()};
}

const value* find(const value& obj, std::string_view key) {
  if (!obj.IsObject())
    return nullptr;
  for (auto m = obj.MemberBegin(); m != obj.MemberEnd(); ++m)
    if (view(m->name) == key)
      return &m->value;
  return nullptr;
}

value* find(value& obj, std::string_view key) {
  return const_cast<value*>(find(std::as_const(obj), key));
}

const value* at(const value& root, std::initializer_list<std::string_view> path) {
  const value* v = &root;
  for (auto key : path) {
    v = find(*v, key);
    if (!v)
      return nullptr;
  }
  return v;
}

std::string_view get_string(const value& obj, std::string_view key, std::string_view fallback) {
  const value* v = find(obj, key);
  return v && v->IsString() ? view(*v) : fallback;
}

int64_t get_int(const value& obj, std::string_view key, int64_t fallback) {
  const value* v = find(obj, key);
  return v && v->IsInt64() ? v->GetInt64() : fallback;
}

bool get_bool(const value& obj, std::string_view key, bool fallback) {
  const value* v = find(obj, key);
  return v && v->IsBool() ? v->GetBool() : fallback;
}

std::string_view as_string(const value& v) {
  return v.IsString() ? view(v) : std::string_view{};
}

value make_string(std::string_view s, allocator& a) {
  // An empty view may point nowhere, which RapidJSON asserts against.
  return value(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()), a);
}

void set(value& obj, std::string_view key, value v, allocator& a) {
  if (!obj.IsObject())
    obj.SetObject();
  if (value* old = find(obj, key))
    *old = std::move(v);
  else
    obj.AddMember(make_string(key, a), std::move(v), a);
}

void set(value& obj, std::string_view key, std::string_view s, allocator& a) {
  set(obj, key, make_string(s, a), a);
}

void erase(value& obj, std::string_view key) {
  if (!obj.IsObject())
    return;
  for (auto m = obj.MemberBegin(); m != obj.MemberEnd(); ++m)
    if (view(m->name) == key) {
      obj.EraseMember(m);
      return;
    }
}

value& ensure_object(value& obj, std::string_view key, allocator& a) {
  value* v = find(obj, key);
  if (!v || v->IsNull()) {
    set(obj, key, value(rapidjson::kObjectType), a);
    v = find(obj, key);
  }
  return *v;
}

value copy(const value& v, allocator& a) {
  return value(v, a);
}

bool equal(const value& a, const value& b) {
  if (a.IsNumber() || b.IsNumber())
    return a.IsNumber() && b.IsNumber() && equal_numbers(a, b);
  if (a.GetType() != b.GetType())
    return false;
  if (a.IsString())
    return view(a) == view(b);
  if (a.IsObject())
    return equal_objects(a, b);
  if (a.IsArray())
    return std::equal(a.Begin(), a.End(), b.Begin(), b.End(),
                      [](const value& x, const value& y) { return equal(x, y); });
  return true;
}

} // namespace thespis::api::json
