// Schedules in the notation of cron, as Kubernetes' CronJobs take them.
#pragma once

#include <string>
#include <string_view>

namespace thespis::api {

/// What is wrong with a schedule; empty when nothing is. Five fields (minute, hour, day of month,
/// month, day of week) of `*`, numbers, names, ranges, steps and lists, or one of @yearly,
/// @annually, @monthly, @weekly, @daily, @midnight, @hourly and `@every DURATION`.
std::string check_cron(std::string_view schedule);

} // namespace thespis::api
