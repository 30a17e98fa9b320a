#include "actors/controllers/deployment_model.hpp"

#include "actors/controllers/notes.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace thespis::actors::deployments {

namespace {

/// Annotations that say something about one object only.
constexpr std::array<std::string_view, 6> own_annotations{
    "kubectl.kubernetes.io/last-applied-configuration",
    revision_key,
    history_key,
    desired_key,
    max_key,
    "deprecated.deployment.rollback.to"};

constexpr size_t max_history_length = 2000;

template <class T>
std::optional<T> number(const std::map<std::string, std::string>& annotations,
                        std::string_view key) {
  const auto i = annotations.find(std::string{key});
  T res = 0;
  if (i == annotations.end() ||
      std::from_chars(i->second.data(), i->second.data() + i->second.size(), res).ec != std::errc{})
    return std::nullopt;
  return res;
}

bool set(std::map<std::string, std::string>& annotations, std::string_view key,
         const std::string& value) {
  auto& slot = annotations[std::string{key}];
  if (slot == value)
    return false;
  slot = value;
  return true;
}

} // namespace

bool is_rolling(const deployment& d) {
  return !d.spec.strategy || d.spec.strategy->type != "Recreate";
}

int32_t desired(const deployment& d) {
  return d.spec.replicas.value_or(1);
}

int32_t desired(const replica_set& rs) {
  return rs.spec.replicas.value_or(1);
}

int32_t max_surge(const deployment& d) {
  if (!is_rolling(d) || !d.spec.strategy || !d.spec.strategy->rolling_update)
    return 0;
  return share_of(d.spec.strategy->rolling_update->max_surge, desired(d), rounding::up);
}

int32_t max_unavailable(const deployment& d) {
  if (!is_rolling(d) || desired(d) == 0)
    return 0;
  int32_t res = 0;
  if (d.spec.strategy && d.spec.strategy->rolling_update)
    res = share_of(d.spec.strategy->rolling_update->max_unavailable, desired(d), rounding::down);
  // With neither surge nor unavailability nothing could ever move.
  if (res == 0 && max_surge(d) == 0)
    res = 1;
  return std::min(res, desired(d));
}

bool has_deadline(const deployment& d) {
  return d.spec.progress_deadline_seconds &&
         *d.spec.progress_deadline_seconds != std::numeric_limits<int32_t>::max();
}

std::string template_hash(const api::v1::pod_template_spec& t, std::optional<int32_t> collisions) {
  api::json::document doc;
  auto text = api::json::to_string(api::v1::to_json(t, doc.GetAllocator()));
  if (collisions)
    text += std::to_string(*collisions);
  uint32_t hash = 2166136261U;
  for (const unsigned char c : text)
    hash = (hash ^ c) * 16777619U;
  constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
  auto res = std::to_string(hash);
  for (auto& c : res)
    c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return res;
}

bool same_template(api::v1::pod_template_spec a, api::v1::pod_template_spec b) {
  a.metadata.labels.erase(std::string{hash_label});
  b.metadata.labels.erase(std::string{hash_label});
  return a == b;
}

int64_t revision_of(const replica_set& rs) {
  return number<int64_t>(rs.metadata.annotations, revision_key).value_or(0);
}

std::optional<int32_t> annotated(const replica_set& rs, std::string_view key) {
  return number<int32_t>(rs.metadata.annotations, key);
}

bool annotate(replica_set& rs, const deployment& d, int64_t revision, bool exists) {
  auto& annotations = rs.metadata.annotations;
  bool changed = false;
  for (const auto& [key, value] : d.metadata.annotations)
    if (std::find(own_annotations.begin(), own_annotations.end(), key) == own_annotations.end())
      changed |= set(annotations, key, value);
  const auto before = number<int64_t>(annotations, revision_key);
  if (!before || *before < revision) {
    set(annotations, revision_key, std::to_string(revision));
    changed = true;
    if (before) {
      auto& history = annotations[std::string{history_key}];
      history += (history.empty() ? "" : ",") + std::to_string(*before);
      while (history.size() > max_history_length && history.find(',') != std::string::npos)
        history.erase(0, history.find(',') + 1);
    }
  }
  if (!exists)
    changed |= annotate_size(rs, d);
  return changed;
}

bool annotate_size(replica_set& rs, const deployment& d) {
  const bool a = set(rs.metadata.annotations, desired_key, std::to_string(desired(d)));
  const bool b = set(rs.metadata.annotations, max_key, std::to_string(desired(d) + max_surge(d)));
  return a || b;
}

int32_t new_set_size(const deployment& d, int32_t total, int32_t current) {
  if (!is_rolling(d))
    return desired(d);
  const auto most = desired(d) + max_surge(d);
  if (total >= most)
    return current;
  return current + std::min(most - total, desired(d) - current);
}

int32_t proportion(const replica_set& rs, const deployment& d, int32_t to_add, int32_t added) {
  if (desired(rs) == 0 || to_add == 0 || to_add == added)
    return 0;
  int32_t share = -desired(rs);
  if (desired(d) != 0) {
    // What the limit was when the set got its size; the status knows about when nobody noted it.
    auto before = annotated(rs, max_key).value_or(d.status.replicas.value_or(0));
    if (before == 0)
      before = desired(d) + max_surge(d);
    const auto size = static_cast<double>(desired(rs)) * (desired(d) + max_surge(d)) / before;
    share = static_cast<int32_t>(std::lround(size)) - desired(rs);
  }
  const auto allowed = to_add - added;
  return to_add > 0 ? std::min(share, allowed) : std::max(share, allowed);
}

const deployment_condition* find_condition(const deployment_status& s, std::string_view type) {
  const auto i = std::find_if(s.conditions.begin(), s.conditions.end(),
                              [&](const auto& c) { return c.type == type; });
  return i == s.conditions.end() ? nullptr : &*i;
}

deployment_condition make_condition(std::string_view type, std::string_view status,
                                    std::string_view reason, std::string message, wall_time now) {
  deployment_condition res;
  res.type = type;
  res.status = status;
  res.reason = reason;
  res.message = std::move(message);
  res.last_update_time = res.last_transition_time = api::format_time(now);
  return res;
}

void set_condition(deployment_status& s, deployment_condition c) {
  if (const auto* now = find_condition(s, c.type)) {
    if (now->status == c.status && now->reason == c.reason)
      return;
    if (now->status == c.status)
      c.last_transition_time = now->last_transition_time;
  }
  drop_condition(s, c.type);
  s.conditions.push_back(std::move(c));
}

void drop_condition(deployment_status& s, std::string_view type) {
  std::erase_if(s.conditions, [&](const auto& c) { return c.type == type; });
}

bool is_complete(const deployment& d, const deployment_status& s) {
  return s.updated_replicas.value_or(0) == desired(d) && s.replicas.value_or(0) == desired(d) &&
         s.available_replicas.value_or(0) == desired(d) &&
         s.observed_generation.value_or(0) >= d.metadata.generation.value_or(0);
}

bool is_progressing(const deployment_status& before, const deployment_status& after) {
  const auto old = [](const deployment_status& s) {
    return s.replicas.value_or(0) - s.updated_replicas.value_or(0);
  };
  return after.updated_replicas.value_or(0) > before.updated_replicas.value_or(0) ||
         old(after) < old(before) ||
         after.ready_replicas.value_or(0) > before.ready_replicas.value_or(0) ||
         after.available_replicas.value_or(0) > before.available_replicas.value_or(0);
}

bool is_timed_out(const deployment& d, const deployment_status& s, wall_time now) {
  const auto* c = find_condition(s, "Progressing");
  if (!has_deadline(d) || !c || c->reason == "NewReplicaSetAvailable")
    return false;
  if (c->reason == "ProgressDeadlineExceeded")
    return true;
  const auto since = api::parse_time(c->last_update_time);
  return since && *since + std::chrono::seconds{*d.spec.progress_deadline_seconds} < now;
}

} // namespace thespis::actors::deployments
