// Serves custom resources in this process: keeps the schema registry and the registry actors in
// step with the CustomResourceDefinitions.
#pragma once

#include "actors/controllers/custom_resources.hpp"
#include "api/crd/definition.hpp"
#include "runtime/environment.hpp"
#include "runtime/registry/registry_state.hpp"
#include "runtime/store/snapshot.hpp"
#include "runtime/supervisor.hpp"

#include <map>
#include <memory>
#include <string>

namespace thespis::tools {

struct custom_resources_deps {
  std::shared_ptr<api::schema::registry> schemas;
  std::shared_ptr<runtime::snapshots> state;
  std::shared_ptr<runtime::directory> roles;
  runtime::supervisor_handle supervisor;
  runtime::window_limits window;
  api::crd::webhook_factory webhooks;
};

/// Called by one actor at a time; before that by the thread that starts the cluster.
class custom_resources final : public actors::resource_host {
public:
  explicit custom_resources(custom_resources_deps deps) : deps_(std::move(deps)) {}

  outcome serve(const api::object& definition) override;
  void withdraw(const std::string& definition) override;
  std::vector<api::object_ptr> instances(const std::string& resource) const override;

  /// How the registry actor of a resource is started.
  std::shared_ptr<const runtime::child_spec> registry_of(const std::string& resource) const;

private:
  /// What is served of a definition.
  struct served {
    std::string uid;
    int64_t generation = 0;
    bool ending = false;
    std::string group, plural;
    std::vector<std::string> versions;
    std::string failure;
  };

  /// A built-in kind has that name.
  bool is_builtin(const std::string& resource) const;
  void tell_controllers() const;

  custom_resources_deps deps_;
  std::map<std::string, served> served_;
};

} // namespace thespis::tools
