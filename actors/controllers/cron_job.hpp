// The CronJob controller: makes a Job at each time of a schedule, and forgets old ones. Follows
// batch/v1 CronJob.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>

namespace thespis::actors {

std::unique_ptr<reconciler> make_cron_job_controller();

} // namespace thespis::actors
