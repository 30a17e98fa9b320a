// Who may use the addresses of load balancers: spec.loadBalancerSourceRanges of Services, as rules
// of their own ahead of all choices.
#pragma once

#include "proxy/data/service_table.hpp"

#include <map>
#include <set>
#include <string>

namespace thespis::proxy {

/// "203.0.113.7 . tcp . 80": of one family, a guarded address of a Service, in nftables' words, and
/// the ranges that may use it.
using guarded_addresses = std::map<std::string, std::set<std::string>>;

/// The ranges of this family among these texts, but for those that lie within others: elements of
/// an interval set may not overlap.
std::set<std::string> widest_ranges(const std::vector<std::string>& texts, ip_family f);

/// The guards of those of these services that are of this family. Ranges of another family let
/// nobody in. When two services claim an address and port, the one whose name is lower has it, as
/// everywhere.
guarded_addresses guards_of(const service_table& services, ip_family f);

/// One transaction after which the table holds these guards and nothing else; without any there is
/// no table.
std::string guards_text(ip_family f, const std::string& table, const guarded_addresses& guards);

/// The guards' table beside that of the services.
std::string guards_table_name(const std::string& services_table);

} // namespace thespis::proxy
