// The two kinds of addresses. Each has kernel rules of its own: a table of one family sees no
// packet of the other.
#pragma once

#include "api/text/cidr.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::proxy {

enum class ip_family : uint8_t { v4, v6 };

inline constexpr ip_family both_families[] = {ip_family::v4, ip_family::v6};

inline ip_family family_of(const api::ip_address& a) {
  return a.is_v4() ? ip_family::v4 : ip_family::v6;
}

/// The address of no machine, which stands for all of them: 0.0.0.0 or ::.
inline api::ip_address any_address(ip_family f) {
  return f == ip_family::v4 ? api::ip_address{} : api::ip_address::v6({});
}

/// One of these for each family.
template <class T>
struct by_family {
  T v4{};
  T v6{};

  T& operator[](ip_family f) { return f == ip_family::v4 ? v4 : v6; }
  const T& operator[](ip_family f) const { return f == ip_family::v4 ? v4 : v6; }
  bool operator==(const by_family&) const = default;
};

/// An address that packets can be sent to from any machine of the cluster: nothing for any other
/// text, for an address of the other family, for 0.0.0.0 and ::, and of IPv6 for what leads no
/// further than a machine or a link (::1, fe80::/10), or is an IPv4 address in disguise.
std::optional<api::ip_address> parse_address(std::string_view text, ip_family f);

/// The ranges of that family among these texts, as they are written; a text that is no range counts
/// as IPv4, where it is refused.
std::vector<std::string> ranges_of(const std::vector<std::string>& texts, ip_family f);

/// Whether this kernel has IPv6 at all.
bool kernel_has_ipv6();

/// nftables' words for a family.
struct family_words {
  std::string_view family; ///< of a table, and before saddr and daddr: "ip"
  std::string_view type;   ///< "ipv4_addr"
  std::string_view unreachable;
  std::string_view loopback; ///< its range
};
const family_words& words_of(ip_family f);

} // namespace thespis::proxy
