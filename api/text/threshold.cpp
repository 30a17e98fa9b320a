#include "api/text/threshold.hpp"

#include "api/text/quantity.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace thespis::api {

namespace {

constexpr std::array known_signals{
    std::string_view{"memory.available"},   std::string_view{"nodefs.available"},
    std::string_view{"nodefs.inodesFree"},  std::string_view{"imagefs.available"},
    std::string_view{"imagefs.inodesFree"}, std::string_view{"pid.available"}};

result<std::string> known_signal(std::string_view name) {
  if (std::find(known_signals.begin(), known_signals.end(), name) == known_signals.end())
    return fail(bad_request("unsupported eviction signal " + std::string{name}));
  return std::string{name};
}

/// A signal, `separator`, and an amount or a share.
result<threshold> parse_threshold(std::string_view text, char separator) {
  const auto sign = text.find(separator);
  if (sign == std::string_view::npos || text.find(separator, sign + 1) != std::string_view::npos)
    return fail(bad_request("invalid eviction threshold syntax " + std::string{text} +
                            (separator == '<' ? ", expected <signal><operator><value>"
                                              : ", expected <signal>=<value>")));
  auto signal = known_signal(text.substr(0, sign));
  if (!signal)
    return fail(std::move(signal.error()));
  threshold res;
  res.signal = std::move(*signal);
  const auto value = text.substr(sign + 1);
  if (value.ends_with('%')) {
    double percent = 0;
    const auto* end = value.data() + value.size() - 1;
    const auto read = std::from_chars(value.data(), end, percent);
    if (read.ec != std::errc{} || read.ptr != end || !(percent >= 0 && percent <= 100))
      return fail(bad_request("eviction percentage threshold " + res.signal +
                              " must be >= 0% and <= 100%: " + std::string{value}));
    res.share = percent / 100;
    return res;
  }
  const auto amount = parse_quantity(value);
  if (!amount)
    return fail(amount.error());
  if (amount->sign() < 0)
    return fail(bad_request("eviction threshold " + res.signal +
                            " must be positive: " + std::string{value}));
  res.quantity = amount->value();
  return res;
}

result<std::vector<threshold>> parse_all(std::string_view text, char separator) {
  std::vector<threshold> res;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto one = parse_threshold(text.substr(0, comma), separator);
    if (!one)
      return fail(std::move(one.error()));
    if (std::any_of(res.begin(), res.end(), [&](const auto& t) { return t.signal == one->signal; }))
      return fail(bad_request("found duplicate eviction threshold for signal " + one->signal));
    res.push_back(std::move(*one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return res;
}

} // namespace

int64_t least_of(const threshold& t, int64_t capacity) {
  return t.share > 0 ? static_cast<int64_t>(t.share * static_cast<double>(capacity)) : t.quantity;
}

result<std::vector<threshold>> parse_thresholds(std::string_view text) {
  return parse_all(text, '<');
}

result<std::vector<threshold>> parse_minimum_reclaims(std::string_view text) {
  return parse_all(text, '=');
}

result<std::map<std::string, std::chrono::nanoseconds>> parse_grace_periods(std::string_view text) {
  std::map<std::string, std::chrono::nanoseconds> res;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = text.substr(0, comma);
    const auto sign = one.find('=');
    if (sign == std::string_view::npos)
      return fail(bad_request("invalid eviction grace period syntax " + std::string{one} +
                              ", expected <signal>=<duration>"));
    auto signal = known_signal(one.substr(0, sign));
    if (!signal)
      return fail(std::move(signal.error()));
    const auto time = parse_duration(one.substr(sign + 1));
    if (!time || *time < std::chrono::nanoseconds::zero())
      return fail(bad_request("invalid eviction grace period specified: " + std::string{one} +
                              ", must be a positive value"));
    res[*signal] = *time;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return res;
}

std::string value_text(const threshold& t) {
  if (t.share > 0) {
    std::array<char, 32> digits{};
    const auto end =
        std::to_chars(digits.begin(), digits.end(), t.share * 100, std::chars_format::general, 6);
    return std::string{digits.begin(), end.ptr} + "%";
  }
  return quantity::of(t.quantity, quantity::notation::binary_si).to_string();
}

} // namespace thespis::api
