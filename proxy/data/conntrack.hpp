// Removes conntrack entries that would go on sending UDP where no endpoint is any more.
#pragma once

#include "api/result.hpp"
#include "proxy/data/ruleset.hpp"

namespace thespis::proxy {

/// Deletes the entries of these flows, all of one family, in the calling thread's network
/// namespace, so that their next packet is looked up afresh, and returns how many there were. UDP
/// only: a TCP connection to an endpoint that is gone ends by itself, and may yet be served while
/// the endpoint terminates. Reads the whole connection table once. Needs CAP_NET_ADMIN.
api::result<size_t> forget_flows(ip_family f, const std::vector<stale_flow>& flows);

/// Deletes, likewise, every entry of a frontend of `rules` that leads to no endpoint of that
/// frontend: for a start, when nobody knows what has gone meanwhile. Entries to the number of a
/// node port count as that node port's whatever their address.
api::result<size_t> forget_all_but(ip_family f, const ruleset& rules);

} // namespace thespis::proxy
