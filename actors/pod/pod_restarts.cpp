// The fourth part of pod_state: which containers start again, and which pods are over.
#include "actors/pod/pod_state.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

// The first rule that the exit code fits decides; there is no action but to restart.
bool rules_restart(const api::v1::container& c, int32_t exit_code) {
  return std::any_of(
      c.restart_policy_rules.begin(), c.restart_policy_rules.end(), [&](const auto& rule) {
        if (!rule.exit_codes || rule.action != "Restart")
          return false;
        const auto& all = rule.exit_codes->values;
        const bool listed = std::find(all.begin(), all.end(), exit_code) != all.end();
        return listed == (rule.exit_codes->operator_ == "In");
      });
}

} // namespace

bool pod_state::policy_restarts(const container_record& c) const {
  if (c.restart_anyway && c.role == container_role::regular)
    return true;
  // A container's own rules and policy go before the pod's.
  if (rules_restart(c.spec, c.exit_code))
    return true;
  if (const auto& own = c.spec.restart_policy; !own.empty())
    return own == "Always" || (own == "OnFailure" && c.exit_code != 0);
  switch (c.role) {
  case container_role::ephemeral:
    return false;
  case container_role::sidecar:
    return true;
  case container_role::init:
    return c.exit_code != 0 && pod().spec.restart_policy != "Never";
  case container_role::regular:
    return pod().spec.restart_policy == "Always" ||
           (pod().spec.restart_policy == "OnFailure" && c.exit_code != 0);
  }
  return false;
}

bool pod_state::should_restart(const container_record& c) const {
  if (stage_ == pod_stage::stopping || stage_ == pod_stage::finished)
    return false;
  return policy_restarts(c);
}

bool pod_state::over(const container_record& c) const {
  return c.phase == container_phase::exited && !should_restart(c);
}

bool pod_state::all_over() const {
  bool any_failed_init = false;
  for (size_t i = 0; i < init_count_; ++i)
    any_failed_init |= containers_[i].role == container_role::init && over(containers_[i]) &&
                       containers_[i].exit_code != 0;
  if (any_failed_init)
    return true;
  return std::all_of(containers_.begin(), containers_.end(), [this](const auto& c) {
    return c.role != container_role::regular || over(c);
  });
}

bool pod_state::any_alive() const {
  return std::any_of(containers_.begin(), containers_.end(),
                     [](const auto& c) { return c.alive(); });
}

std::chrono::seconds pod_state::grace() const {
  const auto& m = pod().metadata;
  const std::chrono::seconds own{m.deletion_grace_period_seconds.value_or(
      pod().spec.termination_grace_period_seconds.value_or(30))};
  return end_grace_ ? std::min(*end_grace_, own) : own;
}

} // namespace thespis::actors
