#include "actors/controllers/job_pods.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::actors::jobs {

namespace {

std::optional<int32_t> number(std::string_view text) {
  int32_t res = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), res);
  if (ec != std::errc{} || end != text.data() + text.size() || res < 0)
    return std::nullopt;
  return res;
}

const std::string* annotation(const api::v1::pod& p, std::string_view key) {
  const auto i = p.metadata.annotations.find(std::string{key});
  return i == p.metadata.annotations.end() ? nullptr : &i->second;
}

bool matches(const api::v1::pod_failure_policy_on_exit_codes_requirement& r, const api::v1::pod& p,
             std::string& which, int32_t& code) {
  for (const auto* all : {&p.status.init_container_statuses, &p.status.container_statuses})
    for (const auto& c : *all) {
      if (!r.container_name.empty() && r.container_name != c.name)
        continue;
      const auto* ended = c.state ? c.state->terminated.get() : nullptr;
      if (!ended || ended->exit_code == 0)
        continue;
      const bool listed =
          std::find(r.values.begin(), r.values.end(), ended->exit_code) != r.values.end();
      if (listed != (r.operator_ == "In"))
        continue;
      which = c.name;
      code = ended->exit_code;
      return true;
    }
  return false;
}

bool matches(const api::v1::pod_failure_policy_on_pod_conditions_pattern& r,
             const api::v1::pod& p) {
  const auto wanted = r.status.empty() ? std::string{"True"} : r.status;
  return std::any_of(p.status.conditions.begin(), p.status.conditions.end(),
                     [&](const auto& c) { return c.type == r.type && c.status == wanted; });
}

failure_verdict::action action_of(const std::string& name) {
  using enum failure_verdict::action;
  if (name == "Ignore")
    return ignore;
  if (name == "FailIndex")
    return fail_index;
  return name == "FailJob" ? fail_job : count;
}

void add_index_env(api::v1::container& c) {
  if (std::any_of(c.env.begin(), c.env.end(),
                  [](const auto& e) { return e.name == "JOB_COMPLETION_INDEX"; }))
    return;
  auto& e = c.env.emplace_back();
  e.name = "JOB_COMPLETION_INDEX";
  e.value_from.ensure().field_ref.ensure().field_path =
      "metadata.annotations['" + std::string{index_key} + "']";
}

} // namespace

std::string to_text(const index_set& s) {
  std::string res;
  for (auto i = s.begin(); i != s.end();) {
    const auto first = *i;
    auto last = first;
    for (++i; i != s.end() && *i == last + 1; ++i)
      last = *i;
    res += (res.empty() ? "" : ",") + std::to_string(first);
    if (last != first)
      res += (last == first + 1 ? "," : "-") + std::to_string(last);
  }
  return res;
}

index_set parse_indexes(std::string_view text, int32_t limit) {
  index_set res;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text = comma == text.npos ? std::string_view{} : text.substr(comma + 1);
    const auto dash = part.find('-');
    const auto first = number(part.substr(0, dash));
    const auto last = dash == part.npos ? first : number(part.substr(dash + 1));
    if (first && last)
      for (auto i = *first; i <= *last && i < limit; ++i)
        res.insert(i);
  }
  return res;
}

bool is_indexed(const job& j) {
  return j.spec.completion_mode == "Indexed";
}

bool waits_for_end(const job& j) {
  return j.spec.pod_replacement_policy == "Failed" ||
         (j.spec.pod_replacement_policy.empty() && j.spec.pod_failure_policy);
}

bool succeeded(const api::v1::pod& p) {
  return p.status.phase == "Succeeded";
}

bool failed(const job& j, const api::v1::pod& p) {
  if (p.status.phase == "Failed")
    return true;
  return !waits_for_end(j) && !p.metadata.deletion_timestamp.empty() && !succeeded(p);
}

bool is_tracked(const api::v1::pod& p) {
  const auto& all = p.metadata.finalizers;
  return std::find(all.begin(), all.end(), tracking_finalizer) != all.end();
}

std::optional<int32_t> index_of(const api::v1::pod& p) {
  const auto* text = annotation(p, index_key);
  return text ? number(*text) : std::nullopt;
}

int32_t index_failures(const api::v1::pod& p) {
  const auto* text = annotation(p, index_failures_key);
  return text ? number(*text).value_or(0) : 0;
}

wall_time finished_at(const api::v1::pod& p) {
  wall_time res{};
  for (const auto& c : p.status.container_statuses)
    if (c.state && c.state->terminated)
      if (const auto t = api::parse_time(c.state->terminated->finished_at))
        res = std::max(res, wall_time{*t});
  if (res == wall_time{})
    for (const auto& c : p.status.conditions)
      if (const auto t = api::parse_time(c.last_transition_time); t && c.type == "Ready")
        res = wall_time{*t};
  if (res == wall_time{})
    if (const auto t = api::parse_time(p.metadata.deletion_timestamp))
      res = wall_time{*t};
  return res;
}

api::v1::pod make_pod(const job& j, std::optional<int32_t> index, int32_t failures_of_index) {
  api::v1::pod res;
  res.metadata = j.spec.template_.metadata;
  res.metadata.namespace_ = j.metadata.namespace_;
  res.metadata.generate_name = j.metadata.name + "-";
  res.metadata.owner_references = {controller_reference(j)};
  res.metadata.finalizers.emplace_back(tracking_finalizer);
  res.spec = j.spec.template_.spec;
  if (!index)
    return res;
  const auto text = std::to_string(*index);
  res.metadata.generate_name += text + "-";
  res.metadata.annotations[std::string{index_key}] = text;
  res.metadata.labels[std::string{index_key}] = text;
  if (j.spec.backoff_limit_per_index)
    res.metadata.annotations[std::string{index_failures_key}] = std::to_string(failures_of_index);
  res.spec.hostname = j.metadata.name + "-" + text;
  for (auto& c : res.spec.init_containers)
    add_index_env(c);
  for (auto& c : res.spec.containers)
    add_index_env(c);
  return res;
}

failure_verdict judge(const job& j, const api::v1::pod& p) {
  failure_verdict res;
  if (!j.spec.pod_failure_policy)
    return res;
  const auto pod_name = p.metadata.namespace_ + "/" + p.metadata.name;
  for (size_t i = 0; i < j.spec.pod_failure_policy->rules.size(); ++i) {
    const auto& r = j.spec.pod_failure_policy->rules[i];
    const auto rule = " matching " + r.action + " rule at index " + std::to_string(i);
    std::string container;
    int32_t code = 0;
    if (r.on_exit_codes && matches(*r.on_exit_codes, p, container, code))
      return {action_of(r.action), "Container " + container + " for pod " + pod_name +
                                       " failed with exit code " + std::to_string(code) + rule};
    for (const auto& c : r.on_pod_conditions)
      if (matches(c, p))
        return {action_of(r.action), "Pod " + pod_name + " has condition " + c.type + rule};
  }
  return res;
}

std::optional<size_t> met_success_rule(const job& j, const index_set& succeeded) {
  if (!j.spec.success_policy)
    return std::nullopt;
  for (size_t i = 0; i < j.spec.success_policy->rules.size(); ++i) {
    const auto& r = j.spec.success_policy->rules[i];
    auto count = static_cast<int32_t>(succeeded.size());
    auto needed = r.succeeded_count.value_or(0);
    if (!r.succeeded_indexes.empty()) {
      const auto wanted = parse_indexes(r.succeeded_indexes, j.spec.completions.value_or(0));
      count = static_cast<int32_t>(std::count_if(wanted.begin(), wanted.end(),
                                                 [&](auto n) { return succeeded.contains(n); }));
      if (!r.succeeded_count)
        needed = static_cast<int32_t>(wanted.size());
    }
    if (count >= needed)
      return i;
  }
  return std::nullopt;
}

} // namespace thespis::actors::jobs
