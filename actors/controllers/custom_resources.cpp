#include "actors/controllers/custom_resources.hpp"

#include "actors/controllers/content.hpp"
#include "actors/controllers/custom_resource_names.hpp"
#include "api/crd/definition.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace json = api::json;
using namespace std::chrono_literals;

namespace {

/// Deletions of one reconcile; the rest follows when these are done.
constexpr size_t batch = 500;
/// How long to wait for the actors behind a new resource, and for instances to go.
constexpr auto start_wait = 20ms;
constexpr auto removal_wait = 250ms;

/// The status of a definition, being changed.
class status_editor {
public:
  status_editor(const json::value& crd, wall_time now) : now_(api::format_time(now)) {
    const auto* status = json::find(crd, "status");
    if (status && status->IsObject())
      static_cast<json::value&>(doc_) = json::copy(*status, doc_.GetAllocator());
    else
      doc_.SetObject();
    before_.CopyFrom(doc_, before_.GetAllocator());
  }

  void accept(const json::value& names) {
    json::set(doc_, "acceptedNames", json::copy(names, alloc()), alloc());
  }

  void set(std::string_view type, bool holds, std::string_view reason, std::string_view message) {
    const std::string_view status = holds ? "True" : "False";
    auto& c = ensure(type);
    if (json::get_string(c, "status") != status)
      json::set(c, "lastTransitionTime", now_, alloc());
    json::set(c, "status", status, alloc());
    json::set(c, "reason", reason, alloc());
    json::set(c, "message", message, alloc());
  }

  bool holds(std::string_view type) const {
    const auto* all = json::find(doc_, "conditions");
    return all && all->IsArray() && std::any_of(all->Begin(), all->End(), [&](const auto& c) {
             return json::get_string(c, "type") == type && json::get_string(c, "status") == "True";
           });
  }

  bool changed() const { return !json::equal(doc_, before_); }

  /// The write of it.
  api::call call(const api::object& o) {
    json::document patch(rapidjson::kObjectType);
    auto& a = patch.GetAllocator();
    auto& meta = json::ensure_object(patch, "metadata", a);
    json::set(meta, "uid", o.uid(), a);
    json::set(meta, "resourceVersion", std::to_string(o.revision()), a);
    json::set(patch, "status", json::copy(doc_, a), a);
    return patch_call(o.resource(), {{}, o.name()}, json::to_string(patch), "status");
  }

private:
  json::allocator& alloc() { return doc_.GetAllocator(); }

  json::value& ensure(std::string_view type) {
    auto* all = json::find(doc_, "conditions");
    if (!all || !all->IsArray()) {
      json::set(doc_, "conditions", json::value(rapidjson::kArrayType), alloc());
      all = json::find(doc_, "conditions");
    }
    for (auto& c : all->GetArray())
      if (json::get_string(c, "type") == type)
        return c;
    json::value c(rapidjson::kObjectType);
    json::set(c, "type", type, alloc());
    all->PushBack(c, alloc());
    return *(all->End() - 1);
  }

  const std::string now_;
  json::document doc_, before_;
};

std::string group_of(const api::object& o) {
  const auto dot = o.name().find('.');
  return dot == std::string::npos ? std::string{} : o.name().substr(dot + 1);
}

/// Names that one gives up or takes are news to the others of its group.
key_mapper definitions_of_group() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res{{{}, o.name()}};
    const auto group = group_of(o);
    v.for_each(api::crd::definitions_resource, {}, [&](const api::object_ptr& other) {
      if (other->name() != o.name() && group_of(*other) == group)
        res.push_back({{}, other->name()});
    });
    return res;
  };
}

class custom_resource_controller final : public reconciler {
public:
  explicit custom_resource_controller(custom_resource_deps deps) : deps_(std::move(deps)) {}

  std::string_view name() const override { return "customresource"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{api::crd::definitions_resource}, definitions_of_group(), {}}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    const auto o = v.find(api::crd::definitions_resource, {}, key.name);
    if (!o) {
      deps_.host->withdraw(key.name);
      return {};
    }
    const auto doc = o->parse();
    if (o->meta().deleting)
      return finalize(*o, doc, now);
    return establish(*o, doc, v, now);
  }

private:
  reconcile_result establish(const api::object& o, const json::value& doc, const view& v,
                             wall_time now) {
    reconcile_result res;
    status_editor status{doc, now};
    auto names = judge_names(doc, o.name(), v, deps_.schemas.get());
    status.accept(names.accepted);
    status.set("NamesAccepted", names.all_accepted, names.reason, names.message);
    const bool was = status.holds("Established");
    if (names.all_accepted || was) {
      const auto served = deps_.host->serve(o);
      if (!served.failure.empty())
        status.set("NonStructuralSchema", true, "Violations", served.failure);
      else if (served.ready)
        status.set("Established", true, "InitialNamesAccepted",
                   "the initial names have been accepted");
      else if (!was)
        status.set("Established", false, "Installing", "the initial names have been accepted");
      if (!served.ready && served.failure.empty())
        res.requeue_after = start_wait;
    } else {
      status.set("Established", false, "NotAccepted", "not all names are accepted");
    }
    if (status.changed())
      res.calls.push_back(status.call(o));
    return res;
  }

  /// Deletes the instances, then lets the definition go.
  reconcile_result finalize(const api::object& o, const json::value& doc, wall_time now) {
    reconcile_result res;
    auto finalizers = finalizers_of(o);
    const auto held =
        std::find(finalizers.begin(), finalizers.end(), std::string{api::crd::cleanup_finalizer});
    if (held == finalizers.end())
      return res;
    (void)deps_.host->serve(o); // refuses new instances from now on
    status_editor status{doc, now};
    const auto left = deps_.host->instances(o.name());
    if (!left.empty()) {
      status.set("Terminating", true, "InstanceDeletionInProgress",
                 "CustomResource deletion is in progress");
      for (const auto& instance : left)
        if (!instance->meta().deleting && res.calls.size() < batch)
          res.calls.push_back(delete_call(*instance));
      res.requeue_after = removal_wait;
    } else {
      status.set("Terminating", false, "InstanceDeletionCompleted", "removed all instances");
    }
    if (status.changed()) {
      res.calls.push_back(status.call(o));
      return res;
    }
    if (left.empty()) {
      finalizers.erase(held);
      res.calls.push_back(set_finalizers_call(o, finalizers));
    }
    return res;
  }

  custom_resource_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_custom_resource_controller(custom_resource_deps deps) {
  return std::make_unique<custom_resource_controller>(std::move(deps));
}

} // namespace thespis::actors
