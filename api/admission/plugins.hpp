// The built-in plug-ins. Internal to api/admission and its tests.
#pragma once

#include "api/admission/plugin.hpp"

namespace thespis::api::admission {

/// Nothing new in namespaces that are missing or on their way out; some namespaces stay for ever.
plugin_ptr namespace_lifecycle();
/// Pods run as a service account.
plugin_ptr service_account();
/// Pods get the number that their PriorityClass stands for.
plugin_ptr priority();
/// Pods put up with an unready or unreachable node for five minutes.
plugin_ptr default_toleration_seconds();

/// All that are on by default, in Kubernetes' order.
std::vector<plugin_ptr> default_plugins(const ports& p);

} // namespace thespis::api::admission
