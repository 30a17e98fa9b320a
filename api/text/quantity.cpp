#include "api/text/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace thespis::api {

namespace {

__extension__ using wide = __int128;

constexpr wide nano = 1'000'000'000;
/// 10^28 units: two of these still add up within 128 bits of nanos.
constexpr wide clamp = wide{10'000'000'000'000'000'000ull} * 1'000'000'000 * nano;
/// What Kubernetes caps binary quantities at.
constexpr wide binary_clamp = wide{INT64_MAX} * nano;

constexpr std::string_view format_message = "quantities must match the regular expression "
                                            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// A suffix means 10^exponent or 2^exponent.
struct scale {
  int base = 10;
  int64_t exponent = 0;
  quantity::notation format = quantity::notation::decimal_si;
};

constexpr std::string_view decimal_suffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
constexpr std::string_view binary_suffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

std::optional<scale> read_suffix(std::string_view s) {
  for (size_t i = 0; i < std::size(decimal_suffixes); ++i)
    if (s == decimal_suffixes[i])
      return scale{10, static_cast<int64_t>(i) * 3 - 9, quantity::notation::decimal_si};
  for (size_t i = 1; i < std::size(binary_suffixes); ++i)
    if (s == binary_suffixes[i])
      return scale{2, static_cast<int64_t>(i) * 10, quantity::notation::binary_si};
  if (s.size() < 2 || (s[0] != 'e' && s[0] != 'E'))
    return std::nullopt;
  s.remove_prefix(1);
  if (s.front() == '+' && s.size() > 1 && s[1] != '-')
    s.remove_prefix(1);
  int64_t exponent = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), exponent);
  if (ec != std::errc{} || end != s.data() + s.size())
    return std::nullopt;
  // Kept small enough to add the length of any text to it.
  exponent = std::clamp<int64_t>(exponent, -(int64_t{1} << 40), int64_t{1} << 40);
  return scale{10, exponent, quantity::notation::decimal_exponent};
}

/// The parts of "-1.5Gi".
struct spelling {
  bool negative = false;
  std::string_view whole, fraction, suffix;
};

std::string_view take_digits(std::string_view& s) {
  size_t n = std::min(s.find_first_not_of("0123456789"), s.size());
  auto digits = s.substr(0, n);
  s.remove_prefix(n);
  return digits;
}

std::optional<spelling> split(std::string_view s) {
  spelling out;
  if (!s.empty() && (s.front() == '-' || s.front() == '+')) {
    out.negative = s.front() == '-';
    s.remove_prefix(1);
  }
  out.whole = take_digits(s);
  if (!s.empty() && s.front() == '.') {
    s.remove_prefix(1);
    out.fraction = take_digits(s);
  }
  if (out.whole.empty() && out.fraction.empty())
    return std::nullopt;
  out.suffix = s;
  s.remove_prefix(std::min(s.find_first_not_of("eEinumkKMGTP"), s.size()));
  if (!s.empty() && (s.front() == '-' || s.front() == '+'))
    s.remove_prefix(1);
  take_digits(s);
  if (!s.empty())
    return std::nullopt;
  return out;
}

/// |value| in nanos, rounded up; more than `clamp` stands for anything larger.
wide decimal_nanos(const spelling& s, int64_t exponent) {
  std::string digits(s.whole);
  digits += s.fraction;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty())
    return 0;
  // The value is 0.digits * 10^point nanos.
  int64_t point =
      static_cast<int64_t>(digits.size()) - static_cast<int64_t>(s.fraction.size()) + exponent + 9;
  if (point > 38)
    return clamp + 1;
  if (point <= 0)
    return 1; // less than a nano, but something
  wide n = 0;
  for (int64_t i = 0; i < point; ++i)
    n = n * 10 +
        (static_cast<size_t>(i) < digits.size() ? digits[static_cast<size_t>(i)] - '0' : 0);
  bool more = static_cast<size_t>(point) < digits.size() &&
              digits.find_first_not_of('0', static_cast<size_t>(point)) != digits.npos;
  return n + (more ? 1 : 0);
}

wide binary_nanos(const spelling& s, int64_t exponent) {
  const wide unit = (wide{1} << exponent) * nano;
  wide whole = 0;
  for (char c : s.whole) {
    whole = whole * 10 + (c - '0');
    if (whole > INT64_MAX)
      return clamp + 1;
  }
  if (whole > binary_clamp / unit)
    return clamp + 1;
  // The fraction from its last digit to its first: flooring at each step floors the whole.
  wide fraction = 0;
  bool more = false;
  for (size_t i = s.fraction.size(); i-- > 0;) {
    wide n = (s.fraction[i] - '0') * unit + fraction;
    more = more || n % 10 != 0;
    fraction = n / 10;
  }
  return whole * unit + fraction + (more ? 1 : 0);
}

wide bounded(wide n) {
  return std::clamp(n, -clamp, clamp);
}

/// n / by, rounded away from zero, clamped to 64 bits.
int64_t rounded(wide n, wide by) {
  wide q = n / by;
  if (n % by != 0)
    q += n > 0 ? 1 : -1;
  return static_cast<int64_t>(std::clamp<wide>(q, INT64_MIN, INT64_MAX));
}

std::string digits_of(wide n) {
  bool negative = n < 0;
  std::string out;
  do {
    auto digit = static_cast<int>(n % 10);
    out += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    n /= 10;
  } while (n != 0);
  if (negative)
    out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string decimal_text(wide n, bool as_exponent) {
  int exponent = -9;
  while (n % 1000 == 0 && (as_exponent || exponent < 18)) {
    n /= 1000;
    exponent += 3;
  }
  auto out = digits_of(n);
  if (!as_exponent)
    return out.append(decimal_suffixes[(exponent + 9) / 3]);
  return exponent == 0 ? out : out + "e" + std::to_string(exponent);
}

std::string binary_text(wide units) {
  size_t i = 0;
  while (i + 1 < std::size(binary_suffixes) && units % 1024 == 0) {
    units /= 1024;
    ++i;
  }
  return digits_of(units).append(binary_suffixes[i]);
}

} // namespace

quantity::quantity(wide nano_count, notation n) : nano_(bounded(nano_count)), format_(n) {}

quantity quantity::of(int64_t units, notation n) {
  return {wide{units} * nano, n};
}

quantity quantity::of_milli(int64_t milli, notation n) {
  return {wide{milli} * (nano / 1000), n};
}

int64_t quantity::value() const {
  return rounded(nano_, nano);
}

int64_t quantity::milli_value() const {
  return rounded(nano_, nano / 1000);
}

double quantity::as_double() const {
  return static_cast<double>(nano_) / 1e9;
}

std::string quantity::to_string() const {
  if (nano_ == 0)
    return "0";
  bool small = nano_ > -1024 * nano && nano_ < 1024 * nano;
  if (format_ == notation::binary_si && !small && nano_ % nano == 0)
    return binary_text(nano_ / nano);
  return decimal_text(nano_, format_ == notation::decimal_exponent);
}

quantity& quantity::operator+=(const quantity& o) {
  if (is_zero())
    format_ = o.format_;
  nano_ = bounded(nano_ + o.nano_);
  return *this;
}

quantity& quantity::operator-=(const quantity& o) {
  return *this += -o;
}

quantity operator-(const quantity& q) {
  return {-q.nano_, q.format_};
}

result<quantity> parse_quantity(std::string_view text) {
  auto s = split(text);
  if (!s)
    return fail(bad_request(std::string(format_message)));
  auto unit = read_suffix(s->suffix);
  if (!unit)
    return fail(bad_request("unable to parse quantity's suffix"));
  auto format = unit->format;
  bool binary = unit->base == 2;
  wide n = binary ? std::min(binary_nanos(*s, unit->exponent), binary_clamp)
                  : decimal_nanos(*s, unit->exponent);
  if (binary && n < nano)
    format = quantity::notation::decimal_si;
  return quantity(s->negative ? -n : n, format);
}

result<quantity> read_quantity(const json::value& v) {
  if (v.IsString())
    return parse_quantity(json::as_string(v));
  if (v.IsNumber())
    return parse_quantity(json::to_string(v));
  return fail(bad_request(std::string(format_message)));
}

quantity get_quantity(const json::value& obj, std::string_view key) {
  const auto* v = json::find(obj, key);
  return v ? read_quantity(*v).value_or(quantity{}) : quantity{};
}

} // namespace thespis::api
