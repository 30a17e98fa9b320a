#include "tools/cluster/roles.hpp"

#include "actors/framework/controller_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "api/discovery/selection.hpp"
#include "runtime/link/replica_actor.hpp"

#include <algorithm>
#include <array>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr std::array<std::string_view, 13> bound_to_server{"accessindex",
                                                           "apiservice",
                                                           "certificatesigning",
                                                           "customresource",
                                                           "flowcontrol",
                                                           "garbagecollector",
                                                           "horizontalpodautoscaler",
                                                           "namespace",
                                                           "nodeipam",
                                                           "persistentvolume-binder",
                                                           "resourcequota",
                                                           "serviceaccounttoken",
                                                           "validatingadmissionpolicy-status"};

template <class Actor, class Deps>
runtime::child_factory child(Deps deps) {
  return [deps = std::move(deps)](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(self.home_system().spawn<Actor>(deps));
  };
}

actors::back_off_limits back_off_of(const actors::role_settings& s) {
  return {std::chrono::nanoseconds{s.initial_backoff}, std::chrono::nanoseconds{s.max_backoff}};
}

runtime::child_spec scheduler_in(const runtime::environment& env, const std::string& requests) {
  actors::scheduler_deps deps{env};
  deps.requests_role = requests;
  return {scheduler_role, child<actors::scheduler_actor>(std::move(deps))};
}

runtime::child_spec controller_in(const runtime::environment& env, const actors::take_role& what,
                                  std::function<std::unique_ptr<actors::reconciler>()> make,
                                  const std::string& requests) {
  return {what.role, child<actors::controller_actor>(actors::controller_deps{
                         env, std::move(make), back_off_of(what.settings), requests})};
}

tl::unexpected<api::error> no_role(const std::string& role) {
  return api::fail(api::reason::not_found, "this machine knows no role \"" + role + "\"");
}

} // namespace

bool can_be_placed(std::string_view controller) {
  return std::find(bound_to_server.begin(), bound_to_server.end(), controller) ==
         bound_to_server.end();
}

api::result<void> check_offers(const std::vector<std::string>& offers) {
  const auto known = actors::all_controllers({}, tunables_of({}));
  for (const auto& o : offers) {
    const bool good =
        o == scheduler_role || o == "*" || o == std::string{controller_prefix} + "*" ||
        std::any_of(known.begin(), known.end(), [&](const auto& c) {
          return o == std::string{controller_prefix} + c.name && can_be_placed(c.name);
        });
    if (!good)
      return api::fail(api::bad_request(
          "\"" + o +
          "\" is no role that a machine can offer; there are scheduler, controller/NAME (such as "
          "controller/deployment) and controller/*"));
  }
  return {};
}

api::result<std::vector<std::string>> offers_of_server(const std::vector<std::string>& said) {
  if (said.empty())
    return std::vector<std::string>{"*"};
  if (said.size() == 1 && said.front() == "none")
    return std::vector<std::string>{};
  if (auto good = check_offers(said); !good)
    return api::fail(std::move(good.error()));
  return said;
}

actors::role_settings role_settings_of(const config::settings& s, const std::string& root_ca) {
  const auto count = [](auto d) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
  };
  const auto& c = s.controllers;
  actors::role_settings res;
  res.initial_backoff = count(c.initial_backoff);
  res.max_backoff = count(c.max_backoff);
  res.max_endpoints = c.max_endpoints_per_slice;
  res.node_grace = count(c.node_monitor_grace);
  res.node_startup_grace = count(c.node_startup_grace);
  res.finished_pods = c.terminated_pod_threshold;
  res.event_ttl = count(s.store.event_ttl);
  res.api_port = s.api.port;
  res.service_cidr = config::to_string(s.network.service_cidr);
  res.root_ca = root_ca;
  return res;
}

actors::controller_tunables tunables_of(const actors::role_settings& s) {
  actors::controller_tunables res;
  res.endpoint_slices.max_endpoints = static_cast<size_t>(s.max_endpoints);
  res.nodes.grace = std::chrono::nanoseconds{s.node_grace};
  res.nodes.startup_grace = std::chrono::nanoseconds{s.node_startup_grace};
  res.pod_garbage.finished_pods = static_cast<size_t>(s.finished_pods);
  res.namespaces.root_ca = s.root_ca;
  res.trust_bundles.root_ca = s.root_ca;
  res.events.ttl = std::chrono::nanoseconds{s.event_ttl};
  if (const auto ranges = config::parse_ranges(s.service_cidr))
    res.service_ranges.default_ranges = ranges->texts();
  res.service_balancer.reserved = {static_cast<int32_t>(s.api_port)};
  return res;
}

role_maker
roles_at_home(runtime::environment env,
              std::map<std::string, std::function<std::unique_ptr<actors::reconciler>()>> makers) {
  return [env = std::move(env), makers = std::move(makers)](
             const actors::take_role& what,
             const std::string& requests) -> api::result<actors::role_parts> {
    if (what.role == scheduler_role)
      return actors::role_parts{scheduler_in(env, requests), {}};
    const auto i = makers.find(what.role);
    if (i == makers.end())
      return no_role(what.role);
    return actors::role_parts{controller_in(env, what, i->second, requests), {}};
  };
}

role_maker roles_over_link(runtime::environment env) {
  return [env = std::move(env)](const actors::take_role& what,
                                const std::string& requests) -> api::result<actors::role_parts> {
    auto own = env;
    own.roles = std::make_shared<runtime::directory>();
    actors::role_parts res;
    res.where = own.roles;
    std::vector<std::pair<std::string, api::selection>> watched;
    if (what.role == scheduler_role) {
      res.player = scheduler_in(own, requests);
      for (auto& resource : actors::scheduler_resources())
        watched.emplace_back(std::move(resource), api::selection{});
    } else {
      auto all = actors::all_controllers(own, tunables_of(what.settings));
      const auto entry = std::find_if(all.begin(), all.end(), [&](const auto& c) {
        return what.role == std::string{controller_prefix} + c.name && can_be_placed(c.name);
      });
      if (entry == all.end())
        return no_role(what.role);
      for (auto& w : entry->make()->watches())
        watched.emplace_back(std::move(w.resource), std::move(w.what));
      res.player = controller_in(own, what, std::move(entry->make), requests);
    }
    for (auto& [resource, selection] : watched) {
      runtime::link::replica_deps deps{own,
                                       env.roles,
                                       resource,
                                       selection,
                                       std::make_shared<runtime::snapshots>(),
                                       api::matchers_of(*env.schemas),
                                       {},
                                       nullptr};
      deps.as = what.user;
      res.helpers.push_back({"replica/" + what.role + "/" + resource,
                             child<runtime::link::replica_actor>(std::move(deps))});
    }
    return res;
  };
}

bool may_host(const api::auth::policy& access, const std::string& machine,
              const std::string& role) {
  const api::user_info node{"system:node:" + machine, {}, {"system:nodes", "system:authenticated"}};
  return access.authorize({node, true, "host", "thespis.dev", "v1", "", "roles", "", role, ""})
      .allowed();
}

} // namespace thespis::tools
