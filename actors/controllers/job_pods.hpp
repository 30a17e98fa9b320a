// Who the pods of a Job are, what became of them, and sets of completion indexes. Pure functions
// of generated structs.
#pragma once

#include "actors/controllers/pods_of.hpp"
#include "api/generated/batch_v1.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace thespis::actors::jobs {

using api::v1::job;

inline constexpr std::string_view tracking_finalizer = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view index_key = "batch.kubernetes.io/job-completion-index";
inline constexpr std::string_view index_failures_key =
    "batch.kubernetes.io/job-index-failure-count";
inline constexpr std::string_view name_label = "batch.kubernetes.io/job-name";

/// Completion indexes; as text "1,3-5,7".
using index_set = std::set<int32_t>;
std::string to_text(const index_set& s);
/// What cannot be read is left out; at most `limit` indexes are taken.
index_set parse_indexes(std::string_view text, int32_t limit);

bool is_indexed(const job& j);
/// Only pods that failed for good are replaced, not those that are still ending.
bool waits_for_end(const job& j);

bool succeeded(const api::v1::pod& p);
/// Failed, or being deleted before its end when that counts as a failure.
bool failed(const job& j, const api::v1::pod& p);
/// A pod that still has the job's finalizer is not in the counts yet.
bool is_tracked(const api::v1::pod& p);
/// The completion index; nothing for a pod without.
std::optional<int32_t> index_of(const api::v1::pod& p);
int32_t index_failures(const api::v1::pod& p);
/// When the last container ended; the epoch when that is not known.
wall_time finished_at(const api::v1::pod& p);

/// A new pod, of that completion index when the job is indexed.
api::v1::pod make_pod(const job& j, std::optional<int32_t> index, int32_t failures_of_index);

/// What the job's failure policy says of a failed pod.
struct failure_verdict {
  enum class action { count, ignore, fail_index, fail_job } what = action::count;
  std::string message; ///< of fail_job
};
failure_verdict judge(const job& j, const api::v1::pod& p);

/// The rule of the success policy that these indexes meet, if any: its position.
std::optional<size_t> met_success_rule(const job& j, const index_set& succeeded);

} // namespace thespis::actors::jobs
