// Plug-ins about volumes and claims.
#include "api/admission/class_default.hpp"
#include "api/admission/plugins.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

constexpr std::string_view classes = "storageclasses.storage.k8s.io";
constexpr std::string_view old_class_annotation = "volume.beta.kubernetes.io/storage-class";

std::string class_of(const json::value& claim) {
  const auto& annotations = member(metadata_of(claim), "annotations");
  if (has(annotations, old_class_annotation))
    return std::string(text(annotations, old_class_annotation));
  return std::string(text(member(claim, "spec"), "storageClassName"));
}

class default_class_plugin final : public plugin {
public:
  std::string_view name() const override { return "DefaultStorageClass"; }

  result<void> mutate(request& r) override {
    if (!r.is("persistentvolumeclaims") || r.action != action::create)
      return {};
    if (has(member(metadata_of(*r.object), "annotations"), old_class_annotation) ||
        has(member(*r.object, "spec"), "storageClassName"))
      return {};
    auto chosen = default_class(r.state, classes,
                                {"storageclass.kubernetes.io/is-default-class",
                                 "storageclass.beta.kubernetes.io/is-default-class"});
    if (!chosen)
      return {};
    auto& a = r.object->GetAllocator();
    json::set(json::ensure_object(*r.object, "spec", a), "storageClassName", *chosen, a);
    r.changed = true;
    return {};
  }
};

class in_use_plugin final : public plugin {
public:
  std::string_view name() const override { return "StorageObjectInUseProtection"; }

  result<void> mutate(request& r) override {
    if (r.action != action::create)
      return {};
    std::string_view finalizer;
    if (r.is("persistentvolumeclaims"))
      finalizer = "kubernetes.io/pvc-protection";
    else if (r.is("persistentvolumes"))
      finalizer = "kubernetes.io/pv-protection";
    else
      return {};
    if (!has_finalizer(*r.object, finalizer)) {
      add_finalizer(*r.object, finalizer);
      r.changed = true;
    }
    return {};
  }
};

class resize_plugin final : public plugin {
public:
  std::string_view name() const override { return "PersistentVolumeClaimResize"; }

  result<void> validate(request& r) override {
    if (!r.is("persistentvolumeclaims") || r.action != action::update)
      return {};
    if (size_of(*r.object) <= size_of(*r.old_object))
      return {};
    if (text(member(*r.old_object, "status"), "phase") != "Bound")
      return fail(refuse(r, "Only bound persistent volume claims can be expanded"));
    auto name = class_of(*r.object);
    auto found =
        name.empty() || name != class_of(*r.old_object) ? nullptr : r.state.get(classes, {}, name);
    if (!found || !json::get_bool(found->parse(), "allowVolumeExpansion"))
      return fail(refuse(r, "only dynamically provisioned pvc can be resized and the storageclass "
                            "that provisions the pvc must support resize"));
    return {};
  }

private:
  static quantity size_of(const json::value& claim) {
    return get_quantity(member(member(member(claim, "spec"), "resources"), "requests"), "storage");
  }
};

} // namespace

std::optional<std::string> default_class(const reader& state, std::string_view resource,
                                         std::initializer_list<std::string_view> annotations) {
  std::optional<std::string> best;
  std::string newest;
  for (const auto& o : state.list(resource).objects) {
    auto doc = o->parse();
    const auto& metadata = metadata_of(doc);
    for (auto key : annotations) {
      if (text(member(metadata, "annotations"), key) != "true")
        continue;
      std::string created(text(metadata, "creationTimestamp"));
      // Listed by name: of the newest, the first wins.
      if (!best || created > newest) {
        best = o->name();
        newest = created;
      }
    }
  }
  return best;
}

plugin_ptr default_storage_class() {
  return std::make_shared<default_class_plugin>();
}

plugin_ptr storage_object_in_use_protection() {
  return std::make_shared<in_use_plugin>();
}

plugin_ptr claim_resize() {
  return std::make_shared<resize_plugin>();
}

} // namespace thespis::api::admission
