#include "actors/controllers/volume_protection.hpp"

#include "actors/controllers/content.hpp"
#include "api/generated/core_v1_pod.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr std::string_view claims = "persistentvolumeclaims";
constexpr std::string_view volumes = "persistentvolumes";
constexpr const char* claim_finalizer = "kubernetes.io/pvc-protection";
constexpr const char* volume_finalizer = "kubernetes.io/pv-protection";

std::vector<std::string> claims_of(const api::v1::pod& p) {
  std::vector<std::string> res;
  for (const auto& v : p.spec.volumes) {
    if (v.persistent_volume_claim)
      res.push_back(v.persistent_volume_claim->claim_name);
    if (v.ephemeral)
      res.push_back(p.metadata.name + "-" + v.name);
  }
  return res;
}

/// The claims that wait for a pod's end.
key_mapper waiting_claims() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    for (auto& name : claims_of(*api::typed<api::v1::pod>(o)))
      if (const auto c = v.find(claims, o.ns(), name); c && c->meta().deleting)
        res.push_back({o.ns(), name});
    return res;
  };
}

/// Takes the finalizer away from an object that is on its way out.
reconcile_result release(const api::object& o, std::string_view finalizer) {
  reconcile_result res;
  auto all = finalizers_of(o);
  if (std::erase(all, finalizer) > 0)
    res.calls.push_back(set_finalizers_call(o, all));
  return res;
}

class claim_protection final : public reconciler {
public:
  std::string_view name() const override { return "pvcprotection"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{claims}, self_key()}, {"pods", waiting_claims()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    const auto claim = v.find(claims, key.ns, key.name);
    if (!claim || !claim->meta().deleting || in_use(key, v))
      return {};
    return release(*claim, claim_finalizer);
  }

private:
  static bool in_use(const object_id& claim, const view& v) {
    for (const auto& p : v.list<api::v1::pod>(claim.ns)) {
      // Without a node it has not begun, and will not with a claim that is leaving.
      if (p->spec.node_name.empty())
        continue;
      const auto used = claims_of(*p);
      if (std::find(used.begin(), used.end(), claim.name) != used.end())
        return true;
    }
    return false;
  }
};

class volume_protection final : public reconciler {
public:
  std::string_view name() const override { return "pvprotection"; }

  std::vector<watch_spec> watches() const override { return {{std::string{volumes}, self_key()}}; }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    const auto volume = v.find(volumes, {}, key.name);
    if (!volume || !volume->meta().deleting)
      return {};
    const auto doc = volume->parse();
    const auto* phase = api::json::at(doc, {"status", "phase"});
    if (phase && api::json::as_string(*phase) == "Bound")
      return {};
    return release(*volume, volume_finalizer);
  }
};

} // namespace

std::unique_ptr<reconciler> make_claim_protection() {
  return std::make_unique<claim_protection>();
}

std::unique_ptr<reconciler> make_volume_protection() {
  return std::make_unique<volume_protection>();
}

} // namespace thespis::actors
