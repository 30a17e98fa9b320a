// What the scheduler writes, as calls.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "actors/scheduler/scheduler_state.hpp"

#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

/// Says in the pod why it waits, and where it is nominated; nothing when it says so already.
std::optional<api::call> unschedulable_call(const placement& p, wall_time now);
/// Sets or (with an empty node) takes back status.nominatedNodeName.
api::call nomination_call(const api::object& pod, const std::string& node);
/// Marks the victim as the target of a disruption and deletes it, with its own grace.
std::vector<api::call> eviction_calls(const victim& v, const std::string& scheduler, wall_time now);
event_note preempted_note(const victim& v, const placement& by);
/// Binds the plan's volumes to their claims, and asks provisioners for the others.
std::vector<api::call> volume_calls(const placement& p);

} // namespace thespis::actors
