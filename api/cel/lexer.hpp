// Tokens of expressions.
#pragma once

#include "api/cel/source.hpp"

#include <string>
#include <string_view>

namespace thespis::api::cel {

enum class token_kind : uint8_t {
  end,
  identifier,
  quoted_identifier, ///< `with-dashes`
  integer,
  natural, ///< 12u
  real,
  string,
  bytes,
  symbol, ///< an operator or bracket, or one of in, true, false, null
};

struct token {
  token_kind form = token_kind::end;
  uint32_t offset = 0;
  std::string_view text; ///< as written
  std::string decoded;   ///< of string and bytes, and the name of a quoted identifier
};

/// Reads the tokens of one expression, which must outlive it.
class lexer {
public:
  explicit lexer(std::string_view text) : text_(text) {}
  /// The next token. Characters that begin none are told in `found` and skipped.
  token next(issues& found);

private:
  void skip_space();
  token number();
  token quoted(issues& found, size_t prefix);
  token back_quoted(issues& found);
  bool escape(std::string& out, bool bytes, size_t& pos) const;
  token make(token_kind k, size_t end);
  bool digit_at(size_t pos) const;

  std::string_view text_;
  size_t pos_ = 0;
};

} // namespace thespis::api::cel
