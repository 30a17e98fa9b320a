#include "tools/shell/trace_view.hpp"

#include <algorithm>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

constexpr size_t name_width = 28;
constexpr size_t type_width = 22;

std::string padded(std::string_view text, size_t width) {
  auto res = fit(text, width);
  return res + std::string(width - std::min(width, display_width(res)), ' ');
}

std::string name_of(const json::value& e, const char* key) {
  const auto* v = json::find(e, key);
  const auto name = v != nullptr ? json::get_string(*v, "name") : std::string_view{};
  return name.empty() ? "-" : std::string{name};
}

/// "12:34:56.123456" of an RFC 3339 time.
std::string clock_of(std::string_view time) {
  const auto t = time.find('T');
  return t == std::string_view::npos ? std::string{time}
                                     : std::string{time.substr(t + 1, time.size() - t - 2)};
}

} // namespace

std::string trace_view::show(const json::value& batch) {
  const auto& c = screen_.colours;
  std::string out;
  const auto* events = json::find(batch, "events");
  if (const auto* dropped = json::find(batch, "dropped"); dropped && dropped->IsUint64())
    dropped_ += dropped->GetUint64();
  if (events == nullptr || !events->IsArray())
    return out;
  for (const auto& e : events->GetArray()) {
    if (shown_++ == 0)
      out += c.heading(padded("TIME", 15) + "  " + padded("FROM", name_width) + "    " +
                       padded("TO", name_width) + "  " + padded("MESSAGE", type_width) +
                       "    BYTES  CONTENT") +
             "\n";
    const auto* bytes = json::find(e, "bytes");
    const auto size = bytes && bytes->IsUint64() && bytes->GetUint64() > 0
                          ? grouped(bytes->GetUint64())
                          : std::string{"-"};
    auto text = std::string{json::get_string(e, "text")};
    std::replace(text.begin(), text.end(), '\n', ' ');
    constexpr size_t before = 15 + 2 + name_width + 4 + name_width + 2 + type_width + 2 + 7 + 2;
    if (screen_.width > before + 10)
      text = fit(text, screen_.width - before);
    else if (screen_.width > 0)
      text = fit(text, screen_.width);
    out += c.dim(clock_of(json::get_string(e, "time"))) + "  " +
           padded(name_of(e, "from"), name_width) +
           (json::get_bool(e, "answer") ? c.good(" ⇠  ") : c.accent(" →  ")) +
           padded(name_of(e, "to"), name_width) + "  " +
           c.accent(padded(json::get_string(e, "type"), type_width)) + "  " +
           std::string(7 - std::min<size_t>(7, size.size()), ' ') + size + "  " + c.dim(text) +
           "\n";
  }
  return out;
}

std::string trace_view::summary(std::string_view why) const {
  auto out = "trace ended: " + std::string{why} + "; " + grouped(shown_) + " messages shown";
  if (dropped_ > 0)
    out += ", " + screen_.colours.warning(grouped(dropped_) + " beyond the rate left out");
  return out + "\n";
}

std::string trace_lines(const json::value& batch) {
  std::string out;
  if (const auto* events = json::find(batch, "events"); events && events->IsArray())
    for (const auto& e : events->GetArray())
      out += json::to_string(e) + "\n";
  return out;
}

} // namespace thespis::tools::shell
