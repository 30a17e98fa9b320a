#include "tools/shell/text_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace thespis::tools {

namespace {

constexpr size_t gap = 2;
constexpr size_t narrowest = 8; ///< an elastic column keeps at least this

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

} // namespace

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string fit(std::string_view text, size_t width) {
  if (display_width(text) <= width)
    return std::string{text};
  if (width == 0)
    return {};
  size_t end = 0;
  for (size_t kept = 0; end < text.size(); ++end)
    if (!continues(text[end]) && kept++ == width - 1)
      break;
  return std::string{text.substr(0, end)} + "…";
}

std::string palette::paint(std::string_view code, std::string_view s) const {
  if (!on_ || s.empty())
    return std::string{s};
  return "\x1b[" + std::string{code} + "m" + std::string{s} + "\x1b[0m";
}

void text_table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<size_t> text_table::widths(size_t limit) const {
  std::vector<size_t> res;
  size_t total = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto widest = display_width(columns_[i].heading);
    for (const auto& row : rows_)
      widest = std::max(widest, display_width(row[i]));
    res.push_back(widest);
    total += widest + (i == 0 ? 0 : gap);
  }
  while (limit > 0 && total > limit) {
    // The widest elastic column gives way, one step at a time.
    size_t victim = columns_.size();
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].elastic && res[i] > narrowest &&
          (victim == columns_.size() || res[i] > res[victim]))
        victim = i;
    if (victim == columns_.size())
      break;
    --res[victim];
    --total;
  }
  return res;
}

std::string text_table::render(const palette& colours, size_t width) const {
  const auto wide = widths(width);
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, bool heading) {
    std::string pending; // blanks are written only before something
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto& c = columns_[i];
      const auto text = fit(cells[i], wide[i]);
      const std::string blanks(wide[i] - display_width(text), ' ');
      const auto shown = heading    ? colours.heading(text)
                         : c.colour ? (colours.*c.colour)(text)
                                    : text;
      if (i > 0)
        pending.append(gap, ' ');
      if (c.right)
        pending += blanks;
      if (!text.empty()) {
        out += pending + shown;
        pending.clear();
      }
      if (!c.right)
        pending += blanks;
    }
    out += '\n';
  };
  std::vector<std::string> headings;
  for (const auto& c : columns_)
    headings.push_back(c.heading);
  line(headings, true);
  for (const auto& row : rows_)
    line(row, false);
  return out;
}

std::string grouped(uint64_t n) {
  auto res = std::to_string(n);
  for (auto at = static_cast<int64_t>(res.size()) - 3; at > 0; at -= 3)
    res.insert(static_cast<size_t>(at), 1, ',');
  return res;
}

std::string short_duration(uint64_t nanoseconds) {
  const auto ns = static_cast<double>(nanoseconds);
  char text[32];
  if (ns < 1e3)
    std::snprintf(text, sizeof text, "%.0f ns", ns);
  else if (ns < 1e6)
    std::snprintf(text, sizeof text, "%.1f µs", ns / 1e3);
  else if (ns < 1e9)
    std::snprintf(text, sizeof text, "%.1f ms", ns / 1e6);
  else if (ns < 120e9)
    std::snprintf(text, sizeof text, "%.1f s", ns / 1e9);
  else
    std::snprintf(text, sizeof text, "%.0f min", ns / 60e9);
  return text;
}

} // namespace thespis::tools
