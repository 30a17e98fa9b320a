// The strategies there are. Internal to api/pipeline/strategies.
#pragma once

#include "api/pipeline/operation.hpp"

#include <vector>

namespace thespis::api {

strategy pod_strategy();
strategy service_strategy();
strategy namespace_strategy();
strategy definition_strategy();
std::vector<strategy> workload_strategies();
std::vector<strategy> config_strategies();
std::vector<strategy> cluster_strategies();
std::vector<strategy> access_strategies();
std::vector<strategy> storage_strategies();
std::vector<strategy> policy_strategies();

/// Makes obj.key what it is in `from`.
void keep_member(json::value& obj, const json::value& from, std::string_view key,
                 json::allocator& a);

/// The class of service that a pod's resources give it.
std::string_view qos_class(const json::value& pod);

} // namespace thespis::api
