#include "proxy/data/conntrack_entry.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <sys/socket.h>

namespace thespis::proxy {

namespace {

api::ip_address four(const nf_conntrack* c, nf_conntrack_attr which) {
  return api::ip_address::v4(ntohl(nfct_get_attr_u32(c, which)));
}

api::ip_address six(const nf_conntrack* c, nf_conntrack_attr which) {
  std::array<uint8_t, 16> bytes{};
  if (const auto* value = static_cast<const uint8_t*>(nfct_get_attr(c, which)))
    std::copy_n(value, bytes.size(), bytes.begin());
  return api::ip_address::v6(bytes);
}

} // namespace

std::optional<conntrack_ends> ends_of(const nf_conntrack* entry) {
  switch (nfct_get_attr_u8(entry, ATTR_ORIG_L3PROTO)) {
  case AF_INET:
    return conntrack_ends{four(entry, ATTR_ORIG_IPV4_SRC), four(entry, ATTR_ORIG_IPV4_DST),
                          four(entry, ATTR_REPL_IPV4_SRC)};
  case AF_INET6:
    return conntrack_ends{six(entry, ATTR_ORIG_IPV6_SRC), six(entry, ATTR_ORIG_IPV6_DST),
                          six(entry, ATTR_REPL_IPV6_SRC)};
  default:
    return std::nullopt;
  }
}

} // namespace thespis::proxy
