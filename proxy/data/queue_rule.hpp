// The rule that queues packets to user space: xtables' NFQUEUE, since kernels may lack nft's own.
#pragma once

#include "api/result.hpp"
#include "proxy/data/address_family.hpp"

#include <cstdint>
#include <string>

namespace thespis::proxy {

/// Appends to `chain` of this family's table `table` a rule that queues each packet to `queue` of
/// the calling thread's network namespace, and lets it pass while nobody reads the queue. Fails as
/// `not_found` where the kernel has no NFQUEUE target. Needs CAP_NET_ADMIN.
api::result<void> add_queue_rule(ip_family f, const std::string& table, const std::string& chain,
                                 uint16_t queue);

/// Whether the kernel has that target: tried in a table of its own, named `table`, that is removed.
api::result<void> try_queue_rule(const std::string& table);

} // namespace thespis::proxy
