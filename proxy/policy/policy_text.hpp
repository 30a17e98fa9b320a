// Writes the rules of NetworkPolicies down in nftables' own language, for libnftables (nft(8)).
#pragma once

#include "proxy/data/address_family.hpp"
#include "proxy/policy/policy_rules.hpp"

#include <string>

namespace thespis::proxy {

/// One transaction after which the table holds exactly these rules, whatever it held before.
std::string policy_replacement(ip_family f, const std::string& table, const policy_rules& rules);

/// What turns `from` into `to`, as transactions to be run in this order: nothing leads to a chain
/// before it is there, nor after it is gone. Those with nothing to do are empty.
struct policy_change {
  std::string additions;
  std::string elements;
  std::string removals;
};
policy_change change_policies(ip_family f, const std::string& table, const policy_rules& from,
                              const policy_rules& to);

/// One transaction after which the table does not exist, whether it did before or not.
std::string policy_removal(ip_family f, const std::string& table);

} // namespace thespis::proxy
