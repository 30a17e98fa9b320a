// The fourth part of the node actor: what it does when the machine runs short of something.
#include "actors/node/node_actor.hpp"

#include "api/object/typed.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

/// What an evicted pod gets, as kubelet gives it.
constexpr auto eviction_grace = 1s;
/// The next pod is evicted when the last one has ended, or after this.
constexpr auto leaving_patience = 30s;
constexpr auto images_interval = 30s;
constexpr auto reclaim_interval = 1min;
constexpr std::array pressure_kinds{pressure_kind::memory, pressure_kind::disk, pressure_kind::pid};

std::array<bool, 3> pressures_of(const eviction_state& s) {
  return {s.under(pressure_kind::memory), s.under(pressure_kind::disk),
          s.under(pressure_kind::pid)};
}

} // namespace

void node_actor::check_pressure(bool all) {
  if (!deps_.statistics || measuring_)
    return;
  measuring_ = true;
  deps_.statistics->read(measured_pods(all),
                         on_actor<node_statistics>(continuable{this}, [this, all](auto found) {
                           measuring_ = false;
                           judge_pressure(found, all);
                         }));
}

void node_actor::judge_pressure(const node_statistics& now, bool all) {
  const auto before = pressures_of(eviction_);
  const auto shortages = eviction_.observe(now.supplies, deps_.ports->env.clock->now());
  const auto after = pressures_of(eviction_);
  for (const auto k : pressure_kinds)
    if (before[static_cast<size_t>(k)] != after[static_cast<size_t>(k)])
      tell_pressure(k);
  if (before != after && registered_)
    write_status();
  collect_images(now);
  bool one_left = false;
  for (const auto& [uid, usage] : now.pods) {
    const auto i = pods_.find(uid);
    if (i == pods_.end() || !i->second.limits_storage)
      continue;
    if (const auto why = storage_overuse(*api::typed<api::v1::pod>(*i->second.object), usage))
      one_left |= evict(uid, *why, false, eviction_grace);
  }
  if (one_left || shortages.empty())
    return;
  if (!all)
    check_pressure(true);
  else
    evict_for(shortages.front(), now);
}

void node_actor::tell_pressure(pressure_kind k) {
  const bool on = eviction_.under(k);
  const char* what = k == pressure_kind::memory ? on ? "InsufficientMemory" : "SufficientMemory"
                     : k == pressure_kind::disk ? on ? "DiskPressure" : "NoDiskPressure"
                     : on                       ? "InsufficientPID"
                                                : "SufficientPID";
  const auto reason = std::string{"NodeHas"} + what;
  record_on_node("Normal", reason, "Node " + node_name() + " status is now: " + reason);
}

void node_actor::evict_for(const shortage& why, const node_statistics& now) {
  if (!leaving_.empty() && this->clock().now() < leaving_until_)
    return;
  record_on_node("Warning", "EvictionThresholdMet", "Attempting to reclaim " + why.resource);
  const bool disk = why.resource == "ephemeral-storage" || why.resource == "inodes";
  if (disk && this->clock().now() >= reclaim_due_) {
    // Images that nobody uses go before pods do.
    reclaim_due_ = this->clock().now() + reclaim_interval;
    remove_images(UINT64_MAX, [this](uint64_t) { check_pressure(true); });
    return;
  }
  std::vector<eviction_candidate> pods;
  for (const auto& [uid, entry] : pods_) {
    if (!entry.actor || !entry.holding.held || entry.evicted || entry.object->meta().deleting)
      continue;
    const auto i = now.pods.find(uid);
    pods.push_back(
        {uid, api::typed<api::v1::pod>(*entry.object), i == now.pods.end() ? nullptr : &i->second});
  }
  for (const auto& p : rank_for_eviction(std::move(pods), why))
    if (evict(p.uid, eviction_message(p, why), true, grace_of(*p.pod, why.soft)))
      return;
  spdlog::warn("node {}: low on {}, and no pod left to evict", node_name(), why.resource);
}

std::chrono::seconds node_actor::grace_of(const api::v1::pod& pod, bool soft) const {
  if (!soft)
    return eviction_grace;
  const std::chrono::seconds own{pod.spec.termination_grace_period_seconds.value_or(30)};
  return std::min(own, deps_.eviction.soft_pod_grace);
}

bool node_actor::evict(const std::string& uid, const std::string& message, bool disruption,
                       std::chrono::seconds grace) {
  const auto i = pods_.find(uid);
  if (i == pods_.end() || !i->second.actor || i->second.evicted)
    return false;
  auto& entry = i->second;
  if (is_critical(*api::typed<api::v1::pod>(*entry.object)))
    return false;
  entry.evicted = true;
  spdlog::warn("node {}: evicting {}/{}: {}", node_name(), entry.ns, entry.name, message);
  record({api::object_ref{entry.object}, "Warning", "Evicted", message, {}});
  this->send(entry.actor, end_pod{"Evicted", message, grace.count(), disruption});
  leaving_ = uid;
  leaving_until_ = this->clock().now() + leaving_patience + grace;
  return true;
}

// --- images --------------------------------------------------------------------------------------

void node_actor::look_at_images(const std::vector<runtime::container_summary>& containers,
                                std::function<void()> then) {
  images_due_ = this->clock().now() + images_interval;
  std::set<std::string> used;
  for (const auto& c : containers) {
    used.insert(c.image);
    used.insert(c.image_ref);
  }
  this->containers().list_images(here<std::vector<runtime::image_info>>(
      [this, used = std::move(used), then = std::move(then)](auto found) {
        if (found && images_.observe(*found, used, deps_.ports->env.clock->now()) && registered_)
          write_status();
        then();
      }));
}

void node_actor::collect_images(const node_statistics& now) {
  // Not before it is known for a while which images are used.
  if (collection_due_ == caf::actor_clock::time_point{})
    collection_due_ = this->clock().now() + collection_interval;
  if (this->clock().now() < collection_due_)
    return;
  const auto own = now.supplies.find("imagefs.available");
  const auto disk = own != now.supplies.end() ? own : now.supplies.find("nodefs.available");
  if (disk == now.supplies.end())
    return;
  collection_due_ = this->clock().now() + collection_interval;
  const auto wanted = bytes_to_free(deps_.images, disk->second.available, disk->second.capacity);
  if (wanted <= 0)
    return;
  remove_images(static_cast<uint64_t>(wanted), [this, wanted](uint64_t found) {
    if (found < static_cast<uint64_t>(wanted))
      record_on_node("Warning", "FreeDiskSpaceFailed",
                     "Failed to garbage collect required amount of images. Attempted to free " +
                         std::to_string(wanted) + " bytes, but only found " +
                         std::to_string(found) + " bytes eligible to free.");
  });
}

void node_actor::remove_images(uint64_t bytes, std::function<void(uint64_t)> then) {
  containers().list_containers(
      {}, here<std::vector<runtime::container_summary>>([this, bytes, then](auto all) {
        if (!all)
          return then(0);
        look_at_images(*all, [this, bytes, then] {
          const auto chosen = images_.choose(bytes, deps_.images, deps_.ports->env.clock->now());
          uint64_t found = 0;
          for (const auto& i : chosen) {
            found += i.size;
            spdlog::info("node {}: removing the image {}, which nobody uses", node_name(), i.id);
            containers().remove_image(i.id, [](auto) {});
          }
          images_due_ = {};
          then(found);
        });
      }));
}

} // namespace thespis::actors
