// A container's mounts: its volumes, /etc/hosts and the termination message file.
#pragma once

#include "actors/pod/pod_config.hpp"

namespace thespis::actors {

/// Also creates what must exist to be mounted: subPath directories, the pod's hosts file and the
/// file for the container's termination message.
/// Errors: bad_request for a subPath that leaves its volume or a mount of an unknown volume.
api::result<std::vector<runtime::container_mount>>
make_mounts(const api::v1::pod& pod, const api::v1::container& c, const container_surroundings& s,
            const std::vector<runtime::env_var>& env);

/// The file that collects the message of this instance of the container.
std::string termination_message_file(const node_facts& node, const api::v1::pod& pod,
                                     const std::string& container, uint32_t attempt);

} // namespace thespis::actors
