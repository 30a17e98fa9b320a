// pods/eviction: a deletion that the pod's disruption budget must allow.
#include "api/generated/core_v1_pod.hpp"
#include "api/generated/policy_v1.hpp"
#include "api/object/typed.hpp"
#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/text/labels.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api {

namespace {

using budget_ptr = std::shared_ptr<const v1::pod_disruption_budget>;

constexpr std::string_view budgets = "poddisruptionbudgets.policy";
/// More evictions than this that the disruption controller has not seen are refused.
constexpr size_t max_unconfirmed = 2000;

/// Pods that end anyway, or serve nobody yet, may go whatever a budget says.
bool is_exempt(const object& o, const v1::pod& p) {
  const auto& phase = p.status.phase;
  return o.meta().deleting || phase == "Succeeded" || phase == "Failed" || phase == "Pending";
}

std::vector<object_ptr> budgets_of(const operation& op, const object& pod) {
  auto res = op.deps.state->list(budgets, pod.ns()).objects;
  std::erase_if(res, [&](const object_ptr& b) {
    const auto doc = b->parse();
    const auto selector = read_label_selector(json::at(doc, {"spec", "selector"}));
    return !selector || !selector->matches(pod.labels());
  });
  return res;
}

/// A pod that is not ready takes nothing from a budget that is met, or that lets such pods go.
bool is_free(const v1::pod& p, const v1::pod_disruption_budget& b) {
  const auto& all = p.status.conditions;
  const bool ready = std::any_of(all.begin(), all.end(), [](const auto& c) {
    return c.type == "Ready" && c.status == "True";
  });
  return !ready &&
         (b.spec.unhealthy_pod_eviction_policy == "AlwaysAllow" ||
          (b.status.desired_healthy > 0 && b.status.current_healthy >= b.status.desired_healthy));
}

error too_many_evictions(std::string why, int retry_after_seconds) {
  error e;
  e.why = reason::too_many_requests;
  e.message = "Cannot evict pod as it would violate the pod's disruption budget.";
  e.retry_after_seconds = retry_after_seconds;
  e.causes.push_back({"DisruptionBudget", std::move(why), {}});
  return e;
}

/// Whether the budget allows one more pod to go now.
result<void> check_budget(const v1::pod_disruption_budget& b) {
  const auto& s = b.status;
  const auto& name = b.metadata.name;
  if (s.observed_generation.value_or(0) < b.metadata.generation.value_or(0))
    return fail(too_many_evictions(
        "The disruption budget " + name + " is still being processed by the server.", 10));
  if (s.disruptions_allowed < 0)
    return fail(
        forbidden("poddisruptionbudget.policy", name, "pdb disruptions allowed is negative"));
  if (s.disrupted_pods.size() > max_unconfirmed)
    return fail(forbidden(
        "poddisruptionbudget.policy", name,
        "DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
  if (s.disruptions_allowed == 0)
    return fail(too_many_evictions(
        "The disruption budget " + name + " needs " + std::to_string(s.desired_healthy) +
            " healthy pods and has " + std::to_string(s.current_healthy) + " currently",
        0));
  return {};
}

/// The condition by which kubectl shows that a budget is used up.
void forbid_disruptions(v1::pod_disruption_budget_status& s, const std::string& now) {
  auto c = std::find_if(s.conditions.begin(), s.conditions.end(),
                        [](const auto& x) { return x.type == "DisruptionAllowed"; });
  if (c == s.conditions.end()) {
    c = s.conditions.insert(c, v1::condition{});
    c->type = "DisruptionAllowed";
  }
  if (c->status != "False")
    c->last_transition_time = now;
  c->status = "False";
  c->reason = "InsufficientPods";
  c->message.clear();
  c->observed_generation = s.observed_generation;
}

/// Takes one from the budget; the same eviction goes on once that is written, for exactly this pod.
prepared_write take_from(operation& op, const object& budget, const object& pod) {
  auto doc = budget.parse();
  auto status = typed<v1::pod_disruption_budget>(budget)->status;
  status.disrupted_pods[pod.name()] = op.now;
  if (--status.disruptions_allowed == 0)
    forbid_disruptions(status, op.now);
  json::set(doc, "status", v1::to_json(status, doc.GetAllocator()), doc.GetAllocator());
  prepared_write w;
  w.write.kind = write_kind::update;
  w.write.draft = make_draft(budgets, doc);
  w.write.expected_revision = budget.revision();
  w.retry_on_conflict = true;
  auto next = std::make_shared<call>(op.request);
  next->precondition_uid = pod.uid();
  w.then = std::move(next);
  return w;
}

/// What a budget has to say: nothing when the pod may go without it.
result<std::optional<prepared_write>> ask_budgets(operation& op, const object& pod,
                                                  const delete_options& options) {
  const auto p = typed<v1::pod>(pod);
  const auto found = is_exempt(pod, *p) ? std::vector<object_ptr>{} : budgets_of(op, pod);
  if (found.empty())
    return std::nullopt;
  if (found.size() > 1) {
    error e;
    e.message = "This pod has more than one PodDisruptionBudget, which the eviction subresource "
                "does not support.";
    return fail(std::move(e));
  }
  const budget_ptr b = typed<v1::pod_disruption_budget>(*found.front());
  const bool granted =
      !op.request.precondition_uid.empty() && b->status.disrupted_pods.contains(pod.name());
  if (granted || is_free(*p, *b))
    return std::nullopt;
  if (auto ok = check_budget(*b); !ok)
    return fail(ok.error());
  if (options.dry_run)
    return std::nullopt;
  return take_from(op, *found.front(), pod);
}

} // namespace

result<prepared> prepare_eviction(operation& op) {
  auto eviction =
      decode_body(op, op.request.body, kind_type("policy", "v1", "Eviction"), "policy/v1beta1");
  if (!eviction)
    return fail(eviction.error());
  auto name = json::get_string(metadata_of(*eviction), "name");
  if (!name.empty() && name != op.request.name)
    return fail(bad_request("name in URL does not match name in Eviction object"));
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  delete_options options;
  options.dry_run = op.request.dry_run;
  if (const auto* body = json::find(*eviction, "deleteOptions"); body && body->IsObject())
    if (auto ok = read_delete_options(*body, options); !ok)
      return fail(ok.error());
  // What follows the write of a budget was admitted before.
  const bool goes_on = !op.request.precondition_uid.empty();
  if (goes_on && options.uid.empty())
    options.uid = op.request.precondition_uid;
  options.evicted = true;
  if (auto ok = goes_on
                    ? result<void>{}
                    : admit(op, admission::action::create, kind_type("policy", "v1", "Eviction"),
                            &*eviction, nullptr, options.dry_run);
      !ok)
    return fail(ok.error());
  auto budget = ask_budgets(op, **current, options);
  if (!budget)
    return fail(budget.error());
  if (*budget) {
    // The preconditions are the deletion's, but a pod that they refuse takes nothing.
    if (auto sure = remove_object(op, *current, options); !sure)
      return sure;
  }
  auto done = *budget ? result<prepared>{prepared{std::move(**budget)}}
                      : remove_object(op, *current, options);
  if (!done)
    return done;
  auto& answer = std::holds_alternative<reply>(*done) ? std::get<reply>(*done)
                                                      : std::get<prepared_write>(*done).answer;
  answer.body = created_status;
  answer.created = true;
  answer.removed = false;
  return done;
}

} // namespace thespis::api
