#include "api/cel/source.hpp"

#include <algorithm>

namespace thespis::api::cel {

namespace {

constexpr size_t max_told = 100;

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

size_t code_points(std::string_view s) {
  return std::count_if(s.begin(), s.end(), [](char c) { return !continues(c); });
}

void append(std::string& out, std::string_view text, const issue& i) {
  auto offset = std::min<size_t>(i.offset, text.size());
  auto before = text.substr(0, offset);
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  auto start = before.rfind('\n');
  start = start == std::string_view::npos ? 0 : start + 1;
  auto end = text.find('\n', start);
  auto snippet = std::string{text.substr(start, end == std::string_view::npos ? end : end - start)};
  std::replace(snippet.begin(), snippet.end(), '\t', ' ');
  auto column = code_points(text.substr(start, offset - start));
  out += "ERROR: <input>:" + std::to_string(line) + ":" + std::to_string(column + 1) + ": " +
         i.message + "\n | " + snippet + "\n | ";
  out.append(column, '.');
  out += '^';
}

} // namespace

std::string describe(std::string_view text, issues found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const issue& a, const issue& b) { return a.offset < b.offset; });
  std::string out;
  for (size_t n = 0; n < found.size() && n < max_told; ++n) {
    if (n != 0)
      out += '\n';
    append(out, text, found[n]);
  }
  if (found.size() > max_told)
    out += "\n" + std::to_string(found.size() - max_told) + " more errors were truncated";
  return out;
}

} // namespace thespis::api::cel
