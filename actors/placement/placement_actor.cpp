#include "actors/placement/placement_actor.hpp"

#include "actors/framework/reconciler.hpp"
#include "api/generated/coordination_v1.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;
namespace v1 = api::v1;

namespace {

constexpr auto look_interval = 1s;
/// As client-go's LeaseDuration; a third of it is time enough for a renewal that fails once.
constexpr int32_t lease_seconds = 15;
constexpr auto renew_interval = 5s;
constexpr auto query_deadline = 5s;
constexpr auto take_deadline = 30s;
/// Longer than a role's own calls may take.
constexpr auto leave_deadline = 200s;
constexpr auto write_deadline = 60s;
constexpr const char* record_namespace = "kube-system";
constexpr const char* role_annotation = "thespis.dev/role";

v1::lease lease_of(const std::string& role, const placement_state::role& r,
                   const std::string& stamp) {
  v1::lease res;
  res.metadata.name = lease_name_of(role);
  res.metadata.namespace_ = record_namespace;
  res.metadata.annotations[role_annotation] = role;
  res.spec.holder_identity = r.holder;
  res.spec.acquire_time = stamp;
  res.spec.renew_time = stamp;
  res.spec.lease_duration_seconds = lease_seconds;
  res.spec.lease_transitions = static_cast<int32_t>(r.moves);
  return res;
}

} // namespace

std::string lease_name_of(const std::string& role) {
  auto res = "thespis-" + role;
  std::replace(res.begin(), res.end(), '/', '-');
  return res;
}

placement_actor::placement_actor(caf::actor_config& cfg, placement_deps deps)
    : actor_base(cfg, "placement"), deps_(std::move(deps)),
      state_(deps_.home, deps_.allowed, deps_.limits) {}

placement_actor::behavior_type placement_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) {
    for (auto i = hosts_.begin(); i != hosts_.end(); ++i)
      if (i->second.address() == down.source) {
        const auto machine = i->first;
        hosts_.erase(i);
        if (machine != deps_.home)
          spdlog::warn("{} is not linked any more: its roles go elsewhere unless it comes back",
                       machine);
        return do_all(state_.host_down(machine, now()));
      }
  });
  show_state("placing");
  restore();
  look();
  return {
      [this](const move_role& m) -> caf::result<role_moved> {
        const auto from = state_.speaks_for(m.role);
        auto todo = state_.move(m.role, m.to);
        if (!todo)
          return role_moved{false, std::move(todo.error()), from};
        auto promise = this->make_response_promise<role_moved>();
        moving_[m.role] = {promise, from};
        do_all(*todo);
        return caf::delegated<role_moved>{};
      },
      [this](const roles_query&) {
        placed_roles res;
        for (const auto& [name, r] : state_.roles())
          res.roles.push_back({name, r.holder, to_string(r.at), r.moves});
        return res;
      },
      [this](const placement_tick&) {
        do_all(state_.tick(now()));
        look();
      },
  };
}

/// What an earlier start has left: machines that come back within a while keep their roles.
void placement_actor::restore() {
  for (const auto& [role, user] : deps_.users) {
    const auto o =
        deps_.state->get(v1::lease::resource_name, record_namespace, lease_name_of(role));
    const auto lease = o ? api::typed<v1::lease>(*o) : nullptr;
    const auto holder = lease ? lease->spec.holder_identity : std::string{};
    const auto moves = lease ? lease->spec.lease_transitions.value_or(0) : 0;
    state_.add_role(role, holder, static_cast<uint64_t>(moves), now());
    recorded_[role] = holder.empty() ? deps_.home : holder;
  }
}

/// Role hosts are found by looking: a machine may speak only to actors that spoke to it first.
void placement_actor::look() {
  for (const auto& [role, player] : deps_.env.roles->players(role_host_prefix)) {
    const auto machine = role.substr(role_host_prefix.size());
    const auto host = caf::actor_cast<role_host_handle>(player);
    const auto known = hosts_.find(machine);
    if (known != hosts_.end() && known->second == host)
      continue;
    if (known != hosts_.end()) {
      this->demonitor(known->second.address());
      hosts_.erase(known);
      do_all(state_.host_down(machine, now()));
    }
    meet(machine, host);
  }
  record();
  renew();
  this->delayed_send(this, look_interval, placement_tick{});
}

void placement_actor::meet(const std::string& machine, const role_host_handle& host) {
  hosts_[machine] = host;
  this->monitor(host);
  this->request(host, query_deadline, host_query{})
      .then(
          [this, machine, host](host_report& report) {
            const auto known = hosts_.find(machine);
            if (known == hosts_.end() || known->second != host)
              return;
            // What it still plays it plays without being asked to.
            for (const auto& role : report.runs)
              caf::anon_send(host, leave_role{role});
            do_all(state_.host_up(machine, std::move(report.offers)));
          },
          [this, machine, host](const caf::error&) {
            const auto known = hosts_.find(machine);
            if (known == hosts_.end() || known->second != host)
              return;
            this->demonitor(host.address());
            hosts_.erase(known); // and is found again
          });
}

void placement_actor::do_all(const placement_state::actions& what) {
  // Before anything is sent: who has lost a role must be refused by the time that another has it.
  refresh_table();
  for (const auto& a : what) {
    switch (a.what) {
    case placement_state::verb::take:
      take(a.role, a.machine);
      break;
    case placement_state::verb::leave:
      leave(a.role, a.machine);
      break;
    case placement_state::verb::moved:
    case placement_state::verb::failed:
      finish(a);
      break;
    }
  }
  record();
}

void placement_actor::refresh_table() {
  for (const auto& [role, user] : deps_.users)
    deps_.table->give(user, state_.speaks_for(role));
}

void placement_actor::take(const std::string& role, const std::string& machine) {
  const auto host = hosts_.find(machine);
  if (host == hosts_.end())
    return; // its loss is told next
  if (machine != deps_.home)
    spdlog::info("{} goes to {}", role, machine);
  this->request(host->second, take_deadline, take_role{role, deps_.users.at(role), deps_.settings})
      .then(
          [this, role, machine](const role_taken& t) {
            if (!t.ok)
              spdlog::warn("{} does not run on {}: {}", role, machine, t.why);
            do_all(state_.taken(role, machine, t.ok, t.why));
          },
          [this, role, machine](const caf::error& e) {
            const auto why = this->system().render(e);
            // It may have begun all the same.
            if (const auto h = hosts_.find(machine); h != hosts_.end())
              caf::anon_send(h->second, leave_role{role});
            do_all(state_.taken(role, machine, false, why));
          });
}

void placement_actor::leave(const std::string& role, const std::string& machine) {
  const auto host = hosts_.find(machine);
  if (host == hosts_.end())
    return;
  this->request(host->second, leave_deadline, leave_role{role})
      .then([this, role, machine](const role_left&) { do_all(state_.left(role, machine)); },
            [this, role, machine](const caf::error& e) {
              spdlog::warn("{} does not leave {}: {}", role, machine, this->system().render(e));
              // Asked again for as long as the machine is there; its end is told otherwise.
              leave(role, machine);
            });
}

void placement_actor::finish(const placement_state::action& a) {
  const auto i = moving_.find(a.role);
  if (i == moving_.end())
    return;
  role_moved res{a.what == placement_state::verb::moved, {}, i->second.from};
  if (!res.ok) {
    res.failure.why = api::reason::service_unavailable;
    res.failure.message = a.role + " was not moved to " + a.machine + ": " + a.why;
  }
  i->second.promise.deliver(std::move(res));
  moving_.erase(i);
}

void placement_actor::record() {
  for (const auto& [role, r] : state_.roles())
    if (!r.holder.empty() && recorded_[role] != r.holder)
      write_record(role, r);
}

void placement_actor::write_record(const std::string& role, const placement_state::role& r) {
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(runtime::requests_role);
  if (!requests)
    return;
  recorded_[role] = r.holder;
  const auto lease = lease_of(role, r, api::format_micro_time(deps_.env.clock->now()));
  api::call c = create_call(lease);
  if (deps_.state->get(v1::lease::resource_name, record_namespace, lease_name_of(role))) {
    c.verb = api::verb::patch;
    c.patch = api::patch_kind::json_merge;
    c.name = lease.metadata.name;
  }
  c.user = {"system:apiserver", {}, {"system:masters"}};
  runtime::call_batch batch;
  batch.calls.push_back(std::move(c));
  this->request(requests, write_deadline, std::move(batch))
      .then(
          [this, role](const runtime::call_outcomes& o) {
            if (o.outcomes.front().ok)
              return;
            spdlog::warn("where {} runs is not recorded yet: {}", role,
                         o.outcomes.front().failure.message);
            recorded_[role].clear();
          },
          [this, role](const caf::error&) { recorded_[role].clear(); });
}

/// Of roles that are held and have a Lease: who reads it sees whether somebody plays the role now.
void placement_actor::renew() {
  if (now() - renewed_ < renew_interval)
    return;
  renewed_ = now();
  const auto requests = deps_.env.roles->find<runtime::requests_handle>(runtime::requests_role);
  runtime::call_batch batch;
  const auto stamp = api::json::quote(api::format_micro_time(deps_.env.clock->now()));
  for (const auto& [role, r] : state_.roles()) {
    const auto name = lease_name_of(role);
    if (r.at != placement_state::phase::held || recorded_[role] != r.holder ||
        !deps_.state->get(v1::lease::resource_name, record_namespace, name))
      continue;
    batch.calls.push_back(patch_call(std::string{v1::lease::resource_name},
                                     {record_namespace, name},
                                     "{\"spec\":{\"renewTime\":" + stamp + "}}"));
    batch.calls.back().user = {"system:apiserver", {}, {"system:masters"}};
  }
  if (!requests || batch.calls.empty())
    return;
  this->request(requests, write_deadline, std::move(batch))
      .then([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
}

std::string placement_actor::describe() const {
  std::string roles;
  for (const auto& [name, r] : state_.roles())
    roles += (roles.empty() ? "" : ",") + api::json::quote(name) +
             ":{\"machine\":" + api::json::quote(r.holder) + ",\"state\":\"" + to_string(r.at) +
             "\"}";
  return "{\"machines\":" + std::to_string(hosts_.size()) + ",\"roles\":{" + roles + "}}";
}

} // namespace thespis::actors
