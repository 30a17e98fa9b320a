#include "actors/controllers/pods_of.hpp"

#include "api/text/time.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

namespace thespis::actors {

namespace {

pod_facts::phase_t phase_of(std::string_view text) {
  using enum pod_facts::phase_t;
  return text == "Pending"     ? pending
         : text == "Running"   ? running
         : text == "Succeeded" ? succeeded
         : text == "Failed"    ? failed
                               : unknown;
}

int phase_rank(pod_facts::phase_t phase) {
  return phase == pod_facts::phase_t::pending ? 0 : phase == pod_facts::phase_t::running ? 2 : 1;
}

bool long_enough(wall_time since, int32_t min_ready_seconds, wall_time now) {
  return min_ready_seconds == 0 || since + std::chrono::seconds{min_ready_seconds} <= now;
}

wall_time time_of(std::string_view text) {
  return api::parse_time(text).value_or(wall_time{});
}

int32_t number_of(std::string_view text) {
  int32_t res = 0;
  std::from_chars(text.data(), text.data() + text.size(), res);
  return res;
}

/// The items of an array below `status`, if there is one.
template <class F>
void each_of_status(const api::json::value& status, std::string_view name, F f) {
  if (const auto* list = api::json::find(status, name); list && list->IsArray())
    for (const auto& item : list->GetArray())
      f(item);
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

pod_facts pod_facts::of(const api::object& o) {
  pod_facts res;
  const auto doc = o.parse();
  if (const auto* meta = api::json::find(doc, "metadata")) {
    res.created = time_of(api::json::get_string(*meta, "creationTimestamp"));
    if (const auto* notes = api::json::find(*meta, "annotations"); notes && notes->IsObject())
      res.deletion_cost =
          number_of(api::json::get_string(*notes, "controller.kubernetes.io/pod-deletion-cost"));
  }
  const auto* status = api::json::find(doc, "status");
  if (!status || !status->IsObject())
    return res;
  res.phase = phase_of(api::json::get_string(*status, "phase"));
  each_of_status(*status, "conditions", [&](const api::json::value& c) {
    if (api::json::get_string(c, "type") != "Ready" || api::json::get_string(c, "status") != "True")
      return;
    res.ready = true;
    res.ready_since = time_of(api::json::get_string(c, "lastTransitionTime"));
  });
  each_of_status(*status, "containerStatuses", [&](const api::json::value& c) {
    const auto n = static_cast<int32_t>(api::json::get_int(c, "restartCount"));
    res.restarts = std::max(res.restarts, n);
  });
  return res;
}

bool is_finished(const pod_facts& p) {
  return p.phase == pod_facts::phase_t::succeeded || p.phase == pod_facts::phase_t::failed;
}

bool is_active(const observed_pod& p) {
  return !p.object->meta().deleting && p->status.phase != "Succeeded" &&
         p->status.phase != "Failed";
}

bool is_active(const counted_pod& p) {
  return !p.object->meta().deleting && !is_finished(*p);
}

bool is_ready(const api::v1::pod& p) {
  return std::any_of(p.status.conditions.begin(), p.status.conditions.end(),
                     [](const auto& c) { return c.type == "Ready" && c.status == "True"; });
}

wall_time ready_since(const api::v1::pod& p) {
  for (const auto& c : p.status.conditions)
    if (c.type == "Ready" && c.status == "True")
      return time_of(c.last_transition_time);
  return {};
}

bool is_available(const api::v1::pod& p, int32_t min_ready_seconds, wall_time now) {
  return is_ready(p) && long_enough(ready_since(p), min_ready_seconds, now);
}

bool is_available(const pod_facts& p, int32_t min_ready_seconds, wall_time now) {
  return p.ready && long_enough(p.ready_since, min_ready_seconds, now);
}

void sort_for_deletion(std::vector<counted_pod>& pods) {
  std::map<std::string_view, int> on_node;
  for (const auto& p : pods)
    ++on_node[p.object->meta().node_name];
  const auto rank = [&](const counted_pod& p) {
    const auto& node = p.object->meta().node_name;
    return std::tuple{!node.empty(), phase_rank(p->phase), p->ready, p->deletion_cost,
                      -on_node[node],
                      // Shorter ready first: later times sort before earlier ones.
                      -p->ready_since.time_since_epoch().count(), -p->restarts,
                      -p->created.time_since_epoch().count(), std::string_view{p.object->name()}};
  };
  std::sort(pods.begin(), pods.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

void sort_for_deletion(std::vector<observed_pod>& pods) {
  std::vector<counted_pod> counted;
  std::map<const api::object*, observed_pod> by_object;
  for (auto& p : pods) {
    counted.push_back({p.object, std::make_shared<const pod_facts>(pod_facts::of(*p.object))});
    by_object.emplace(counted.back().object.get(), std::move(p));
  }
  sort_for_deletion(counted);
  pods.clear();
  for (const auto& c : counted)
    pods.push_back(std::move(by_object.at(c.object.get())));
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
