// What must hold of Deployments, ReplicaSets, ReplicationControllers, DaemonSets and StatefulSets,
// beyond what each field's schema says.
#pragma once

#include "api/text/labels.hpp"
#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_deployment(const json::value& d, findings& f);
void validate_replica_set(const json::value& rs, findings& f);
void validate_replication_controller(const json::value& rc, findings& f);

void validate_daemon_set(const json::value& ds, findings& f);
void validate_stateful_set(const json::value& sts, findings& f);
void validate_stateful_set_update(const json::value& now, const json::value& old, findings& f);

/// spec.selector does not change once it is made.
void validate_selector_kept(const json::value& now, const json::value& old, findings& f);

// Parts of the above.

/// The template at `at` has the labels that the selector looks for.
void validate_labels_match(const label_selector& selector, const json::value& tmpl, const path& at,
                           findings& f);
/// Pods of a `kind` that runs for ever are always restarted and have no deadline.
void validate_lasting(const json::value& tmpl, const path& at, std::string_view kind, findings& f);
/// The number before the percent sign, -1 when it is no percentage.
int percent_of(std::string_view s);
/// 0 or 0%.
bool is_zero_amount(const json::value& v);

} // namespace thespis::api
