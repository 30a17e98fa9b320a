// Starts the machine's DNS server, and makes it known as the Service `kube-dns`.
#pragma once

#include "proxy/dns/server.hpp"
#include "tools/cluster/cluster.hpp"

#include <memory>
#include <string>

namespace thespis::tools {

/// Serves the cluster's names on a free port of `address`, to pods and this machine, and leads
/// there the Service `kube-dns` of kube-system, at the tenth service address. Questions about other
/// names go to the resolvers of this machine's resolv.conf. Errors: internal_error when the address
/// cannot be bound, bad_request for a loopback address, to which no Service can lead.
api::result<std::shared_ptr<proxy::dns::server>> start_dns(cluster& c,
                                                           const config::settings& settings,
                                                           const std::string& node,
                                                           const std::string& address);

} // namespace thespis::tools
