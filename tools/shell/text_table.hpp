// Tables for a terminal, as the shell and the bench print them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

/// How many columns a terminal gives a UTF-8 text: code points, for we print no wide ones.
size_t display_width(std::string_view text);

/// The text cut to `width` columns, with "…" as the last of them when something was cut.
std::string fit(std::string_view text, size_t width);

/// What may be coloured; plain texts where output is no terminal.
class palette {
public:
  explicit palette(bool on = false) : on_(on) {}
  bool on() const { return on_; }
  std::string heading(std::string_view s) const { return paint("1", s); }
  std::string dim(std::string_view s) const { return paint("2", s); }
  std::string good(std::string_view s) const { return paint("32", s); }
  std::string warning(std::string_view s) const { return paint("33", s); }
  std::string bad(std::string_view s) const { return paint("31", s); }
  std::string accent(std::string_view s) const { return paint("36", s); }

private:
  std::string paint(std::string_view code, std::string_view s) const;
  bool on_;
};

/// Rows under headings, each column as wide as its widest cell.
class text_table {
public:
  struct column {
    std::string heading;
    bool right = false;   ///< numbers
    bool elastic = false; ///< gives way when the table is too wide
    std::string (palette::*colour)(std::string_view) const = nullptr;
  };

  explicit text_table(std::vector<column> columns) : columns_(std::move(columns)) {}

  /// Cells that are missing are empty; those beyond the columns are dropped.
  void add(std::vector<std::string> cells);
  size_t rows() const { return rows_.size(); }

  /// At most `width` columns wide where elastic columns allow; 0 for no limit. Ends with a newline.
  std::string render(const palette& colours, size_t width = 0) const;

private:
  std::vector<size_t> widths(size_t limit) const;

  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 as "1,234,567".
std::string grouped(uint64_t n);

/// Nanoseconds for people: "830 ns", "12.4 µs", "3.1 ms", "2.5 s", "3 min".
std::string short_duration(uint64_t nanoseconds);

} // namespace thespis::tools
