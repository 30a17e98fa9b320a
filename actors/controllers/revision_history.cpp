#include "actors/controllers/revision_history.hpp"

#include "actors/controllers/deployment_model.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

using api::v1::controller_revision;

constexpr int32_t default_limit = 10;

/// A strategic merge patch that brings the template back: what `kubectl rollout undo` applies.
std::string data_of(const api::v1::pod_template_spec& t) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  auto& spec = api::json::ensure_object(doc, "spec", a);
  auto pods = api::v1::to_json(t, a);
  api::json::set(pods, "$patch", "replace", a);
  api::json::set(spec, "template", std::move(pods), a);
  return api::json::to_string(doc);
}

} // namespace

revision_history history_of(const template_owner& owner, const view& v) {
  revision_history res;
  for (auto& r : v.owned_by<controller_revision>(owner.object->uid()))
    if (controlled_by(*r.object, owner.object->uid()))
      res.all.push_back(std::move(r));
  std::sort(res.all.begin(), res.all.end(), [](const auto& a, const auto& b) {
    return std::tie(a->revision, a->metadata.creation_timestamp, a.object->name()) <
           std::tie(b->revision, b->metadata.creation_timestamp, b.object->name());
  });
  const auto data = data_of(owner.pods);
  const auto next = res.all.empty() ? 1 : res.all.back()->revision + 1;
  // Of equal ones the newest counts.
  const auto i = std::find_if(res.all.rbegin(), res.all.rend(),
                              [&](const auto& r) { return r->data.text == data; });
  if (i != res.all.rend()) {
    if (i == res.all.rbegin()) {
      res.newest = *i;
      return res;
    }
    auto again = **i;
    again.revision = next;
    res.calls.push_back(update_call(again));
    return res;
  }
  const auto hash = deployments::template_hash(
      owner.pods, owner.collisions ? std::optional{owner.collisions} : std::nullopt);
  controller_revision made;
  made.metadata.name = owner.object->name() + "-" + hash;
  made.metadata.namespace_ = owner.object->ns();
  made.metadata.labels = owner.pods.metadata.labels;
  made.metadata.labels[std::string{revision_label}] = hash;
  made.metadata.owner_references = {owner.reference};
  made.data.text = data;
  made.revision = next;
  if (v.find(controller_revision::resource_name, owner.object->ns(), made.metadata.name)) {
    res.collided = true;
    return res;
  }
  res.calls.push_back(create_call(made));
  return res;
}

std::vector<api::call> trim_history(const revision_history& h, std::optional<int32_t> limit,
                                    const std::set<std::string>& used) {
  std::vector<api::call> res;
  std::vector<const observed_revision*> idle;
  for (const auto& r : h.all)
    if (!used.contains(r.object->name()) && !r.object->meta().deleting)
      idle.push_back(&r);
  const auto keep = static_cast<size_t>(std::max(0, limit.value_or(default_limit)));
  for (size_t i = 0; i + keep < idle.size(); ++i)
    res.push_back(delete_call(*idle[i]->object));
  return res;
}

api::v1::pod_template_spec template_of(const controller_revision& r) {
  const auto doc = api::json::parse(r.data.text);
  if (!doc)
    return {};
  const auto* spec = api::json::find(*doc, "spec");
  const auto* pods = spec ? api::json::find(*spec, "template") : nullptr;
  return pods ? api::v1::from_json<api::v1::pod_template_spec>(*pods)
              : api::v1::pod_template_spec{};
}

std::string hash_of(const observed_revision& r) {
  const auto* label = api::find_label(r.object->labels(), revision_label);
  return label ? *label : std::string{};
}

} // namespace thespis::actors
