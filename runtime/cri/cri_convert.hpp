// Between the port's structs and the messages of CRI runtime.v1. Internal to the CRI client.
#pragma once

#include "runtime/cri/container_runtime.hpp"

#include <cri.pb.h>

namespace thespis::runtime::cri {

namespace pb = ::runtime::v1;

void to_proto(const sandbox_config& in, pb::PodSandboxConfig& out);
void to_proto(const container_config& in, pb::ContainerConfig& out);
void to_proto(const linux_resources& in, pb::LinuxContainerResources& out);
void to_proto(const sandbox_filter& in, pb::PodSandboxFilter& out);
void to_proto(const container_filter& in, pb::ContainerFilter& out);

sandbox_status from_proto(const pb::PodSandboxStatus& in);
sandbox_summary from_proto(const pb::PodSandbox& in);
container_status from_proto(const pb::ContainerStatus& in);
container_summary from_proto(const pb::Container& in);
image_info from_proto(const pb::Image& in);
filesystem_usage from_proto(const pb::FilesystemUsage& in);
container_stats from_proto(const pb::ContainerStats& in);
runtime_status from_proto(const pb::RuntimeStatus& in);

} // namespace thespis::runtime::cri
