// The addresses in an entry of the kernel's connection table.
#pragma once

#include "api/text/cidr.hpp"

#include <optional>

struct nf_conntrack;

namespace thespis::proxy {

struct conntrack_ends {
  api::ip_address source;      ///< who began the flow
  api::ip_address destination; ///< where it was sent
  api::ip_address answers;     ///< who answers it: another when it was translated
};

/// Nothing for what is neither IPv4 nor IPv6.
std::optional<conntrack_ends> ends_of(const nf_conntrack* entry);

} // namespace thespis::proxy
