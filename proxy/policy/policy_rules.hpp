// What the kernel should hold for NetworkPolicies, as values. Nothing here touches the kernel:
// policy_text.hpp writes these down for libnftables.
//
// A new connection that is forwarded passes two look-ups, by source in `egress` and by destination
// in `ingress`. Each leads to the chain of the pod, if some policy isolates it in that direction: a
// rule for each thing that is allowed, which returns, and then a drop. Pods that the same policies
// select share a chain; whom a policy names are sets, shared by all rules that name them. So a pod
// that comes or goes changes elements of sets only.
//
// All of this is of one address family: each has rules and a table of its own.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace thespis::proxy {

enum class set_kind : uint8_t {
  addresses, ///< "10.42.0.7"
  blocks,    ///< "10.0.0.0-10.0.0.255"; never overlapping
  ports      ///< "10.42.0.7 . tcp . 8080"
};

struct policy_set {
  set_kind kind = set_kind::addresses;
  std::set<std::string> elements;

  bool operator==(const policy_set&) const = default;
};

/// Names of sets and chains are given once: what a chain holds never changes under its name, nor
/// does the kind of a set.
struct policy_rules {
  std::map<std::string, policy_set> sets;
  std::map<std::string, std::vector<std::string>> chains; ///< matches, in nftables' words
  std::map<std::string, std::string> ingress;             ///< a pod's address: its chain
  std::map<std::string, std::string> egress;

  bool empty() const { return ingress.empty() && egress.empty(); }
  bool operator==(const policy_rules&) const = default;
};

} // namespace thespis::proxy
