#include "actors/controllers/stateful_set_pods.hpp"

#include "actors/controllers/revision_history.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::actors::stateful {

namespace {

constexpr const char* name_label = "statefulset.kubernetes.io/pod-name";
constexpr const char* index_label = "apps.kubernetes.io/pod-index";

const api::v1::stateful_set_persistent_volume_claim_retention_policy*
retention(const stateful_set& s) {
  return s.spec.persistent_volume_claim_retention_policy.get();
}

bool goes_with_set(const stateful_set& s) {
  const auto* r = retention(s);
  return r && r->when_deleted == "Delete";
}

bool goes_with_pod(const stateful_set& s) {
  const auto* r = retention(s);
  return r && r->when_scaled == "Delete";
}

api::v1::owner_reference owner_of_claims(const stateful_set& s) {
  auto res = controller_reference(s);
  res.controller.reset();
  res.block_owner_deletion.reset();
  return res;
}

bool is_pod_named(const api::v1::owner_reference& r, const std::string& name) {
  return r.api_version == "v1" && r.kind == "Pod" && r.name == name;
}

std::string claim_name(const std::string& claim, const stateful_set& s, int32_t ordinal) {
  return claim + "-" + pod_name(s, ordinal);
}

} // namespace

int32_t first_ordinal(const stateful_set& s) {
  return s.spec.ordinals ? s.spec.ordinals->start.value_or(0) : 0;
}

int32_t replicas(const stateful_set& s) {
  return s.spec.replicas.value_or(1);
}

bool is_ordered(const stateful_set& s) {
  return s.spec.pod_management_policy != "Parallel";
}

bool is_rolling(const stateful_set& s) {
  return !s.spec.update_strategy || s.spec.update_strategy->type != "OnDelete";
}

int32_t partition(const stateful_set& s) {
  const auto* u = s.spec.update_strategy.get();
  return u && u->rolling_update ? u->rolling_update->partition.value_or(0) : 0;
}

std::string pod_name(const stateful_set& s, int32_t ordinal) {
  return s.metadata.name + "-" + std::to_string(ordinal);
}

std::optional<int32_t> ordinal_of(const stateful_set& s, std::string_view pod) {
  const auto& name = s.metadata.name;
  if (pod.size() < name.size() + 2 || !pod.starts_with(name) || pod[name.size()] != '-')
    return std::nullopt;
  const auto digits = pod.substr(name.size() + 1);
  int32_t res = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), res);
  if (ec != std::errc{} || end != digits.data() + digits.size() || res < 0)
    return std::nullopt;
  return res;
}

api::v1::pod make_pod(const stateful_set& s, const api::v1::pod_template_spec& pods,
                      const std::string& revision, int32_t ordinal) {
  api::v1::pod res;
  res.metadata = pods.metadata;
  res.metadata.name = pod_name(s, ordinal);
  res.metadata.namespace_ = s.metadata.namespace_;
  res.metadata.generate_name = s.metadata.name + "-";
  res.metadata.labels[name_label] = res.metadata.name;
  res.metadata.labels[index_label] = std::to_string(ordinal);
  res.metadata.labels[std::string{revision_label}] = revision;
  res.metadata.owner_references = {controller_reference(s)};
  res.spec = pods.spec;
  res.spec.hostname = res.metadata.name;
  res.spec.subdomain = s.spec.service_name;
  for (const auto& c : s.spec.volume_claim_templates) {
    // A claim takes the place of a volume of its name.
    std::erase_if(res.spec.volumes, [&](const auto& v) { return v.name == c.metadata.name; });
    auto& volume = res.spec.volumes.emplace_back();
    volume.name = c.metadata.name;
    volume.persistent_volume_claim.ensure().claim_name = claim_name(c.metadata.name, s, ordinal);
  }
  return res;
}

std::vector<api::v1::persistent_volume_claim> claims_of(const stateful_set& s, int32_t ordinal) {
  std::vector<api::v1::persistent_volume_claim> res;
  for (auto c : s.spec.volume_claim_templates) {
    c.metadata.name = claim_name(c.metadata.name, s, ordinal);
    c.metadata.namespace_ = s.metadata.namespace_;
    for (const auto& [key, value] : s.spec.selector.match_labels)
      c.metadata.labels[key] = value;
    c.status = {};
    if (goes_with_set(s))
      c.metadata.owner_references = {owner_of_claims(s)};
    res.push_back(std::move(c));
  }
  return res;
}

bool is_claim_of(const stateful_set& s, std::string_view claim) {
  const auto& all = s.spec.volume_claim_templates;
  return std::any_of(all.begin(), all.end(), [&](const auto& t) {
    const auto prefix = t.metadata.name + "-";
    return claim.starts_with(prefix) && ordinal_of(s, claim.substr(prefix.size()));
  });
}

bool is_stale(const api::v1::persistent_volume_claim& c, const std::string& pod) {
  const auto& all = c.metadata.owner_references;
  return std::any_of(all.begin(), all.end(), [&](const auto& r) { return is_pod_named(r, pod); });
}

bool set_owners(const stateful_set& s, const api::v1::pod& p, bool surplus,
                api::v1::persistent_volume_claim& c) {
  auto owners = c.metadata.owner_references;
  const bool with_pod = surplus && goes_with_pod(s);
  const bool with_set = goes_with_set(s) && !with_pod;
  const auto has = [&](const std::string& uid) {
    return std::any_of(owners.begin(), owners.end(), [&](const auto& r) { return r.uid == uid; });
  };
  std::erase_if(owners, [&](const auto& r) {
    return (r.uid == s.metadata.uid && !with_set) ||
           (is_pod_named(r, p.metadata.name) && !(with_pod && r.uid == p.metadata.uid));
  });
  if (with_set && !has(s.metadata.uid))
    owners.push_back(owner_of_claims(s));
  if (with_pod && !has(p.metadata.uid)) {
    auto& r = owners.emplace_back();
    r.api_version = "v1";
    r.kind = "Pod";
    r.name = p.metadata.name;
    r.uid = p.metadata.uid;
  }
  if (owners == c.metadata.owner_references)
    return false;
  c.metadata.owner_references = std::move(owners);
  return true;
}

bool has_identity(const stateful_set& s, const api::v1::pod& p, int32_t ordinal) {
  const auto is = [&](const char* key, const std::string& value) {
    const auto i = p.metadata.labels.find(key);
    return i != p.metadata.labels.end() && i->second == value;
  };
  return is(name_label, pod_name(s, ordinal)) && is(index_label, std::to_string(ordinal));
}

std::string revision_of(const api::v1::pod& p) {
  const auto i = p.metadata.labels.find(std::string{revision_label});
  return i == p.metadata.labels.end() ? std::string{} : i->second;
}

} // namespace thespis::actors::stateful
