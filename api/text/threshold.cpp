#include "api/text/threshold.hpp"

#include "api/text/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace thespis::api {

namespace {

constexpr std::array known_signals{
    std::string_view{"memory.available"},   std::string_view{"nodefs.available"},
    std::string_view{"nodefs.inodesFree"},  std::string_view{"imagefs.available"},
    std::string_view{"imagefs.inodesFree"}, std::string_view{"pid.available"}};

result<threshold> parse_threshold(std::string_view text) {
  const auto sign = text.find('<');
  if (sign == std::string_view::npos || text.find('<', sign + 1) != std::string_view::npos)
    return fail(bad_request("invalid eviction threshold syntax " + std::string{text} +
                            ", expected <signal><operator><value>"));
  threshold res;
  res.signal = text.substr(0, sign);
  if (std::find(known_signals.begin(), known_signals.end(), res.signal) == known_signals.end())
    return fail(bad_request("unsupported eviction signal " + res.signal));
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

} // namespace

int64_t least_of(const threshold& t, int64_t capacity) {
  return t.share > 0 ? static_cast<int64_t>(t.share * static_cast<double>(capacity)) : t.quantity;
}

result<std::vector<threshold>> parse_thresholds(std::string_view text) {
  std::vector<threshold> res;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto one = parse_threshold(text.substr(0, comma));
    if (!one)
      return fail(std::move(one.error()));
    if (std::any_of(res.begin(), res.end(), [&](const auto& t) { return t.signal == one->signal; }))
      return fail(bad_request("found duplicate eviction threshold for signal " + one->signal));
    res.push_back(std::move(*one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return res;
}

} // namespace thespis::api
