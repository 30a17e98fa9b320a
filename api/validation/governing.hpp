// What must hold of kinds that govern others (budgets, priorities, quotas, limits, autoscalers),
// beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_disruption_budget(const json::value& budget, findings& f);
void validate_priority_class(const json::value& c, findings& f);
void validate_priority_class_update(const json::value& now, const json::value& old, findings& f);
void validate_resource_quota(const json::value& quota, findings& f);
void validate_resource_quota_update(const json::value& now, const json::value& old, findings& f);
void validate_limit_range(const json::value& range, findings& f);
/// An autoscaler in autoscaling/v2.
void validate_autoscaler(const json::value& autoscaler, findings& f);

} // namespace thespis::api
