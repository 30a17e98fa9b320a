// Schedules in the notation of cron, as Kubernetes' CronJobs take them.
#pragma once

#include "api/text/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api {

/// When something is to happen: five fields (minute, hour, day of month, month, day of week) of
/// `*`, numbers, names, ranges, steps and lists, or one of @yearly, @annually, @monthly, @weekly,
/// @daily, @midnight, @hourly and `@every DURATION`.
class cron_schedule {
public:
  /// Nothing for a bad schedule; `why` tells what is wrong with it.
  static std::optional<cron_schedule> parse(std::string_view text, std::string& why);

  /// The first time after `t`, in a time zone of the zone database ("Europe/Berlin"; empty: UTC).
  /// Nothing when there is none within five years, or no such zone. Times that a zone skips do not
  /// happen; those it repeats happen twice, as with Kubernetes.
  std::optional<time_point> next(time_point t, const std::string& zone) const;

private:
  bool has_day(unsigned day_of_month, unsigned day_of_week) const;
  bool has(size_t field, unsigned value) const { return sets_[field] >> value & 1; }

  std::chrono::seconds every_{0};  ///< of @every; 0 otherwise
  std::array<uint64_t, 5> sets_{}; ///< the values of each field, a bit each
  std::array<bool, 5> anything_{}; ///< fields that are a plain star
};

/// What is wrong with a schedule; empty when nothing is.
std::string check_cron(std::string_view schedule);

} // namespace thespis::api
