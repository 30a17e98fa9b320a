// The versions of a workload's pod template, kept as ControllerRevisions so that one can go back:
// what DaemonSets and StatefulSets share. No CAF here.
#pragma once

#include "actors/controllers/pods_of.hpp"
#include "api/generated/apps_v1.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors {

inline constexpr std::string_view revision_label = "controller-revision-hash";

using observed_revision = observed<api::v1::controller_revision>;

/// A workload's template and its versions.
struct template_owner {
  api::object_ptr object;
  api::v1::owner_reference reference;
  const api::v1::pod_template_spec& pods;
  int32_t collisions = 0; ///< status.collisionCount
};

struct revision_history {
  std::vector<observed_revision> all; ///< by number, the newest last
  /// The one of the present template; none while `calls` make it so.
  observed_revision newest;
  std::vector<api::call> calls;
  /// The name of a new version was taken by a different one: the status must count that, so that
  /// the next name is another.
  bool collided = false;
};

/// Finds the version of the present template, or the calls that make it. A template that comes
/// back takes its old version over, with the highest number.
revision_history history_of(const template_owner& owner, const view& v);

/// Calls that remove the oldest versions beyond `limit` (10 when unset) that are not in `used`.
std::vector<api::call> trim_history(const revision_history& h, std::optional<int32_t> limit,
                                    const std::set<std::string>& used);

/// The template that a version keeps.
api::v1::pod_template_spec template_of(const api::v1::controller_revision& r);

/// The label value by which a revision of that name tells its pods: what follows its owner's name.
std::string hash_of(const observed_revision& r);

} // namespace thespis::actors
