#include "actors/controllers/volume_match.hpp"

#include "actors/controllers/selectors.hpp"
#include "actors/scheduler/filters.hpp"
#include "api/text/quantity.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using claim = api::v1::persistent_volume_claim;
using volume = api::v1::persistent_volume;

api::quantity storage_of(const std::map<std::string, std::string>& list) {
  const auto i = list.find("storage");
  return i == list.end() ? api::quantity{}
                         : api::parse_quantity(i->second).value_or(api::quantity{});
}

api::quantity wanted(const claim& c) {
  return c.spec.resources ? storage_of(c.spec.resources->requests) : api::quantity{};
}

std::string mode_of(const std::string& mode) {
  return mode.empty() ? "Filesystem" : mode;
}

bool offers_modes(const volume& v, const claim& c) {
  return std::all_of(c.spec.access_modes.begin(), c.spec.access_modes.end(), [&](const auto& m) {
    return std::find(v.spec.access_modes.begin(), v.spec.access_modes.end(), m) !=
           v.spec.access_modes.end();
  });
}

std::string noted_class(const api::v1::object_meta& m, const std::string& field) {
  const auto i = m.annotations.find(volume_notes::beta_class);
  return i == m.annotations.end() ? field : i->second;
}

} // namespace

std::string class_of(const claim& c) {
  return noted_class(c.metadata, c.spec.storage_class_name);
}

std::string class_of(const volume& v) {
  return noted_class(v.metadata, v.spec.storage_class_name);
}

bool has_note(const api::v1::object_meta& m, const char* key) {
  return m.annotations.contains(key);
}

bool is_for(const volume& v, const claim& c) {
  const auto* r = v.spec.claim_ref.get();
  return r && r->name == c.metadata.name && r->namespace_ == c.metadata.namespace_ &&
         (r->uid.empty() || r->uid == c.metadata.uid);
}

bool is_fully_bound(const claim& c, const volume* v) {
  return v && !c.spec.volume_name.empty() && has_note(c.metadata, volume_notes::bind_completed) &&
         v->spec.claim_ref && v->spec.claim_ref->uid == c.metadata.uid;
}

bool reaches(const volume& v, const api::v1::node& n) {
  if (!v.spec.node_affinity || !v.spec.node_affinity->required)
    return true;
  return matches_terms(*v.spec.node_affinity->required, n);
}

std::string mismatch(const volume& v, const claim& c) {
  if (storage_of(v.spec.capacity) < wanted(c))
    return "requested PV is too small";
  if (class_of(v) != class_of(c))
    return "storageClassName does not match";
  if (mode_of(v.spec.volume_mode) != mode_of(c.spec.volume_mode))
    return "incompatible volumeMode";
  if (!offers_modes(v, c))
    return "incompatible accessMode";
  return {};
}

volume_ptr best_volume(const std::vector<volume_ptr>& all, const claim& c,
                       const api::v1::node* node, const std::function<bool(const volume&)>& taken) {
  const auto selector = c.spec.selector ? selector_of(*c.spec.selector) : api::label_selector{};
  volume_ptr best;
  for (const auto& v : all) {
    if (!v->metadata.deletion_timestamp.empty())
      continue;
    const bool reserved = v->spec.claim_ref.has_value();
    if (reserved ? !is_for(*v, c) : taken(*v))
      continue;
    if (mode_of(v->spec.volume_mode) != mode_of(c.spec.volume_mode) ||
        storage_of(v->spec.capacity) < wanted(c) || (node && !reaches(*v, *node)))
      continue;
    if (reserved)
      return v;
    if (v->status.phase != "Available" || !selector.matches(labels_of(v->metadata.labels)) ||
        class_of(*v) != class_of(c) || !offers_modes(*v, c) ||
        v->spec.volume_attributes_class_name != c.spec.volume_attributes_class_name)
      continue;
    if (!best || storage_of(v->spec.capacity) < storage_of(best->spec.capacity))
      best = v;
  }
  return best;
}

bool waits_for_consumer(const api::v1::storage_class* s) {
  return s && s->volume_binding_mode == "WaitForFirstConsumer";
}

} // namespace thespis::actors
