#include "api/patch/json_pointer.hpp"

#include "api/text/quote.hpp"

#include <charconv>

namespace thespis::api::patch {

result<std::vector<std::string>> parse_pointer(std::string_view text) {
  std::vector<std::string> tokens;
  if (text.empty())
    return tokens;
  if (text.front() != '/')
    return fail(bad_request("JSON pointer " + quote_go(text) + " must be empty or begin with /"));
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      tokens.emplace_back();
    } else if (text[i] != '~') {
      tokens.back() += text[i];
    } else {
      char code = i + 1 < text.size() ? text[i + 1] : 0;
      if (code != '0' && code != '1')
        return fail(bad_request("JSON pointer " + quote_go(text) + " has ~ without 0 or 1"));
      tokens.back() += code == '0' ? '~' : '/';
      ++i;
    }
  }
  return tokens;
}

std::optional<size_t> parse_index(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token.front() == '0') ||
      token.find_first_not_of("0123456789") != token.npos)
    return std::nullopt;
  size_t n = 0;
  auto [end, ec] = std::from_chars(token.data(), token.data() + token.size(), n);
  if (ec != std::errc{} || end != token.data() + token.size())
    return std::nullopt;
  return n;
}

} // namespace thespis::api::patch
