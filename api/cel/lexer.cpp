#include "api/cel/lexer.hpp"

#include "api/text/quote.hpp"

#include <array>

namespace thespis::api::cel {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex(char c) {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

constexpr std::array<std::string_view, 6> two_characters = {"==", "!=", "<=", ">=", "&&", "||"};
constexpr std::string_view one_character = "[]{}()<>.,:?-+*/%!";

/// What precedes the quote of a literal: r, b, and both in any order and case.
size_t literal_prefix(std::string_view s) {
  size_t n = 0;
  bool raw = false, bytes = false;
  for (; n < s.size() && n < 2; ++n) {
    if ((s[n] == 'r' || s[n] == 'R') && !raw)
      raw = true;
    else if ((s[n] == 'b' || s[n] == 'B') && !bytes)
      bytes = true;
    else
      break;
  }
  return n < s.size() && (s[n] == '"' || s[n] == '\'') ? n : std::string_view::npos;
}

} // namespace

bool lexer::digit_at(size_t pos) const {
  return pos < text_.size() && is_digit(text_[pos]);
}

void lexer::skip_space() {
  while (pos_ < text_.size()) {
    auto c = text_[pos_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      ++pos_;
    } else if (text_.substr(pos_, 2) == "//") {
      auto end = text_.find('\n', pos_);
      pos_ = end == std::string_view::npos ? text_.size() : end;
    } else {
      break;
    }
  }
}

token lexer::make(token_kind k, size_t end) {
  token t;
  t.form = k;
  t.offset = static_cast<uint32_t>(pos_);
  t.text = text_.substr(pos_, end - pos_);
  pos_ = end;
  return t;
}

token lexer::next(issues& found) {
  for (;;) {
    skip_space();
    if (pos_ >= text_.size())
      return make(token_kind::end, pos_);
    auto c = text_[pos_];
    if (auto prefix = literal_prefix(text_.substr(pos_)); prefix != std::string_view::npos)
      return quoted(found, prefix);
    if (is_letter(c)) {
      auto end = pos_;
      while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end])))
        ++end;
      auto word = text_.substr(pos_, end - pos_);
      auto keyword = word == "in" || word == "true" || word == "false" || word == "null";
      return make(keyword ? token_kind::symbol : token_kind::identifier, end);
    }
    if (is_digit(c) || (c == '.' && digit_at(pos_ + 1)))
      return number();
    if (c == '`')
      return back_quoted(found);
    for (auto s : two_characters)
      if (text_.substr(pos_, 2) == s)
        return make(token_kind::symbol, pos_ + 2);
    if (one_character.find(c) != std::string_view::npos)
      return make(token_kind::symbol, pos_ + 1);
    auto length = std::max(1U, utf8_length(text_, pos_));
    found.push_back({static_cast<uint32_t>(pos_), "Syntax error: token recognition error at: '" +
                                                      std::string{text_.substr(pos_, length)} +
                                                      "'"});
    pos_ += length;
  }
}

token lexer::number() {
  auto end = pos_;
  auto form = token_kind::integer;
  if (text_.substr(pos_, 2) == "0x" && pos_ + 2 < text_.size() && hex(text_[pos_ + 2]) >= 0) {
    end += 2;
    while (end < text_.size() && hex(text_[end]) >= 0)
      ++end;
  } else {
    while (digit_at(end))
      ++end;
    if (end < text_.size() && text_[end] == '.' && digit_at(end + 1)) {
      form = token_kind::real;
      for (++end; digit_at(end);)
        ++end;
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      auto exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-'))
        ++exponent;
      if (digit_at(exponent)) {
        form = token_kind::real;
        for (end = exponent; digit_at(end);)
          ++end;
      }
    }
  }
  if (form == token_kind::integer && end < text_.size() &&
      (text_[end] == 'u' || text_[end] == 'U')) {
    form = token_kind::natural;
    ++end;
  }
  return make(form, end);
}

token lexer::back_quoted(issues& found) {
  auto end = text_.find('`', pos_ + 1);
  if (end == std::string_view::npos) {
    found.push_back({static_cast<uint32_t>(pos_), "Syntax error: token recognition error at: '" +
                                                      std::string{text_.substr(pos_)} + "'"});
    return make(token_kind::end, text_.size());
  }
  auto name = std::string{text_.substr(pos_ + 1, end - pos_ - 1)};
  auto t = make(token_kind::quoted_identifier, end + 1);
  t.decoded = std::move(name);
  return t;
}

bool lexer::escape(std::string& out, bool bytes, size_t& pos) const {
  constexpr std::string_view from = "abfnrtv\\?\"'`";
  constexpr std::string_view to = "\a\b\f\n\r\t\v\\?\"'`";
  if (pos >= text_.size())
    return false;
  auto c = text_[pos++];
  if (auto n = from.find(c); n != std::string_view::npos) {
    out += to[n];
    return true;
  }
  size_t digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  uint32_t code = 0;
  if (digits != 0) {
    if (bytes && digits != 2)
      return false;
    for (size_t n = 0; n < digits; ++n, ++pos) {
      if (pos >= text_.size() || hex(text_[pos]) < 0)
        return false;
      code = code << 4 | static_cast<uint32_t>(hex(text_[pos]));
    }
  } else if (c >= '0' && c <= '3') {
    code = static_cast<uint32_t>(c - '0');
    for (size_t n = 0; n < 2; ++n, ++pos) {
      if (pos >= text_.size() || text_[pos] < '0' || text_[pos] > '7')
        return false;
      code = code << 3 | static_cast<uint32_t>(text_[pos] - '0');
    }
  } else {
    return false;
  }
  if (bytes) {
    out += static_cast<char>(code);
    return true;
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    return false;
  append_utf8(out, code);
  return true;
}

token lexer::quoted(issues& found, size_t prefix) {
  auto marks = text_.substr(pos_, prefix);
  auto raw = marks.find_first_of("rR") != std::string_view::npos;
  auto bytes = marks.find_first_of("bB") != std::string_view::npos;
  auto pos = pos_ + prefix;
  auto quote = text_.substr(pos, 3);
  auto triple = quote.size() == 3 && quote[0] == quote[1] && quote[1] == quote[2];
  quote = text_.substr(pos, triple ? 3 : 1);
  pos += quote.size();
  std::string out;
  while (pos < text_.size() && text_.substr(pos, quote.size()) != quote) {
    auto c = text_[pos];
    if (!triple && (c == '\n' || c == '\r'))
      break;
    ++pos;
    if (c != '\\' || raw) {
      out += c;
    } else if (!escape(out, bytes, pos)) {
      pos = text_.size();
    }
  }
  if (text_.substr(std::min(pos, text_.size()), quote.size()) != quote) {
    found.push_back({static_cast<uint32_t>(pos_), "Syntax error: token recognition error at: '" +
                                                      std::string{text_.substr(pos_)} + "'"});
    return make(token_kind::end, text_.size());
  }
  auto t = make(bytes ? token_kind::bytes : token_kind::string, pos + quote.size());
  t.decoded = std::move(out);
  return t;
}

} // namespace thespis::api::cel
