// What must hold of Jobs and CronJobs, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_job(const json::value& job, findings& f);
/// What only holds of new jobs: whose the selector is.
void validate_new_job(const json::value& job, findings& f);
void validate_job_update(const json::value& job, const json::value& old, findings& f);

void validate_cron_job(const json::value& cron_job, findings& f);

} // namespace thespis::api
