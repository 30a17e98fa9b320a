// A recursive descent over the grammar of the language definition.

#include "api/cel/ast.hpp"
#include "api/cel/lexer.hpp"
#include "api/cel/macros.hpp"

#include <charconv>

namespace thespis::api::cel {

namespace {

constexpr std::string_view operand_starts =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, "
    "BYTES, IDENTIFIER}";

class parser {
public:
  parser(ast& out, issues& found) : out_(out), found_(found), lexer_(out.text) { advance(); }

  expr* run() {
    auto* root = ternary();
    if (root == nullptr)
      return nullptr;
    if (now_.form != token_kind::end)
      return unexpected("extraneous input", "<EOF>");
    return root;
  }

private:
  /// Counts one level while it lives, so that no input recurses without bound.
  struct level {
    explicit level(parser& p) : owner(p) { ++owner.depth_; }
    ~level() { --owner.depth_; }
    level(const level&) = delete;
    parser& owner;
  };

  void advance() { now_ = lexer_.next(found_); }
  bool at(std::string_view symbol) const {
    return now_.form == token_kind::symbol && now_.text == symbol;
  }
  bool accept(std::string_view symbol) {
    if (!at(symbol))
      return false;
    advance();
    return true;
  }

  std::nullptr_t fail_at(uint32_t offset, std::string message) {
    if (!failed_)
      found_.push_back({offset, std::move(message)});
    failed_ = true;
    return nullptr;
  }

  std::nullptr_t unexpected(std::string_view what, std::string_view expected) {
    auto text = now_.form == token_kind::end ? "<EOF>" : std::string{now_.text};
    return fail_at(now_.offset, "Syntax error: " + std::string{what} + " '" + text +
                                    "' expecting " + std::string{expected});
  }

  bool expect(std::string_view symbol) {
    if (accept(symbol))
      return true;
    unexpected(now_.form == token_kind::end ? "missing '" + std::string{symbol} + "' at"
                                            : std::string{"mismatched input"},
               "'" + std::string{symbol} + "'");
    return false;
  }

  bool too_deep() {
    if (depth_ <= max_expression_depth)
      return false;
    fail_at(now_.offset,
            "expression recursion limit exceeded: " + std::to_string(max_expression_depth));
    return true;
  }

  expr* make(node form, uint32_t offset) {
    auto& e = out_.nodes.emplace_back();
    e.form = form;
    e.offset = offset;
    return &e;
  }

  expr* call(uint32_t offset, std::string name, std::vector<expr*> args) {
    auto* e = make(node::call, offset);
    e->name = std::move(name);
    e->args = std::move(args);
    return e;
  }

  expr* ternary();
  expr* disjunction();
  expr* conjunction();
  expr* relation();
  expr* sum();
  expr* product();
  expr* unary();
  expr* member();
  expr* suffix(expr* e);
  expr* index(expr* e);
  expr* primary();
  expr* named(bool absolute);
  expr* list();
  expr* map();
  expr* structure(std::string name);
  expr* number(bool negative);
  expr* text();
  bool arguments(std::vector<expr*>& out);
  expr* finish_call(uint32_t offset, std::string name, expr* target);
  expr* balance(std::string_view op, const std::vector<expr*>& terms,
                const std::vector<uint32_t>& offsets, size_t from, size_t to);

  ast& out_;
  issues& found_;
  lexer lexer_;
  token now_;
  unsigned depth_ = 0;
  bool failed_ = false;
};

expr* parser::ternary() {
  level here{*this};
  if (too_deep())
    return nullptr;
  auto* condition = disjunction();
  if (condition == nullptr || !at("?"))
    return condition;
  auto offset = now_.offset;
  advance();
  auto* yes = disjunction();
  if (yes == nullptr || !expect(":"))
    return nullptr;
  auto* no = ternary();
  return no == nullptr ? nullptr : call(offset, "_?_:_", {condition, yes, no});
}

/// Chains of && and || become balanced trees, so that long ones are not deep.
expr* parser::balance(std::string_view op, const std::vector<expr*>& terms,
                      const std::vector<uint32_t>& offsets, size_t from, size_t to) {
  if (from == to)
    return terms[from];
  auto middle = (from + to) / 2;
  auto* left = balance(op, terms, offsets, from, middle);
  auto* right = balance(op, terms, offsets, middle + 1, to);
  return call(offsets[middle], std::string{op}, {left, right});
}

expr* parser::disjunction() {
  std::vector<expr*> terms{conjunction()};
  std::vector<uint32_t> offsets;
  while (terms.back() != nullptr && at("||")) {
    offsets.push_back(now_.offset);
    advance();
    terms.push_back(conjunction());
  }
  return terms.back() == nullptr ? nullptr : balance("_||_", terms, offsets, 0, terms.size() - 1);
}

expr* parser::conjunction() {
  std::vector<expr*> terms{relation()};
  std::vector<uint32_t> offsets;
  while (terms.back() != nullptr && at("&&")) {
    offsets.push_back(now_.offset);
    advance();
    terms.push_back(relation());
  }
  return terms.back() == nullptr ? nullptr : balance("_&&_", terms, offsets, 0, terms.size() - 1);
}

expr* parser::relation() {
  auto* left = sum();
  auto depth = depth_;
  while (left != nullptr && !too_deep() &&
         (at("<") || at("<=") || at(">=") || at(">") || at("==") || at("!=") || at("in"))) {
    ++depth_;
    auto name = at("in") ? std::string{"@in"} : "_" + std::string{now_.text} + "_";
    auto offset = now_.offset;
    advance();
    auto* right = sum();
    left = right == nullptr ? nullptr : call(offset, std::move(name), {left, right});
  }
  depth_ = depth;
  return failed_ ? nullptr : left;
}

expr* parser::sum() {
  auto* left = product();
  auto depth = depth_;
  while (left != nullptr && !too_deep() && (at("+") || at("-"))) {
    ++depth_;
    auto name = "_" + std::string{now_.text} + "_";
    auto offset = now_.offset;
    advance();
    auto* right = product();
    left = right == nullptr ? nullptr : call(offset, std::move(name), {left, right});
  }
  depth_ = depth;
  return failed_ ? nullptr : left;
}

expr* parser::product() {
  auto* left = unary();
  auto depth = depth_;
  while (left != nullptr && !too_deep() && (at("*") || at("/") || at("%"))) {
    ++depth_;
    auto name = "_" + std::string{now_.text} + "_";
    auto offset = now_.offset;
    advance();
    auto* right = unary();
    left = right == nullptr ? nullptr : call(offset, std::move(name), {left, right});
  }
  depth_ = depth;
  return failed_ ? nullptr : left;
}

expr* parser::unary() {
  if (!at("!") && !at("-"))
    return member();
  auto op = now_.text;
  auto offset = now_.offset;
  size_t count = 0;
  for (; now_.form == token_kind::symbol && now_.text == op; ++count)
    advance();
  auto numeric = now_.form == token_kind::integer || now_.form == token_kind::real;
  if (op == "-" && numeric) {
    // The sign belongs to the literal, as the smallest integer has no positive one.
    auto* literal = suffix(number(true));
    --count;
    if (literal == nullptr || count % 2 == 0)
      return literal;
    return call(offset, "-_", {literal});
  }
  auto* operand = member();
  if (operand == nullptr || count % 2 == 0)
    return operand;
  return call(offset, op == "!" ? "!_" : "-_", {operand});
}

expr* parser::member() {
  return suffix(primary());
}

expr* parser::index(expr* e) {
  auto offset = now_.offset;
  advance();
  auto optional = accept("?");
  auto* key = ternary();
  if (key == nullptr || !expect("]"))
    return nullptr;
  return call(offset, optional ? "_[?_]" : "_[_]", {e, key});
}

expr* parser::suffix(expr* e) {
  auto depth = depth_;
  while (e != nullptr && !too_deep() && (at(".") || at("["))) {
    ++depth_;
    if (at("[")) {
      e = index(e);
      continue;
    }
    auto offset = now_.offset;
    advance();
    auto optional = accept("?");
    if (now_.form != token_kind::identifier && now_.form != token_kind::quoted_identifier) {
      e = unexpected(now_.form == token_kind::end ? "no viable alternative at input"
                                                  : "mismatched input",
                     "IDENTIFIER");
      break;
    }
    auto name = now_.decoded.empty() ? std::string{now_.text} : now_.decoded;
    auto plain = now_.form == token_kind::identifier;
    advance();
    if (at("(") && plain && !optional) {
      e = finish_call(now_.offset, std::move(name), e);
      continue;
    }
    auto* operand = e;
    if (optional) {
      auto* field = make(node::literal, offset);
      field->literal = value::of(out_.strings.emplace_back(name));
      e = call(offset, "_?._", {operand, field});
    } else {
      e = make(node::select, offset);
      e->args = {operand};
    }
    e->name = optional ? e->name : std::move(name);
  }
  depth_ = depth;
  return failed_ ? nullptr : e;
}

bool parser::arguments(std::vector<expr*>& out) {
  advance();
  if (accept(")"))
    return true;
  for (;;) {
    auto* argument = ternary();
    if (argument == nullptr)
      return false;
    out.push_back(argument);
    if (accept(")"))
      return true;
    if (!expect(","))
      return false;
  }
}

expr* parser::finish_call(uint32_t offset, std::string name, expr* target) {
  std::vector<expr*> args;
  if (target != nullptr)
    args.push_back(target);
  if (!arguments(args))
    return nullptr;
  auto* e = call(offset, std::move(name), std::move(args));
  e->member = target != nullptr;
  auto before = found_.size();
  e = expand(e, out_, found_);
  failed_ = failed_ || found_.size() != before;
  return failed_ ? nullptr : e;
}

expr* parser::primary() {
  auto offset = now_.offset;
  switch (now_.form) {
  case token_kind::integer:
  case token_kind::natural:
  case token_kind::real:
    return number(false);
  case token_kind::string:
  case token_kind::bytes:
    return text();
  case token_kind::identifier:
    return named(false);
  default:
    break;
  }
  if (at("true") || at("false") || at("null")) {
    auto* e = make(node::literal, offset);
    if (!at("null"))
      e->literal = value::of(at("true"));
    advance();
    return e;
  }
  if (accept("(")) {
    auto* e = ternary();
    return e != nullptr && expect(")") ? e : nullptr;
  }
  if (at("["))
    return list();
  if (at("{"))
    return map();
  if (accept(".")) {
    if (now_.form == token_kind::identifier)
      return named(true);
    return unexpected("mismatched input", "IDENTIFIER");
  }
  return unexpected("mismatched input", operand_starts);
}

/// An identifier, a call, or a struct whose name has dots.
expr* parser::named(bool absolute) {
  auto start = now_;
  advance();
  if (at("("))
    return finish_call(now_.offset, std::string{start.text}, nullptr);
  if (at("{"))
    return structure(std::string{start.text});
  auto* e = make(node::ident, start.offset);
  e->name = std::string{start.text};
  e->absolute = absolute;
  // A chain of names before '{' names a struct.
  auto saved_lexer = lexer_;
  auto saved = now_;
  auto told = found_.size();
  auto dotted = e->name;
  while (at(".")) {
    advance();
    if (now_.form != token_kind::identifier)
      break;
    dotted += "." + std::string{now_.text};
    advance();
    if (at("{"))
      return structure(std::move(dotted));
  }
  lexer_ = saved_lexer;
  now_ = saved;
  found_.resize(told);
  return e;
}

expr* parser::list() {
  auto* e = make(node::list, now_.offset);
  advance();
  while (!at("]")) {
    e->maybe.push_back(accept("?"));
    auto* element = ternary();
    if (element == nullptr)
      return nullptr;
    e->args.push_back(element);
    if (!accept(","))
      break;
  }
  return expect("]") ? e : nullptr;
}

expr* parser::map() {
  auto* e = make(node::map, now_.offset);
  advance();
  while (!at("}")) {
    e->maybe.push_back(accept("?"));
    auto* key = ternary();
    if (key == nullptr || !expect(":"))
      return nullptr;
    auto* held = ternary();
    if (held == nullptr)
      return nullptr;
    e->args.push_back(key);
    e->args.push_back(held);
    if (!accept(","))
      break;
  }
  return expect("}") ? e : nullptr;
}

expr* parser::structure(std::string name) {
  auto* e = make(node::structure, now_.offset);
  e->name = std::move(name);
  advance();
  while (!at("}")) {
    e->maybe.push_back(accept("?"));
    if (now_.form != token_kind::identifier && now_.form != token_kind::quoted_identifier)
      return unexpected("mismatched input", "IDENTIFIER");
    e->fields.push_back(now_.decoded.empty() ? std::string{now_.text} : now_.decoded);
    advance();
    e->colons.push_back(now_.offset);
    if (!expect(":"))
      return nullptr;
    auto* held = ternary();
    if (held == nullptr)
      return nullptr;
    e->args.push_back(held);
    if (!accept(","))
      break;
  }
  return expect("}") ? e : nullptr;
}

expr* parser::number(bool negative) {
  auto* e = make(node::literal, now_.offset);
  auto written = now_.text;
  if (now_.form == token_kind::real) {
    double d = 0;
    auto start = written.front() == '.' ? "0" + std::string{written} : std::string{written};
    auto done = std::from_chars(start.data(), start.data() + start.size(), d);
    if (done.ec != std::errc{})
      return fail_at(now_.offset, "invalid double literal");
    e->literal = value::of(negative ? -d : d);
    advance();
    return e;
  }
  auto natural = now_.form == token_kind::natural;
  auto digits = natural ? written.substr(0, written.size() - 1) : written;
  auto base = digits.substr(0, 2) == "0x" ? 16 : 10;
  if (base == 16)
    digits.remove_prefix(2);
  uint64_t n = 0;
  auto done = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
  auto limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (done.ec != std::errc{} || (!natural && n > limit))
    return fail_at(now_.offset, natural ? "invalid uint literal" : "invalid int literal");
  e->literal = natural
                   ? value::of_uint(n)
                   : value::of(negative ? static_cast<int64_t>(0 - n) : static_cast<int64_t>(n));
  advance();
  return e;
}

expr* parser::text() {
  auto* e = make(node::literal, now_.offset);
  const auto& kept = out_.strings.emplace_back(now_.decoded);
  e->literal = now_.form == token_kind::bytes ? value::of_bytes(kept) : value::of(kept);
  advance();
  return e;
}

} // namespace

void parse(std::string_view text, ast& out, issues& found) {
  out.text = std::string{text};
  auto size = code_points(text);
  if (size > max_expression_size) {
    found.push_back({0, "expression code point size exceeds limit: size: " + std::to_string(size) +
                            ", limit " + std::to_string(max_expression_size)});
    return;
  }
  auto* root = parser{out, found}.run();
  out.root = found.empty() ? root : nullptr;
}

} // namespace thespis::api::cel
