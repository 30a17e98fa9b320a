// Which families of addresses a Service has: spec.ipFamilyPolicy, spec.ipFamilies and the number of
// its clusterIPs, as they follow from what a client wrote and from the ranges of the cluster.
#pragma once

#include "api/json.hpp"
#include "api/validation/findings.hpp"

#include <string>
#include <vector>

namespace thespis::api {

/// "IPv4" and "IPv6", those that the cluster has, the primary one first.
using family_list = std::vector<std::string>;

/// Fills in what the client left open: the policy (that of before, or SingleStack; RequireDualStack
/// of a headless Service without a selector), families from given addresses, the default family,
/// and the second one where the policy asks for it and the cluster has it. A policy that becomes
/// SingleStack drops the second address and family. `old` is the spec of before, null on create.
/// What contradicts itself is left as it is, for validation. Not for ExternalName Services.
void settle_families(json::value& spec, const json::value* old, const family_list& configured,
                     json::allocator& a);

/// Complains about families that the cluster does not have. A Service that keeps what it has under
/// PreferDualStack is left alone, whatever became of the cluster's ranges.
void check_configured_families(const json::value& spec, const json::value* old,
                               const family_list& configured, findings& f);

} // namespace thespis::api
