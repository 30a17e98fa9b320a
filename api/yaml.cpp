#include "api/yaml.hpp"

#include "api/text/quote.hpp"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <sstream>

namespace thespis::api::yaml {

namespace {

using json::value;

/// Ends parsing from within an event; never leaves this file.
struct refusal {
  int line; ///< 1-based; 0 when unknown
  std::string what;
};

bool any_of(std::string_view s, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), s) != words.end();
}

bool is_null(std::string_view s) {
  return any_of(s, {"", "~", "null", "Null", "NULL"});
}

std::optional<bool> read_bool(std::string_view s) {
  if (any_of(s, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}))
    return true;
  if (any_of(s, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}))
    return false;
  return std::nullopt;
}

/// Decimal, 0x, 0o, 0b and, as in Go, a leading 0 for octal; underscores separate digits.
std::optional<value> read_int(std::string_view text) {
  std::string s(text);
  std::erase(s, '_');
  std::string_view v = s;
  bool negative = v.starts_with('-');
  if (negative || v.starts_with('+'))
    v.remove_prefix(1);
  int base = 10;
  if (v.size() > 1 && v[0] == '0') {
    char kind = static_cast<char>(v[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    v.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(v.data(), v.data() + v.size(), n, base);
  if (v.empty() || ec != std::errc{} || end != v.data() + v.size())
    return std::nullopt;
  constexpr uint64_t lowest = uint64_t{1} << 63;
  if (!negative)
    return value(n);
  if (n > lowest)
    return std::nullopt;
  return value(static_cast<int64_t>(0 - n));
}

/// [-+]?(digits[.digits?]|.digits)([eE][-+]?digits)?
std::optional<double> read_float(std::string_view text) {
  std::string s(text);
  std::erase(s, '_');
  std::string_view v = s;
  if (v.starts_with('+'))
    v.remove_prefix(1);
  auto digits = v.starts_with('-') ? v.substr(1) : v;
  if (digits.empty() || !(std::isdigit(static_cast<unsigned char>(digits[0])) ||
                          (digits[0] == '.' && digits.size() > 1 &&
                           std::isdigit(static_cast<unsigned char>(digits[1])))))
    return std::nullopt;
  double d = 0;
  auto [end, ec] = std::from_chars(v.data(), v.data() + v.size(), d);
  if (ec != std::errc{} || end != v.data() + v.size() || !std::isfinite(d))
    return std::nullopt;
  return d;
}

bool is_special_float(std::string_view s) {
  if (s.starts_with('+') || s.starts_with('-'))
    s.remove_prefix(1);
  return any_of(s, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

enum class scalar { null, boolean, number, special, text };

/// What a plain scalar means; `out` is set for booleans and numbers.
scalar resolve(std::string_view s, value& out) {
  if (is_null(s))
    return scalar::null;
  if (auto b = read_bool(s)) {
    out.SetBool(*b);
    return scalar::boolean;
  }
  if (is_special_float(s))
    return scalar::special;
  // Only these begin numbers; the rest need not be tried.
  if (std::string_view("+-.0123456789").find(s.front()) == std::string_view::npos)
    return scalar::text;
  if (auto i = read_int(s)) {
    out = std::move(*i);
    return scalar::number;
  }
  if (auto d = read_float(s)) {
    out.SetDouble(*d);
    return scalar::number;
  }
  return scalar::text;
}

/// More are not told; the parser goes on.
constexpr size_t max_duplicates = 100;

/// Builds JSON from events and keeps the budgets, before anything recursive sees a tree.
class builder : public YAML::EventHandler {
public:
  /// nullptr for `duplicates`: a repeated key is refused.
  builder(const limits& l, std::vector<json::document>& out, std::vector<std::string>* duplicates)
      : limits_(l), out_(out), duplicates_(duplicates) {}

  void OnDocumentStart(const YAML::Mark&) override {
    doc_ = std::make_unique<json::document>();
    stack_.clear();
    empty_ = true;
  }

  void OnDocumentEnd() override {
    if (!empty_)
      out_.push_back(std::move(*doc_));
    doc_.reset();
  }

  void OnNull(const YAML::Mark& m, YAML::anchor_t anchor) override {
    count(m, anchor);
    if (at_key())
      throw refusal{line(m), "a null cannot be a key"};
    // A document that holds nothing counts as none.
    if (!stack_.empty())
      emit(value());
  }

  void OnAlias(const YAML::Mark& m, YAML::anchor_t) override {
    throw refusal{line(m), "aliases are not supported"};
  }

  void OnScalar(const YAML::Mark& m, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    count(m, anchor);
    auto v = typed(m, tag, text);
    if (!at_key()) {
      if (stack_.empty() && v.IsNull())
        return;
      emit(std::move(v));
      return;
    }
    if (tag == "?" && text == "<<")
      throw refusal{line(m), "merge keys are not supported"};
    if (v.IsNull())
      throw refusal{line(m), "a null cannot be a key"};
    auto key = v.IsString() ? std::string(json::as_string(v)) : json::to_string(v);
    auto& top = stack_.back();
    top.repeats = !top.keys.insert(key).second;
    if (top.repeats)
      note_duplicate(m, key);
    top.key = std::move(key);
    top.has_key = true;
  }

  void OnSequenceStart(const YAML::Mark& m, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(m, tag, "tag:yaml.org,2002:seq", anchor, rapidjson::kArrayType);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& m, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(m, tag, "tag:yaml.org,2002:map", anchor, rapidjson::kObjectType);
  }
  void OnMapEnd() override { close(); }

private:
  struct frame {
    value container;
    std::string key;
    bool has_key = false;
    bool repeats = false; ///< `key` stands in the container already
    std::set<std::string> keys;
  };

  static int line(const YAML::Mark& m) { return m.is_null() ? 0 : m.line + 1; }

  bool at_key() const {
    return !stack_.empty() && stack_.back().container.IsObject() && !stack_.back().has_key;
  }

  void note_duplicate(const YAML::Mark& m, const std::string& key) {
    auto what = "key " + quote_go(key) + " already set in map";
    if (!duplicates_)
      throw refusal{line(m), std::move(what)};
    if (duplicates_->size() < max_duplicates)
      duplicates_->push_back("line " + std::to_string(line(m)) + ": " + what);
  }

  void count(const YAML::Mark& m, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor)
      throw refusal{line(m), "anchors are not supported"};
    if (++nodes_ > limits_.max_nodes)
      throw refusal{line(m), "more than " + std::to_string(limits_.max_nodes) + " values"};
  }

  void open(const YAML::Mark& m, const std::string& tag, std::string_view own_tag,
            YAML::anchor_t anchor, rapidjson::Type type) {
    count(m, anchor);
    if (!tag.empty() && tag != "?" && tag != "!" && tag != own_tag)
      throw refusal{line(m), "unsupported tag " + quote_go(tag)};
    if (at_key())
      throw refusal{line(m), "a key must be a scalar"};
    if (stack_.size() >= limits_.max_depth)
      throw refusal{line(m), "exceeded max depth of " + std::to_string(limits_.max_depth)};
    stack_.emplace_back();
    stack_.back().container = value(type);
  }

  void close() {
    auto done = std::move(stack_.back().container);
    stack_.pop_back();
    emit(std::move(done));
  }

  void emit(value v) {
    empty_ = false;
    auto& a = doc_->GetAllocator();
    if (stack_.empty()) {
      static_cast<value&>(*doc_) = std::move(v);
      return;
    }
    auto& top = stack_.back();
    if (top.container.IsArray()) {
      top.container.PushBack(v, a);
      return;
    }
    if (top.repeats)
      json::set(top.container, top.key, std::move(v), a);
    else
      top.container.AddMember(json::make_string(top.key, a), v, a);
    top.has_key = false;
  }

  /// "?" tags plain scalars, "!" quoted ones.
  value typed(const YAML::Mark& m, const std::string& tag, const std::string& text) {
    constexpr std::string_view core = "tag:yaml.org,2002:";
    auto name = std::string_view(tag);
    if (name == "!" || name == "tag:yaml.org,2002:str")
      return json::make_string(text, doc_->GetAllocator());
    if (!name.empty() && name != "?" && !name.starts_with(core))
      throw refusal{line(m), "unsupported tag " + quote_go(tag)};
    value v;
    auto kind = resolve(text, v);
    if (kind == scalar::special)
      throw refusal{line(m), text + " cannot be written as JSON"};
    if (name.starts_with(core)) {
      name.remove_prefix(core.size());
      bool fits = (name == "null" && kind == scalar::null) ||
                  (name == "bool" && kind == scalar::boolean) ||
                  (name == "int" && kind == scalar::number && !v.IsDouble()) ||
                  (name == "float" && kind == scalar::number);
      if (!fits)
        throw refusal{line(m), "cannot decode " + quote_go(text) + " as a !!" + std::string(name)};
    }
    if (kind == scalar::text)
      return json::make_string(text, doc_->GetAllocator());
    return v;
  }

  const limits& limits_;
  std::vector<json::document>& out_;
  std::vector<std::string>* duplicates_;
  std::unique_ptr<json::document> doc_;
  std::vector<frame> stack_;
  size_t nodes_ = 0;
  bool empty_ = true;
};

error failure(int line, std::string_view what) {
  std::string message = "error converting YAML to JSON: yaml: ";
  if (line > 0)
    message += "line " + std::to_string(line) + ": ";
  return bad_request(message.append(what));
}

/// Whether a string may stand without quotes. Errs towards quoting.
bool plain(std::string_view s) {
  auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/';
  };
  value ignored;
  if (s.empty() || s.size() > 200 || !word(s.front()) || !word(s.back()) ||
      std::isdigit(static_cast<unsigned char>(s.front())) || resolve(s, ignored) != scalar::text)
    return false;
  for (size_t i = 1; i + 1 < s.size(); ++i)
    if (!word(s[i]) && std::string_view(".-+@=").find(s[i]) == std::string_view::npos &&
        !((s[i] == ':' || s[i] == ' ') && word(s[i - 1]) && word(s[i + 1])))
      return false;
  return true;
}

/// Double quotes with JSON's escapes, which YAML shares, and escapes for the characters that JSON
/// leaves bare and YAML forbids or folds.
std::string quoted(std::string_view s) {
  auto text = json::quote(s);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    unsigned n = std::max(1u, utf8_length(text, i));
    auto part = std::string_view(text).substr(i, n);
    if (c == 0x7F)
      out += "\\x7F";
    else if (n == 2 && c == 0xC2 && static_cast<unsigned char>(part[1]) < 0xA0)
      out.append("\\x").append(static_cast<unsigned char>(part[1]) < 0x90 ? "8" : "9") +=
          "0123456789ABCDEF"[part[1] & 15];
    else if (part == "\xE2\x80\xA8")
      out += "\\u2028";
    else if (part == "\xE2\x80\xA9")
      out += "\\u2029";
    else if (part == "\xEF\xBB\xBF")
      out += "\\uFEFF";
    else
      out += part;
    i += n;
  }
  return out;
}

std::string scalar_text(const value& v) {
  if (v.IsString())
    return plain(json::as_string(v)) ? std::string(json::as_string(v)) : quoted(json::as_string(v));
  return json::to_string(v); // also {} and []
}

bool is_block(const value& v) {
  return (v.IsObject() && v.MemberCount() > 0) || (v.IsArray() && !v.Empty());
}

/// Writes `v` at that indentation; `inline_first` when the first line's indentation is written.
/// Recursion is bounded by the depth of parsed JSON.
void write(std::string& out, const value& v, size_t indent, bool inline_first) {
  auto start = [&] {
    if (!inline_first)
      out.append(indent, ' ');
    inline_first = false;
  };
  if (v.IsObject()) {
    for (const auto& m : v.GetObject()) {
      start();
      out += scalar_text(m.name) + ":";
      if (!is_block(m.value)) {
        out += " " + scalar_text(m.value) + "\n";
        continue;
      }
      out += "\n";
      write(out, m.value, m.value.IsArray() ? indent : indent + 2, false);
    }
    return;
  }
  for (const auto& e : v.GetArray()) {
    start();
    out += "- ";
    if (is_block(e))
      write(out, e, indent + 2, true);
    else
      out += scalar_text(e) + "\n";
  }
}

} // namespace

namespace {

result<std::vector<json::document>> read_all(std::string_view text, const limits& l,
                                             std::vector<std::string>* duplicates) {
  if (text.size() > l.max_bytes) {
    return fail(reason::request_entity_too_large,
                "Request entity too large: limit is " + std::to_string(l.max_bytes));
  }
  // NULs would make yaml-cpp guess another encoding.
  if (!is_utf8(text) || text.find('\0') != text.npos)
    return fail(failure(0, "invalid UTF-8, or control characters"));
  std::vector<json::document> out;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    builder b(l, out, duplicates);
    while (parser.HandleNextDocument(b)) {
    }
  } catch (const refusal& r) {
    return fail(failure(r.line, r.what));
  } catch (const YAML::Exception& e) {
    return fail(failure(e.mark.is_null() ? 0 : e.mark.line + 1, e.msg));
  }
  return out;
}

} // namespace

result<std::vector<json::document>> parse_all(std::string_view text, const limits& l) {
  return read_all(text, l, nullptr);
}

result<json::document> parse(std::string_view text, const limits& l,
                             std::vector<std::string>* duplicates) {
  auto all = read_all(text, l, duplicates);
  if (!all)
    return fail(std::move(all.error()));
  if (all->empty())
    return json::document{};
  if (all->size() > 1)
    return fail(failure(0, "expected one document, found " + std::to_string(all->size())));
  return std::move(all->front());
}

std::string to_yaml(const json::value& v) {
  if (!is_block(v))
    return scalar_text(v) + "\n";
  std::string out;
  write(out, v, 0, false);
  return out;
}

} // namespace thespis::api::yaml
