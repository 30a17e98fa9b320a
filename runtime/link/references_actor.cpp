#include "runtime/link/references_actor.hpp"

#include "api/generated/core_v1_persistent_volume.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/typed.hpp"

namespace thespis::runtime::link {

using namespace std::chrono_literals;
namespace v1 = api::v1;

namespace {

constexpr auto look_again = 200ms;
constexpr auto sweep_interval = 30s;
/// After the server has ended a watch, for instance because the pod is gone there.
constexpr auto refused_delay = 2s;

constexpr const char* secrets = "secrets";
constexpr const char* config_maps = "configmaps";
constexpr const char* claims = "persistentvolumeclaims";
constexpr const char* volumes = "persistentvolumes";

template <class Containers, class Add>
void add_environment(const Containers& all, const Add& add) {
  for (const auto& c : all) {
    for (const auto& e : c.env_from) {
      if (e.secret_ref)
        add(secrets, e.secret_ref->name);
      if (e.config_map_ref)
        add(config_maps, e.config_map_ref->name);
    }
    for (const auto& e : c.env) {
      if (e.value_from && e.value_from->secret_key_ref)
        add(secrets, e.value_from->secret_key_ref->name);
      if (e.value_from && e.value_from->config_map_key_ref)
        add(config_maps, e.value_from->config_map_key_ref->name);
    }
  }
}

template <class Add>
void add_volume(const std::string& pod, const v1::volume& v, const Add& add) {
  if (v.secret)
    add(secrets, v.secret->secret_name);
  if (v.config_map)
    add(config_maps, v.config_map->name);
  if (v.persistent_volume_claim)
    add(claims, v.persistent_volume_claim->claim_name);
  if (v.ephemeral)
    add(claims, pod + "-" + v.name);
  if (!v.projected)
    return;
  for (const auto& s : v.projected->sources) {
    if (s.secret)
      add(secrets, s.secret->name);
    if (s.config_map)
      add(config_maps, s.config_map->name);
  }
}

} // namespace

std::vector<reference> references_of(const api::object& o) {
  std::vector<reference> res;
  const auto pod = api::typed<v1::pod>(o);
  const auto& spec = pod->spec;
  const auto add = [&](const char* resource, const std::string& name) {
    if (!name.empty())
      res.push_back({resource, o.ns(), name});
  };
  add_environment(spec.containers, add);
  add_environment(spec.init_containers, add);
  add_environment(spec.ephemeral_containers, add);
  for (const auto& s : spec.image_pull_secrets)
    add(secrets, s.name);
  for (const auto& v : spec.volumes)
    add_volume(o.name(), v, add);
  return res;
}

references_actor::references_actor(caf::actor_config& cfg, references_deps deps)
    : actor_base(cfg, "references"), deps_(std::move(deps)) {}

references_actor::behavior_type references_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    if (gateway_ && gateway_.address() == down.source)
      gateway_ = gateway_handle{};
  });
  tick();
  return {
      [this](const watch_batch& b) { take(b); },
      [this](const watch_closed& c) {
        const auto i = by_watch_.find(c.watch);
        if (i == by_watch_.end())
          return;
        // Begun again by a later tick; meanwhile the pod learns from what is not there.
        settle(i->second);
        auto& k = kept_[i->second];
        k.watch = 0;
        k.not_before = this->clock().now().time_since_epoch() + refused_delay;
        by_watch_.erase(i);
      },
      [this](const replica_tick&) { tick(); },
      [this](const need_references& n) { return need(n); },
  };
}

caf::result<references_ready> references_actor::need(const need_references& n) {
  waiting w;
  for (const auto& r : n.what) {
    keep(r);
    if (!kept_[r].known)
      w.left.insert(r);
  }
  if (w.left.empty())
    return references_ready{};
  w.promise = this->make_response_promise<references_ready>();
  auto promise = w.promise;
  waiting_.push_back(std::move(w));
  return promise;
}

void references_actor::keep(const reference& r) {
  auto& k = kept_[r];
  if (k.watch == 0 && gateway_)
    open(r, k);
}

void references_actor::open(const reference& r, kept& k) {
  k.watch = next_watch_++;
  by_watch_[k.watch] = r;
  api::selection what;
  what.ns = r.ns;
  what.name = r.name;
  this->send(gateway_, open_watch{k.watch, r.resource, std::move(what), 0});
}

void references_actor::take(const watch_batch& batch) {
  const auto i = by_watch_.find(batch.watch);
  if (i == by_watch_.end() || !gateway_)
    return;
  const auto r = i->second;
  const auto copy = deps_.state->ensure(r.resource);
  std::vector<snapshots::change> changes;
  auto revision = std::max(copy->revision(), batch.what.revision);
  bool present = false;
  for (const auto& e : batch.what.events) {
    const bool gone = e.kind == api::event_kind::deleted;
    present = !gone;
    changes.push_back({gone ? nullptr : e.object, gone ? e.object : nullptr});
    if (r.resource == claims && !gone)
      if (const auto claim = api::typed<v1::persistent_volume_claim>(*e.object);
          !claim->spec.volume_name.empty())
        keep({volumes, {}, claim->spec.volume_name});
  }
  if (batch.what.initial_end && !present)
    if (const auto stale = copy->get(r.resource, r.ns, r.name))
      changes.push_back({nullptr, stale});
  copy->apply(changes, revision);
  if (batch.what.initial_end)
    settle(r);
  this->send(gateway_, watch_credit{batch.watch});
}

void references_actor::settle(const reference& r) {
  kept_[r].known = true;
  for (auto w = waiting_.begin(); w != waiting_.end();) {
    w->left.erase(r);
    if (w->left.empty()) {
      w->promise.deliver(references_ready{});
      w = waiting_.erase(w);
    } else {
      ++w;
    }
  }
}

void references_actor::drop(const reference& r) {
  const auto i = kept_.find(r);
  if (i == kept_.end())
    return;
  if (i->second.watch != 0) {
    by_watch_.erase(i->second.watch);
    if (gateway_)
      this->send(gateway_, close_watch{i->second.watch});
  }
  const auto copy = deps_.state->ensure(r.resource);
  if (const auto object = copy->get(r.resource, r.ns, r.name))
    copy->apply({{nullptr, object}}, copy->revision());
  kept_.erase(i);
}

void references_actor::tick() {
  this->delayed_send(this, look_again, replica_tick{});
  if (!gateway_) {
    gateway_ = deps_.env.roles->find<gateway_handle>(gateway_role);
    if (!gateway_)
      return;
    this->monitor(gateway_);
    by_watch_.clear();
    for (auto& [r, k] : kept_)
      k.watch = 0;
  }
  const auto now = this->clock().now().time_since_epoch();
  for (auto& [r, k] : kept_)
    if (k.watch == 0 && now >= k.not_before)
      open(r, k);
  if (now - swept_ >= sweep_interval) {
    swept_ = now;
    sweep();
  }
}

void references_actor::sweep() {
  auto needed = deps_.needed();
  for (const auto& w : waiting_)
    needed.insert(w.left.begin(), w.left.end());
  for (const auto& r : std::set<reference>{needed})
    if (r.resource == claims)
      if (const auto o = deps_.state->get(claims, r.ns, r.name))
        needed.insert({volumes, {}, api::typed<v1::persistent_volume_claim>(*o)->spec.volume_name});
  std::vector<reference> over;
  for (const auto& [r, k] : kept_)
    if (!needed.contains(r))
      over.push_back(r);
  for (const auto& r : over)
    drop(r);
}

std::string references_actor::describe() const {
  return "{\"kept\":" + std::to_string(kept_.size()) +
         ",\"waiting\":" + std::to_string(waiting_.size()) + "}";
}

} // namespace thespis::runtime::link
