#include "actors/controllers/namespace_content.hpp"

#include "actors/controllers/content.hpp"
#include "api/generated/core_v1_namespace.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace thespis::actors {

namespace {

using api::v1::namespace_;
using api::v1::namespace_condition;
using namespace std::chrono_literals;

constexpr const char* our_finalizer = "kubernetes";
/// Deletions of one reconcile; the rest follows when these are done.
constexpr size_t batch = 500;

/// What changes in a namespace is news to it only while it ends.
key_mapper ending_namespace() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    if (const auto ns = v.find("namespaces", {}, o.ns()); ns && ns->meta().deleting)
      res.push_back({{}, o.ns()});
    return res;
  };
}

/// How soon to look whether other servers have answered, and how often to ask them anew.
constexpr auto answer_wait = 50ms;
constexpr auto retry_interval = 2s;

/// What the store still has; the calls that delete it are added to `deletions`.
remaining_content content_of(content_catalog& catalog, const std::string& ns, const view& v,
                             std::vector<api::call>& deletions) {
  remaining_content res;
  for (const auto& r : catalog.all()) {
    if (!r.namespaced)
      continue;
    v.for_each(r.name, ns, [&](const api::object_ptr& o) {
      ++res.by_resource[r.plural + "." + r.group];
      for (const auto& f : finalizers_of(*o))
        ++res.by_finalizer[f];
      if (!o->meta().deleting && deletions.size() < batch)
        deletions.push_back(delete_call(*o));
    });
  }
  return res;
}

std::string counts(const std::map<std::string, size_t>& what, std::string_view verb,
                   std::string_view noun) {
  std::string res;
  for (const auto& [name, n] : what)
    res += (res.empty() ? "" : ", ") + name + " " + std::string{verb} + " " + std::to_string(n) +
           " " + std::string{noun};
  return res;
}

void set(std::vector<namespace_condition>& all, std::string type, bool hinders, std::string reason,
         std::string message, wall_time now) {
  const std::string status = hinders ? "True" : "False";
  auto i = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.type == type; });
  if (i == all.end())
    i = all.insert(all.end(), namespace_condition{});
  if (i->status != status)
    i->last_transition_time = api::format_time(now);
  i->type = std::move(type);
  i->status = status;
  i->reason = std::move(reason);
  i->message = std::move(message);
}

std::string joined(const std::vector<std::string>& all) {
  std::string res;
  for (const auto& one : all)
    res += (res.empty() ? "" : ", ") + one;
  return res;
}

void add(remaining_content& to, remaining_content&& more) {
  for (const auto& [name, n] : more.by_resource)
    to.by_resource[name] += n;
  for (const auto& [name, n] : more.by_finalizer)
    to.by_finalizer[name] += n;
  std::move(more.undiscovered.begin(), more.undiscovered.end(),
            std::back_inserter(to.undiscovered));
  std::move(more.failures.begin(), more.failures.end(), std::back_inserter(to.failures));
}

void describe(std::vector<namespace_condition>& all, const remaining_content& left, wall_time now) {
  if (left.undiscovered.empty())
    set(all, "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered",
        "All resources successfully discovered", now);
  else
    set(all, "NamespaceDeletionDiscoveryFailure", true, "DiscoveryFailed",
        "Discovery failed for some groups, " + std::to_string(left.undiscovered.size()) +
            " failing: unable to retrieve the complete list of server APIs: " +
            joined(left.undiscovered),
        now);
  set(all, "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
      "All legacy kube types successfully parsed", now);
  if (left.failures.empty())
    set(all, "NamespaceDeletionContentFailure", false, "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization", now);
  else
    set(all, "NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
        "Failed to delete all resource types, " + std::to_string(left.failures.size()) +
            " remaining: " + joined(left.failures),
        now);
  if (left.by_resource.empty())
    set(all, "NamespaceContentRemaining", false, "ContentRemoved",
        "All content successfully removed", now);
  else
    set(all, "NamespaceContentRemaining", true, "SomeResourcesRemain",
        "Some resources are remaining: " + counts(left.by_resource, "has", "resource instances"),
        now);
  if (left.by_finalizer.empty())
    set(all, "NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
        "All content-preserving finalizers finished", now);
  else
    set(all, "NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: " +
            counts(left.by_finalizer, "in", "resource instances"),
        now);
}

class namespace_controller final : public reconciler {
public:
  explicit namespace_controller(namespace_deps deps)
      : catalog_(std::move(deps.schemas)), foreign_(std::move(deps.foreign)) {}

  std::string_view name() const override { return "namespace"; }

  std::vector<watch_spec> watches() const override {
    std::vector<watch_spec> res{{"namespaces", self_key()}};
    for (const auto& r : catalog_.all())
      if (r.namespaced)
        res.push_back({r.name, ending_namespace()});
    return res;
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto ns = v.get<namespace_>({}, key.name);
    if (!ns || !ns.object->meta().deleting)
      return res;
    const auto& held = ns->spec.finalizers;
    if (std::find(held.begin(), held.end(), our_finalizer) == held.end())
      return res;
    auto left = content_of(catalog_, key.name, v, res.calls);
    auto elsewhere = foreign_ ? foreign_->clear(key.name) : foreign_content::answer{true, {}};
    if (!elsewhere.known) {
      res.requeue_after = answer_wait;
      return res;
    }
    if (!elsewhere.left.empty())
      res.requeue_after = retry_interval;
    add(left, std::move(elsewhere.left));
    if (left.empty()) {
      // What came in since is refused: nothing new is created in a namespace that ends.
      auto done = *ns;
      std::erase(done.spec.finalizers, our_finalizer);
      res.calls.push_back(update_call(done, "finalize"));
      return res;
    }
    auto updated = *ns;
    updated.status.phase = "Terminating";
    describe(updated.status.conditions, left, now);
    if (!(updated == *ns))
      res.calls.push_back(update_call(updated, "status"));
    return res;
  }

private:
  mutable content_catalog catalog_;
  std::shared_ptr<foreign_content> foreign_;
};

} // namespace

std::unique_ptr<reconciler> make_namespace_controller(namespace_deps deps) {
  return std::make_unique<namespace_controller>(std::move(deps));
}

} // namespace thespis::actors
