// The fifth part of pod_state: changes of what running containers ask for and may use.
#include "actors/pod/pod_state.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using api::v1::resource_requirements;

const resource_requirements& resources_of(const api::v1::container& c) {
  static const resource_requirements none;
  return c.resources ? *c.resources : none;
}

bool differs(const resource_requirements& a, const resource_requirements& b, const char* name) {
  const auto amount = [name](const std::map<std::string, std::string>& list) {
    const auto i = list.find(name);
    return i == list.end() ? std::string{} : i->second;
  };
  return amount(a.limits) != amount(b.limits) || amount(a.requests) != amount(b.requests);
}

bool must_restart(const api::v1::container& c, const resource_requirements& now,
                  const resource_requirements& wanted) {
  return std::any_of(c.resize_policy.begin(), c.resize_policy.end(), [&](const auto& p) {
    return p.restart_policy == "RestartContainer" && differs(now, wanted, p.resource_name.c_str());
  });
}

} // namespace

// What is wanted of a container, as the pod has it now; null when nothing else than it has.
const api::v1::container* pod_state::wanted_of(const container_record& c) const {
  for (const auto* list : {&pod().spec.containers, &pod().spec.init_containers})
    for (const auto& wanted : *list)
      if (wanted.name == c.spec.name &&
          (c.role == container_role::regular || c.role == container_role::sidecar))
        return resources_of(wanted) == resources_of(c.spec) ? nullptr : &wanted;
  return nullptr;
}

void pod_state::decide_resize(resize_verdict verdict, std::string message) {
  resize_ = verdict;
  resize_message_ = std::move(message);
}

void pod_state::step_resize(actions& out) {
  if (resize_ != resize_verdict::fits)
    return;
  for (size_t i = 0; i < containers_.size(); ++i) {
    auto& c = containers_[i];
    const auto* wanted = c.resizing ? nullptr : wanted_of(c);
    if (!wanted || c.phase == container_phase::starting || c.phase == container_phase::stopping)
      continue;
    const bool runs = c.phase == container_phase::running;
    if (!runs || must_restart(*wanted, resources_of(c.spec), resources_of(*wanted))) {
      c.spec.resources = wanted->resources;
      c.spec.resize_policy = wanted->resize_policy;
      if (runs) {
        c.stop_why = "Container " + c.spec.name + " resize requires restart";
        c.restart_anyway = true;
      }
      continue;
    }
    c.resizing = true;
    out.push_back(resize_container{i, resources_of(*wanted)});
  }
}

void pod_state::on_resized(size_t index, const std::string& id, const resource_requirements& now,
                           bool ok, std::string message) {
  auto& c = containers_[index];
  c.resizing = false;
  // A later instance has what it was created with.
  if (c.id != id)
    return;
  if (ok) {
    c.spec.resources.ensure() = now;
    return;
  }
  // Asked again when the pod or what is on its node changes.
  decide_resize(resize_verdict::failed, std::move(message));
}

// The condition that tells where a change of resources stands; none when it is through.
std::optional<api::v1::pod_condition> pod_state::resize_condition() const {
  const bool wanted = std::any_of(containers_.begin(), containers_.end(),
                                  [this](const auto& c) { return wanted_of(c) != nullptr; });
  if (!wanted || stage_ == pod_stage::stopping || stage_ == pod_stage::finished)
    return std::nullopt;
  api::v1::pod_condition c;
  c.status = "True";
  c.message = resize_message_;
  switch (resize_) {
  case resize_verdict::fits:
    c.type = "PodResizeInProgress";
    break;
  case resize_verdict::failed:
    c.type = "PodResizeInProgress";
    c.reason = "Error";
    break;
  case resize_verdict::deferred:
    c.type = "PodResizePending";
    c.reason = "Deferred";
    break;
  case resize_verdict::infeasible:
    c.type = "PodResizePending";
    c.reason = "Infeasible";
    break;
  }
  return c;
}

} // namespace thespis::actors
