// Resource quantities ("500m", "1.5Gi", "1e3"), exact.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api {

/// A fixed-point number with nine decimal places, and the notation it is written in. Values beyond
/// ±10^28 (binary ones beyond 2^63 - 1, as in Kubernetes) are clamped, so that sums of any two
/// never overflow; parts smaller than a nano are rounded away from zero, as Kubernetes does.
class quantity {
public:
  enum class notation : uint8_t {
    decimal_exponent, ///< 1e3
    decimal_si,       ///< 1k
    binary_si,        ///< 1Ki
  };

  quantity() = default;
  static quantity of(int64_t units, notation n = notation::decimal_si);
  static quantity of_milli(int64_t milli, notation n = notation::decimal_si);

  notation format() const { return format_; }
  bool is_zero() const { return nano_ == 0; }
  /// -1, 0 or 1.
  int sign() const { return nano_ < 0 ? -1 : nano_ > 0; }
  /// Whole units, rounded away from zero, as Quantity.Value does.
  int64_t value() const;
  /// Thousandths, rounded away from zero and clamped to 64 bits: the unit of CPU accounting.
  int64_t milli_value() const;
  double as_double() const;

  /// The canonical form: the largest suffix without a fraction ("1500m", "1536Mi").
  std::string to_string() const;

  /// The sum takes the other's notation when this one is zero.
  quantity& operator+=(const quantity& o);
  quantity& operator-=(const quantity& o);
  friend quantity operator+(quantity a, const quantity& b) { return a += b; }
  friend quantity operator-(quantity a, const quantity& b) { return a -= b; }
  friend quantity operator-(const quantity& q);

  /// By value; the notation does not matter.
  friend bool operator==(const quantity& a, const quantity& b) { return a.nano_ == b.nano_; }
  friend std::strong_ordering operator<=>(const quantity& a, const quantity& b) {
    return a.nano_ < b.nano_   ? std::strong_ordering::less
           : a.nano_ > b.nano_ ? std::strong_ordering::greater
                               : std::strong_ordering::equal;
  }

private:
  friend result<quantity> parse_quantity(std::string_view text);
  __extension__ using wide = __int128;
  quantity(wide nano, notation n);

  wide nano_ = 0;
  notation format_ = notation::decimal_si;
};

/// Errors: bad_request with Kubernetes' message alone ("quantities must match the regular
/// expression '...'", "unable to parse quantity's suffix", ...).
result<quantity> parse_quantity(std::string_view text);

/// A quantity in JSON: a string, or a number. Errors: bad_request.
result<quantity> read_quantity(const json::value& v);

/// The quantity of that member; zero when it is missing or malformed.
quantity get_quantity(const json::value& obj, std::string_view key);

} // namespace thespis::api
