// IP addresses and CIDR ranges.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

/// An IPv4 or IPv6 address, in network byte order. IPv4-mapped IPv6 addresses stay IPv6.
class ip_address {
public:
  ip_address() = default;
  /// Host byte order.
  static ip_address v4(uint32_t address);
  static ip_address v6(const std::array<uint8_t, 16>& bytes);

  bool is_v4() const { return v4_; }
  unsigned bits() const { return v4_ ? 32 : 128; }
  /// IPv4 in the last four bytes.
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  /// Host byte order; 0 for IPv6.
  uint32_t to_v4() const;
  bool is_loopback() const;
  bool is_unspecified() const;
  bool is_link_local() const;
  bool is_multicast() const;
  /// Canonical text, RFC 5952 for IPv6.
  std::string to_string() const;

  auto operator<=>(const ip_address&) const = default;

private:
  bool v4_ = true;
  std::array<uint8_t, 16> bytes_{};
};

/// Nothing when `text` is no address. Leading zeros, ports and zones are refused.
std::optional<ip_address> parse_ip(std::string_view text);

/// A range of addresses.
class cidr {
public:
  cidr() = default;
  /// The bits beyond the prefix are cleared. `prefix` is at most base.bits().
  cidr(ip_address base, unsigned prefix);

  const ip_address& base() const { return base_; }
  unsigned prefix() const { return prefix_; }
  bool contains(const ip_address& a) const;
  bool overlaps(const cidr& o) const;
  /// The number of addresses, 2^63 when more.
  uint64_t size() const;
  /// base + n; nothing beyond the range.
  std::optional<ip_address> nth(uint64_t n) const;
  /// The inverse of nth; nothing for an address outside, or too far in.
  std::optional<uint64_t> index_of(const ip_address& a) const;
  /// The n-th sub-range of that prefix, as pod ranges of nodes are cut; nothing when there is none.
  std::optional<cidr> subnet(unsigned prefix, uint64_t n) const;
  std::string to_string() const;

  auto operator<=>(const cidr&) const = default;

private:
  ip_address base_;
  unsigned prefix_ = 0;
};

/// "10.0.0.0/16". Host bits may be set; they are cleared. Nothing when malformed.
std::optional<cidr> parse_cidr(std::string_view text);

/// Kubernetes' complaint about what should be an address or a range; empty when it is one.
std::vector<std::string> check_ip(std::string_view s);
std::vector<std::string> check_cidr(std::string_view s);

} // namespace thespis::api
