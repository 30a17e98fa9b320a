// The arithmetic of Deployments: what belongs together, how many of each, and what to call it.
// No calls and no events here: pure functions of generated structs.
#pragma once

#include "actors/framework/reconciler.hpp"
#include "api/generated/apps_v1.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::actors::deployments {

using api::v1::deployment;
using api::v1::deployment_condition;
using api::v1::deployment_status;
using api::v1::replica_set;

inline constexpr std::string_view hash_label = "pod-template-hash";
inline constexpr std::string_view revision_key = "deployment.kubernetes.io/revision";
inline constexpr std::string_view history_key = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view desired_key = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view max_key = "deployment.kubernetes.io/max-replicas";

bool is_rolling(const deployment& d);
int32_t desired(const deployment& d);
int32_t desired(const replica_set& rs);
/// How many pods there may be beyond those desired; 0 unless rolling.
int32_t max_surge(const deployment& d);
/// How many pods may be missing; 0 unless rolling.
int32_t max_unavailable(const deployment& d);
bool has_deadline(const deployment& d);

/// The text that tells templates apart: FNV-1a of the template and how often it collided, written
/// in letters and digits that spell no words.
std::string template_hash(const api::v1::pod_template_spec& t, std::optional<int32_t> collisions);
/// Equal but for the hash label.
bool same_template(api::v1::pod_template_spec a, api::v1::pod_template_spec b);

int64_t revision_of(const replica_set& rs);
/// The number in an annotation, if there is one.
std::optional<int32_t> annotated(const replica_set& rs, std::string_view key);

/// Takes over the Deployment's annotations and gives a revision at least `revision`. A set that
/// comes back keeps its former revisions in its history. True when something changed.
bool annotate(replica_set& rs, const deployment& d, int64_t revision, bool exists);
/// The annotations that tell a scaling of the Deployment. True when something changed.
bool annotate_size(replica_set& rs, const deployment& d);

/// How many pods the newest set shall have now, given that all sets together have `total`.
int32_t new_set_size(const deployment& d, int32_t total, int32_t current);
/// The share of `to_add` pods that a set gets when the Deployment is scaled amid a roll-out;
/// `added` went to others already.
int32_t proportion(const replica_set& rs, const deployment& d, int32_t to_add, int32_t added);

// Conditions.

const deployment_condition* find_condition(const deployment_status& s, std::string_view type);
deployment_condition make_condition(std::string_view type, std::string_view status,
                                    std::string_view reason, std::string message, wall_time now);
/// Replaces the condition of that type, unless it says the same already. The transition time stays
/// while the status does.
void set_condition(deployment_status& s, deployment_condition c);
void drop_condition(deployment_status& s, std::string_view type);

bool is_complete(const deployment& d, const deployment_status& s);
bool is_progressing(const deployment_status& before, const deployment_status& after);
bool is_timed_out(const deployment& d, const deployment_status& s, wall_time now);

} // namespace thespis::actors::deployments
