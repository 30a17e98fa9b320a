// The Job controller: runs pods until enough of them succeed. Follows batch/v1 Job; ended pods are
// counted exactly once, by a finalizer that is taken off when they are in the status.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

std::unique_ptr<reconciler> make_job_controller();

} // namespace thespis::actors
