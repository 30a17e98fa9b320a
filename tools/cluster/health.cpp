#include "tools/cluster/health.hpp"

#include "runtime/requests/requests_actor.hpp"
#include "tools/cli/log_health.hpp"

#include <array>

#include <caf/actor.hpp>

namespace thespis::tools {

namespace {

/// A step of the start: an actor that runs, or an object that is there when it is done.
struct step {
  std::string_view name;
  std::string_view role; ///< empty: look for the object
  std::string_view resource, ns, object;
};

constexpr std::string_view definitions = "controller/customresource";
constexpr std::string_view services = "controller/apiservice";
constexpr std::string_view classes = "priorityclasses.scheduling.k8s.io";

constexpr std::array steps{
    step{"start-kube-apiserver-admission-initializer", runtime::requests_role, {}, {}, {}},
    step{"generic-apiserver-start-informers", runtime::requests_role, {}, {}, {}},
    step{"priority-and-fairness-config-producer",
         {},
         "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
         {},
         "exempt"},
    step{"start-apiextensions-informers", definitions, {}, {}, {}},
    step{"start-apiextensions-controllers", definitions, {}, {}, {}},
    step{"crd-informer-synced", definitions, {}, {}, {}},
    step{"bootstrap-controller", {}, "services", "default", "kubernetes"},
    step{"start-system-namespaces-controller", {}, "namespaces", {}, "kube-system"},
    step{"rbac/bootstrap-roles", {}, "clusterroles.rbac.authorization.k8s.io", {}, "cluster-admin"},
    step{"scheduling/bootstrap-system-priority-classes", {}, classes, {}, "system-node-critical"},
    step{"start-cluster-authentication-info-controller",
         {},
         "configmaps",
         "kube-system",
         "extension-apiserver-authentication"},
    step{"start-kube-aggregator-informers", services, {}, {}, {}},
    step{"apiservice-registration-controller", services, {}, {}, {}},
    step{"apiservice-status-available-controller", services, {}, {}, {}},
    step{"apiservice-discovery-controller", services, {}, {}, {}},
    step{
        "kube-apiserver-autoregistration", {}, "apiservices.apiregistration.k8s.io", {}, "v1.apps"},
    step{"apiservice-openapi-controller", services, {}, {}, {}},
};

/// Of Kubernetes' names the one that is no hook.
constexpr std::string_view registration = "kube-apiserver-autoregistration";

} // namespace

health_monitor::health_monitor(std::shared_ptr<runtime::directory> roles,
                               std::shared_ptr<const api::reader> state)
    : roles_(std::move(roles)), state_(std::move(state)),
      done_(std::make_unique<std::atomic<bool>[]>(steps.size())) {}

std::vector<std::pair<std::string, std::string>> health_monitor::checks() const {
  const auto running = [&](std::string_view role) {
    return static_cast<bool>(roles_->find<caf::actor>(role));
  };
  const std::string store = running(runtime::store_role) ? "" : "the store is not running";
  const std::string requests =
      running(runtime::requests_role) ? "" : "the request bridge is not running";
  std::vector<std::pair<std::string, std::string>> out{{"ping", ""},
                                                       {"log", log_trouble()},
                                                       {"etcd", store},
                                                       {"etcd-readiness", store},
                                                       {"requests", requests}};
  std::string waiting;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& s = steps[i];
    if (!done_[i])
      done_[i] =
          s.role.empty() ? state_->get(s.resource, s.ns, s.object) != nullptr : running(s.role);
    const std::string why = done_[i] ? "" : "not finished";
    out.emplace_back("poststarthook/" + std::string(s.name), why);
    if (s.name == registration)
      out.emplace_back("autoregister-completion", why);
    if (!s.role.empty() && !done_[i])
      waiting += (waiting.empty() ? "not started: " : ", ") + std::string(s.role);
  }
  out.emplace_back("informer-sync", waiting);
  return out;
}

} // namespace thespis::tools
