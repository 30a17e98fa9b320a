// The written forms of values in configuration: IPv4 ranges, durations, sizes and port ranges.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::config {

using duration = std::chrono::milliseconds;

/// An IPv4 address range. Invariant: `base` has no bit set beyond the prefix.
struct cidr {
  uint32_t base = 0; ///< host byte order
  int bits = 0;      ///< prefix length, 0 to 32

  bool operator==(const cidr&) const = default;

  /// How many addresses lie in the range.
  uint64_t size() const { return uint64_t{1} << (32 - bits); }
  bool contains(uint32_t address) const;
  bool overlaps(const cidr& other) const;
  /// The n-th address; 0 is the network's own address. Requires n < size().
  uint32_t address(uint64_t n) const { return base + static_cast<uint32_t>(n); }
};

/// First and last port of a range, both included.
struct port_range {
  uint16_t first = 0;
  uint16_t last = 0;

  bool operator==(const port_range&) const = default;
};

/// Dotted decimal of four parts without leading zeros, as Go's net.ParseIP takes it.
std::optional<uint32_t> parse_ipv4(std::string_view text);
std::string ipv4_to_string(uint32_t address);

/// `10.42.0.0/16`; refused when host bits are set.
std::optional<cidr> parse_cidr(std::string_view text);
std::string to_string(const cidr& range);

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
