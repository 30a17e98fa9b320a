#include "api/text/label_parser.hpp"

#include "api/text/names.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace thespis::api {

namespace {

enum class token {
  end,
  identifier,
  comma,
  open,
  close,
  bang,
  equals,
  double_equals,
  not_equals,
  greater,
  less,
  in,
  not_in,
};

struct item {
  token kind = token::end;
  std::string text;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_symbol(char c) {
  return std::string_view("=!(),><").find(c) != std::string_view::npos;
}

item symbol(std::string_view s) {
  bool then_equals = s.size() > 1 && s[1] == '=';
  switch (s[0]) {
  case '=':
    return then_equals ? item{token::double_equals, "=="} : item{token::equals, "="};
  case '!':
    return then_equals ? item{token::not_equals, "!="} : item{token::bang, "!"};
  case '(':
    return {token::open, "("};
  case ')':
    return {token::close, ")"};
  case ',':
    return {token::comma, ","};
  case '>':
    return {token::greater, ">"};
  default:
    return {token::less, "<"};
  }
}

std::vector<item> scan(std::string_view s) {
  std::vector<item> items;
  for (size_t i = 0; i < s.size();) {
    if (is_space(s[i])) {
      ++i;
    } else if (is_symbol(s[i])) {
      items.push_back(symbol(s.substr(i)));
      i += items.back().text.size();
    } else {
      size_t end = i;
      while (end < s.size() && !is_space(s[end]) && !is_symbol(s[end]))
        ++end;
      auto word = s.substr(i, end - i);
      auto kind = word == "in" ? token::in : word == "notin" ? token::not_in : token::identifier;
      items.push_back({kind, std::string(word)});
      i = end;
    }
  }
  items.push_back({});
  return items;
}

std::string expected(const item& found, std::string_view what) {
  return "found '" + found.text + "', expected: " + std::string(what);
}

std::optional<int64_t> integer(std::string_view s) {
  int64_t n = 0;
  if (s.starts_with('+') && !s.starts_with("+-"))
    s.remove_prefix(1);
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (ec != std::errc{} || end != s.data() + s.size())
    return std::nullopt;
  return n;
}

/// A recursive descent without recursion: requirement ("," requirement)*.
class parser {
public:
  explicit parser(std::string_view text) : items_(scan(text)) {}

  result<std::vector<label_requirement>> parse() {
    std::vector<label_requirement> out;
    while (starts_requirement(value())) {
      label_requirement r;
      if (!requirement(r))
        return fail(bad_request("unable to parse requirement: " + why_));
      out.push_back(std::move(r));
      auto next = take();
      if (next.kind == token::end)
        return out;
      if (next.kind != token::comma)
        return fail(bad_request(expected(next, "',' or 'end of string'")));
      if (!starts_requirement(value()))
        return fail(bad_request(expected(value(), "identifier after ','")));
    }
    if (value().kind != token::end)
      return fail(bad_request(expected(value(), "!, identifier, or 'end of string'")));
    return out;
  }

private:
  static bool starts_requirement(const item& i) {
    return i.kind == token::identifier || i.kind == token::bang;
  }

  /// The next item; "in" and "notin" are plain words wherever no operator can stand.
  item value() const {
    item i = items_[std::min(at_, items_.size() - 1)];
    if (i.kind == token::in || i.kind == token::not_in)
      i.kind = token::identifier;
    return i;
  }
  item take() {
    item i = value();
    ++at_;
    return i;
  }

  bool complain(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool requirement(label_requirement& r) {
    auto key = take();
    bool negated = key.kind == token::bang;
    if (negated)
      key = take();
    if (key.kind != token::identifier)
      return complain(expected(key, "identifier"));
    if (auto c = check_qualified_name(key.text); !c.empty())
      return complain("<nil>: Invalid value: " + quote_go(key.text) + ": " + join(c));
    r.key = key.text;
    auto next = value().kind;
    if (negated || next == token::end || next == token::comma) {
      // "!x in (a)" is refused by what must follow a requirement.
      r.op = negated ? label_operator::does_not_exist : label_operator::exists;
      return true;
    }
    return operation(r) && (set_based(r) ? values(r) : exact_value(r)) && sound(r);
  }

  static bool set_based(const label_requirement& r) {
    return r.op == label_operator::in || r.op == label_operator::not_in;
  }

  bool operation(label_requirement& r) {
    const auto& i = items_[std::min(at_++, items_.size() - 1)];
    switch (i.kind) {
    case token::in:
      r.op = label_operator::in;
      return true;
    case token::not_in:
      r.op = label_operator::not_in;
      return true;
    case token::equals:
      r.op = label_operator::equals;
      return true;
    case token::double_equals:
      r.op = label_operator::double_equals;
      return true;
    case token::not_equals:
      r.op = label_operator::not_equals;
      return true;
    case token::greater:
      r.op = label_operator::greater_than;
      return true;
    case token::less:
      r.op = label_operator::less_than;
      return true;
    case token::end:
    case token::identifier:
    case token::comma:
    case token::open:
    case token::close:
    case token::bang:
      break;
    }
    return complain(expected(i, "in, notin, =, ==, !=, gt, lt"));
  }

  bool exact_value(label_requirement& r) {
    auto next = value();
    if (next.kind == token::end || next.kind == token::comma) {
      r.values = {""};
      return true;
    }
    if (next.kind != token::identifier)
      return complain(expected(next, "identifier"));
    r.values = {take().text};
    return true;
  }

  /// "(" [word] ("," [word])* ")"; a missing word is the empty value.
  bool values(label_requirement& r) {
    if (auto open = take(); open.kind != token::open)
      return complain("found '" + open.text + "' expected: '('");
    for (;;) {
      auto i = value();
      if (i.kind == token::identifier) {
        r.values.push_back(take().text);
        i = value();
        if (i.kind != token::comma && i.kind != token::close)
          return complain(expected(i, "',' or ')'"));
      } else if (i.kind == token::comma || i.kind == token::close) {
        r.values.emplace_back();
      } else {
        return complain(expected(i, "',', ')' or identifier"));
      }
      if (take().kind == token::close)
        break;
    }
    std::sort(r.values.begin(), r.values.end());
    r.values.erase(std::unique(r.values.begin(), r.values.end()), r.values.end());
    return true;
  }

  bool sound(const label_requirement& r) {
    auto causes = check_requirement(r, {});
    if (causes.empty())
      return true;
    std::string all;
    for (const auto& c : causes)
      all += (all.empty() ? "" : ", ") + c.field + ": " + c.message;
    return complain(causes.size() == 1 ? all : "[" + all + "]");
  }

  std::vector<item> items_;
  size_t at_ = 0;
  std::string why_;
};

} // namespace

std::vector<cause> check_requirement(const label_requirement& r, std::string_view path) {
  std::vector<cause> out;
  std::string prefix(path);
  if (auto c = check_qualified_name(r.key); !c.empty())
    out.push_back(invalid_value(prefix + "key", quote_go(r.key), join(c)));
  for (size_t i = 0; i < r.values.size(); ++i) {
    const auto& v = r.values[i];
    auto at = prefix + "values[" + std::to_string(i) + "]";
    if ((r.op == label_operator::greater_than || r.op == label_operator::less_than) && !integer(v))
      out.push_back(
          invalid_value(at, quote_go(v), "for 'Gt', 'Lt' operators, the value must be an integer"));
    if (auto c = check_label_value(v); !c.empty())
      out.push_back(invalid_value(at + "[" + r.key + "]", quote_go(v), join(c)));
  }
  return out;
}

result<std::vector<label_requirement>> parse_label_requirements(std::string_view text) {
  return parser(text).parse();
}

} // namespace thespis::api
