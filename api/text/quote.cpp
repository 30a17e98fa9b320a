#include "api/text/quote.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace thespis::api {

namespace {

/// The escape letter of a control character that has one in Go, or 0.
char short_escape(unsigned char c) {
  switch (c) {
  case '\a':
    return 'a';
  case '\b':
    return 'b';
  case '\f':
    return 'f';
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  case '\v':
    return 'v';
  default:
    return 0;
  }
}

void append_hex(std::string& out, unsigned char c) {
  char buf[8];
  std::snprintf(buf, sizeof buf, "\\x%02x", c);
  out += buf;
}

} // namespace

unsigned utf8_length(std::string_view s, size_t pos) {
  auto at = [&](size_t i) -> unsigned {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u;
  };
  auto tail = [&](size_t i) { return (at(i) & 0xC0u) == 0x80u; };
  unsigned a = at(pos);
  if (a < 0x80)
    return 1;
  if (a < 0xC2)
    return 0;
  unsigned b = at(pos + 1);
  if (a < 0xE0)
    return tail(pos + 1) ? 2 : 0;
  if (a < 0xF0) {
    bool second = tail(pos + 1) && !(a == 0xE0 && b < 0xA0) && !(a == 0xED && b >= 0xA0);
    return second && tail(pos + 2) ? 3 : 0;
  }
  if (a > 0xF4)
    return 0;
  bool second = tail(pos + 1) && !(a == 0xF0 && b < 0x90) && !(a == 0xF4 && b >= 0x90);
  return second && tail(pos + 2) && tail(pos + 3) ? 4 : 0;
}

bool is_utf8(std::string_view s) {
  size_t i = 0;
  while (i < s.size()) {
    // Nearly all bytes are ASCII: eight at a time.
    while (i + 8 <= s.size()) {
      uint64_t word;
      std::memcpy(&word, s.data() + i, 8);
      if (word & 0x8080808080808080ull)
        break;
      i += 8;
    }
    if (i >= s.size())
      break;
    unsigned n = utf8_length(s, i);
    if (n == 0)
      return false;
    i += n;
  }
  return true;
}

std::string quote_go(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 2);
  out += '"';
  for (size_t i = 0; i < s.size();) {
    auto c = static_cast<unsigned char>(s[i]);
    unsigned n = utf8_length(s, i);
    if (n == 0) {
      append_hex(out, c);
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += s[i];
    } else if (char e = short_escape(c)) {
      out += '\\';
      out += e;
    } else if (c < 0x20 || c == 0x7F) {
      append_hex(out, c);
    } else {
      out.append(s, i, n);
    }
    i += n;
  }
  out += '"';
  return out;
}

} // namespace thespis::api
