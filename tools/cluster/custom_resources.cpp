#include "tools/cluster/custom_resources.hpp"

#include "actors/framework/controller_interface.hpp"
#include "api/discovery/selection.hpp"
#include "runtime/registry/registry_actor.hpp"

#include <caf/send.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::tools {

std::shared_ptr<const runtime::child_spec>
custom_resources::registry_of(const std::string& resource) const {
  runtime::registry_deps deps{resource, deps_.state, api::matchers_of(*deps_.schemas),
                              deps_.window};
  return std::make_shared<const runtime::child_spec>(runtime::child_spec{
      runtime::registry_role(resource),
      // The registry of kinds lives as long as any actor that asks it.
      [deps = std::move(deps), schemas = deps_.schemas](caf::local_actor& self) {
        return caf::actor_cast<caf::strong_actor_ptr>(
            self.home_system().spawn<runtime::registry_actor>(deps));
      }});
}

bool custom_resources::is_builtin(const std::string& resource) const {
  const auto known = deps_.schemas->find_group_resource(resource);
  return known && !known->owner;
}

actors::resource_host::outcome custom_resources::serve(const api::object& definition) {
  const auto& name = definition.name();
  const bool ending = definition.meta().deleting;
  auto& known = served_[name];
  if (known.uid == definition.uid() && known.generation == definition.meta().generation &&
      known.ending == ending)
    return {known.failure.empty(), known.failure};
  if (is_builtin(name))
    return {false, "a built-in kind has that name"};
  if (!deps_.roles->find<caf::actor>(runtime::registry_role(name))) {
    caf::anon_send(deps_.supervisor, runtime::supervise{registry_of(name)});
    return {};
  }
  const auto doc = definition.parse();
  auto resources = api::crd::resources_of(doc, deps_.webhooks);
  served next{definition.uid(), definition.meta().generation, ending, {}, {}, {}, {}};
  if (!resources) {
    next.failure = resources.error().message;
    spdlog::warn("custom resource {}: {}", name, next.failure);
    known = std::move(next);
    return {false, known.failure};
  }
  next.group = api::json::get_string(*api::json::find(doc, "spec"), "group");
  next.plural = name.substr(0, name.find('.'));
  const bool is_new = known.versions.empty();
  for (auto& r : *resources) {
    next.versions.push_back(r.version);
    deps_.schemas->add(std::move(r));
  }
  for (const auto& v : known.versions)
    if (std::find(next.versions.begin(), next.versions.end(), v) == next.versions.end())
      deps_.schemas->remove(known.group, v, known.plural);
  known = std::move(next);
  if (is_new)
    tell_controllers();
  return {true, {}};
}

void custom_resources::withdraw(const std::string& definition) {
  const auto i = served_.find(definition);
  if (i == served_.end())
    return;
  for (const auto& v : i->second.versions)
    deps_.schemas->remove(i->second.group, v, i->second.plural);
  served_.erase(i);
  tell_controllers();
  caf::anon_send(deps_.supervisor, runtime::dismiss{runtime::registry_role(definition)});
}

std::vector<api::object_ptr> custom_resources::instances(const std::string& resource) const {
  return deps_.state->list(resource).objects;
}

void custom_resources::tell_controllers() const {
  for (const auto* role : {"controller/garbagecollector", "controller/namespace"})
    if (const auto c = deps_.roles->find<actors::controller_handle>(role))
      caf::anon_send(c, actors::refresh_watches{});
}

} // namespace thespis::tools
