// The written forms of values in configuration: address ranges, durations, sizes and port ranges.
#pragma once

#include "api/text/cidr.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::config {

using duration = std::chrono::milliseconds;

/// One address range, or one of each family; the first is of the primary family.
struct ip_ranges {
  std::vector<api::cidr> all; ///< one, or two of different families

  bool operator==(const ip_ranges&) const = default;

  /// The range of that family; null when there is none.
  const api::cidr* of_family(bool v4) const;
  bool contains(const api::ip_address& address) const;
  bool overlaps(const ip_ranges& other) const;
  /// Each in its written form, in order.
  std::vector<std::string> texts() const;
};

/// First and last port of a range, both included.
struct port_range {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const port_range&) const = default;
};

/// `10.42.0.0/16`, or with one of the other family behind a comma: `10.42.0.0/16,fd42::/56`.
/// Refused when host bits are set.
std::optional<ip_ranges> parse_ranges(std::string_view text);
std::string to_string(const ip_ranges& ranges);

/// `30000-32767`, first no greater than last and at least 1.
std::optional<port_range> parse_port_range(std::string_view text);
std::string to_string(const port_range& range);

/// Go's form, no smaller than a millisecond: `40s`, `1m30s`, `1.5h`, `250ms`, `0`. Not negative.
std::optional<duration> parse_duration(std::string_view text);
/// The shortest form with whole units: `1m30s`, `250ms`, `0s`.
std::string to_string(duration d);

/// A count of bytes: `4096`, `8Ki`, `3Mi`, `1Gi`, or decimal `64k`, `10M`, `1G`.
std::optional<int64_t> parse_bytes(std::string_view text);
/// With the largest binary unit that divides it: `3Mi`, `1500`.
std::string bytes_to_string(int64_t bytes);

} // namespace thespis::config
