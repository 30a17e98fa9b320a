#include "actors/controllers/pods_of.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

namespace thespis::actors {

namespace {

int32_t deletion_cost(const api::v1::pod& p) {
  const auto i = p.metadata.annotations.find("controller.kubernetes.io/pod-deletion-cost");
  int32_t res = 0;
  if (i != p.metadata.annotations.end())
    std::from_chars(i->second.data(), i->second.data() + i->second.size(), res);
  return res;
}

int phase_rank(const std::string& phase) {
  return phase == "Pending" ? 0 : phase == "Running" ? 2 : 1;
}

int32_t restarts(const api::v1::pod& p) {
  int32_t res = 0;
  for (const auto& c : p.status.container_statuses)
    res = std::max(res, c.restart_count);
  return res;
}

std::string owners_patch(const api::object& o,
                         const std::vector<api::v1::owner_reference>& owners) {
  api::json::document doc;
  auto& a = doc.GetAllocator();
  doc.SetObject();
  auto& meta = api::json::ensure_object(doc, "metadata", a);
  api::json::set(meta, "uid", o.uid(), a);
  api::json::value list{rapidjson::kArrayType};
  for (const auto& owner : owners)
    list.PushBack(api::v1::to_json(owner, a), a);
  api::json::set(meta, "ownerReferences", std::move(list), a);
  return api::json::to_string(doc);
}

std::vector<api::v1::owner_reference> owners_of(const api::object& o) {
  std::vector<api::v1::owner_reference> res;
  for (const auto& owner : o.meta().owners) {
    api::v1::owner_reference r;
    r.api_version = owner.api_version;
    r.kind = owner.kind;
    r.name = owner.name;
    r.uid = owner.uid;
    if (owner.controller)
      r.controller = true;
    if (owner.block_owner_deletion)
      r.block_owner_deletion = true;
    res.push_back(std::move(r));
  }
  return res;
}

} // namespace

bool is_active(const observed_pod& p) {
  return !p.object->meta().deleting && p->status.phase != "Succeeded" &&
         p->status.phase != "Failed";
}

bool is_ready(const api::v1::pod& p) {
  return std::any_of(p.status.conditions.begin(), p.status.conditions.end(),
                     [](const auto& c) { return c.type == "Ready" && c.status == "True"; });
}

wall_time ready_since(const api::v1::pod& p) {
  for (const auto& c : p.status.conditions)
    if (c.type == "Ready" && c.status == "True")
      return api::parse_time(c.last_transition_time).value_or(wall_time{});
  return {};
}

bool is_available(const api::v1::pod& p, int32_t min_ready_seconds, wall_time now) {
  return is_ready(p) && (min_ready_seconds == 0 ||
                         ready_since(p) + std::chrono::seconds{min_ready_seconds} <= now);
}

void sort_for_deletion(std::vector<observed_pod>& pods) {
  std::map<std::string, int> on_node;
  for (const auto& p : pods)
    ++on_node[p->spec.node_name];
  const auto rank = [&](const observed_pod& p) {
    const bool ready = is_ready(*p);
    return std::tuple{!p->spec.node_name.empty(), phase_rank(p->status.phase), ready,
                      deletion_cost(*p), -on_node[p->spec.node_name],
                      // Shorter ready first: later times sort before earlier ones.
                      -ready_since(*p).time_since_epoch().count(), -restarts(*p),
                      -static_cast<int64_t>(api::parse_time(p->metadata.creation_timestamp)
                                                .value_or(wall_time{})
                                                .time_since_epoch()
                                                .count()),
                      std::string_view{p->metadata.name}};
  };
  std::sort(pods.begin(), pods.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

bool controlled_by(const api::object& o, const std::string& uid) {
  const auto& owners = o.meta().owners;
  return std::any_of(owners.begin(), owners.end(),
                     [&](const auto& r) { return r.controller && r.uid == uid; });
}

bool has_controller(const api::object& o) {
  const auto& owners = o.meta().owners;
  return std::any_of(owners.begin(), owners.end(), [](const auto& r) { return r.controller; });
}

api::call adopt_call(const api::object& o, const api::v1::owner_reference& owner) {
  auto owners = owners_of(o);
  owners.push_back(owner);
  return patch_call(o.resource(), {o.ns(), o.name()}, owners_patch(o, owners));
}

api::call release_call(const api::object& o, const std::string& owner_uid) {
  return release_call(o, std::vector<std::string>{owner_uid});
}

api::call release_call(const api::object& o, const std::vector<std::string>& owner_uids) {
  auto owners = owners_of(o);
  std::erase_if(owners, [&](const auto& r) {
    return std::find(owner_uids.begin(), owner_uids.end(), r.uid) != owner_uids.end();
  });
  return patch_call(o.resource(), {o.ns(), o.name()}, owners_patch(o, owners));
}

} // namespace thespis::actors
