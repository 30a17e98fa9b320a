#include "proxy/data/address_family.hpp"

#include <algorithm>
#include <unistd.h>

namespace thespis::proxy {

std::optional<api::ip_address> parse_address(std::string_view text, ip_family f) {
  auto address = api::parse_ip(text);
  if (!address || family_of(*address) != f || address->is_unspecified())
    return std::nullopt;
  if (f == ip_family::v4)
    return address;
  const auto& b = address->bytes();
  const bool mapped = b[10] == 0xff && b[11] == 0xff &&
                      std::all_of(b.begin(), b.begin() + 10, [](uint8_t x) { return x == 0; });
  if (mapped || address->is_loopback() || address->is_link_local())
    return std::nullopt;
  return address;
}

std::vector<std::string> ranges_of(const std::vector<std::string>& texts, ip_family f) {
  std::vector<std::string> res;
  for (const auto& text : texts) {
    const auto range = api::parse_cidr(text);
    if ((range ? family_of(range->base()) : ip_family::v4) == f)
      res.push_back(text);
  }
  return res;
}

bool kernel_has_ipv6() {
  return ::access("/proc/net/if_inet6", F_OK) == 0;
}

const family_words& words_of(ip_family f) {
  static const family_words four{"ip", "ipv4_addr", "icmp port-unreachable", "127.0.0.0/8"};
  static const family_words six{"ip6", "ipv6_addr", "icmpv6 port-unreachable", "::1"};
  return f == ip_family::v4 ? four : six;
}

} // namespace thespis::proxy
