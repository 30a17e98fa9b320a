#include "api/text/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace thespis::api {

namespace {

constexpr std::string_view standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k <= n; ++k)
      out += alphabet[word >> (18 - 6 * k) & 63];
    if (padded)
      out.append(3 - n, '=');
  }
  return out;
}

std::array<int8_t, 256> inverse(std::string_view alphabet) {
  std::array<int8_t, 256> table;
  table.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
  return table;
}

enum class padding { required, optional };

std::optional<std::string> decode(std::string_view text, const std::array<int8_t, 256>& table,
                                  padding p) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t word = 0;
  size_t digits = 0, pads = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r')
      continue;
    if (c == '=') {
      ++pads;
      continue;
    }
    int v = table[static_cast<unsigned char>(c)];
    if (v < 0 || pads > 0)
      return std::nullopt;
    word = word << 6 | static_cast<uint32_t>(v);
    if (++digits % 4 == 0)
      out.append(
          {static_cast<char>(word >> 16), static_cast<char>(word >> 8), static_cast<char>(word)});
  }
  size_t rest = digits % 4;
  if (rest == 1 || (pads > 0 && (rest == 0 || rest + pads != 4)) ||
      (pads == 0 && rest != 0 && p == padding::required))
    return std::nullopt;
  if (rest == 2)
    out += static_cast<char>(word >> 4);
  if (rest == 3)
    out.append({static_cast<char>(word >> 10), static_cast<char>(word >> 2)});
  return out;
}

} // namespace

std::string encode_base64(std::string_view bytes) {
  return encode(bytes, standard, true);
}

std::optional<std::string> decode_base64(std::string_view text) {
  static const auto table = inverse(standard);
  return decode(text, table, padding::required);
}

std::string encode_base64url(std::string_view bytes) {
  return encode(bytes, url, false);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  static const auto table = inverse(url);
  return decode(text, table, padding::optional);
}

} // namespace thespis::api
