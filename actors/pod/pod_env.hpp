// A container's environment: literals, config maps, secrets, the downward API, and the services
// of its namespace.
#pragma once

#include "actors/pod/pod_config.hpp"

namespace thespis::actors {

/// The environment in the order kubelet gives it: services, envFrom, then env, later ones winning.
/// Errors: bad_request in kubelet's words for CreateContainerConfigError
/// (configmap "x" not found, couldn't find key k in Secret ns/x).
api::result<std::vector<runtime::env_var>> make_env(const api::v1::pod& pod,
                                                    const api::v1::container& c,
                                                    const container_surroundings& s);

/// Replaces $(NAME) by the variable's value; unknown names stay, $$(NAME) is $(NAME) literally.
std::string expand_variables(const std::string& text, const std::vector<runtime::env_var>& env);

/// The value of a downward API field ("metadata.labels['app']", "status.podIP"); an error when
/// the field is not supported.
api::result<std::string> pod_field(const api::v1::pod& pod, const std::string& path,
                                   const container_surroundings& s);

} // namespace thespis::actors
