// A container's environment: literals, config maps, secrets, the downward API, and the services
// of its namespace.
#pragma once

#include "actors/pod/pod_config.hpp"

namespace thespis::actors {

/// The environment in the order kubelet gives it: services, envFrom, then env, later ones winning.
/// Errors: bad_request in kubelet's words for CreateContainerConfigError
/// (configmap "x" not found, couldn't find key k in Secret ns/x).
api::result<std::vector<runtime::env_var>>
make_env(const api::v1::pod& pod, const api::v1::container& c, const container_surroundings& s);

/// Replaces $(NAME) by the variable's value; unknown names stay, $$(NAME) is $(NAME) literally.
std::string expand_variables(const std::string& text, const std::vector<runtime::env_var>& env);

/// The same; the first variable that is not set is an error, as subPathExpr demands.
/// Errors: bad_request.
api::result<std::string> expand_all_variables(const std::string& text,
                                              const std::vector<runtime::env_var>& env);

/// The value of a downward API field ("metadata.labels['app']", "status.podIP"); an error when
/// the field is not supported.
api::result<std::string> pod_field(const api::v1::pod& pod, const std::string& path,
                                   const container_surroundings& s);

/// A request or limit of a container of the pod in units of the divisor, rounded up. A limit that
/// is not set is what the node can allocate. `own` is the container when the selector names none.
/// Errors: bad_request.
api::result<std::string> resource_field(const api::v1::pod& pod,
                                        const api::v1::resource_field_selector& f,
                                        const std::string& own, const node_facts& node);

/// The variables by which a pod finds the services of its namespace, ordered by name: the
/// `kubernetes` service always, the others when enableServiceLinks says so.
std::vector<runtime::env_var> service_variables(const api::v1::pod& pod, const api::reader& state);

} // namespace thespis::actors
