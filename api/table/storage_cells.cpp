// Rows of volumes, claims, classes and drivers of storage.
#include "api/table/columns.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::table {

namespace {

/// "RWO,ROX": each mode once, in the order in which Kubernetes lists them.
std::string access_modes(const json::value& object, std::initializer_list<std::string_view> path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> known{
      {{"ReadWriteOnce", "RWO"},
       {"ReadOnlyMany", "ROX"},
       {"ReadWriteMany", "RWX"},
       {"ReadWriteOncePod", "RWOP"}}};
  const auto items = items_at(object, path);
  std::vector<std::string> out;
  for (const auto& [mode, shorthand] : known)
    if (std::any_of(items.begin(), items.end(),
                    [mode = mode](auto* v) { return json::as_string(*v) == mode; }))
      out.emplace_back(shorthand);
  return join(out, "");
}

std::string phase(const json::value& object) {
  return text_at(object, {"metadata", "deletionTimestamp"}).empty()
             ? text_at(object, {"status", "phase"})
             : "Terminating";
}

/// The class in the field, or in the annotation of old.
std::string storage_class(const json::value& object) {
  return text_at(object, {"metadata", "annotations", "volume.beta.kubernetes.io/storage-class"},
                 text_at(object, {"spec", "storageClassName"}));
}

row volume_cells(const json::value& object, timestamp now) {
  std::string claim;
  if (const auto* ref = json::at(object, {"spec", "claimRef"}); ref && ref->IsObject())
    claim = std::string(json::get_string(*ref, "namespace")) + "/" +
            std::string(json::get_string(*ref, "name"));
  return {object_name(object),
          text_at(object, {"spec", "capacity", "storage"}, "0"),
          access_modes(object, {"spec", "accessModes"}),
          text_at(object, {"spec", "persistentVolumeReclaimPolicy"}),
          phase(object),
          claim,
          storage_class(object),
          text_at(object, {"spec", "volumeAttributesClassName"}, "<unset>"),
          text_at(object, {"status", "reason"}),
          object_age(object, now),
          text_at(object, {"spec", "volumeMode"}, "<unset>")};
}

row claim_cells(const json::value& object, timestamp now) {
  const auto volume = text_at(object, {"spec", "volumeName"});
  const bool bound = !volume.empty();
  return {object_name(object),
          phase(object),
          volume,
          bound ? text_at(object, {"status", "capacity", "storage"}, "0") : std::string{},
          bound ? access_modes(object, {"status", "accessModes"}) : std::string{},
          storage_class(object),
          text_at(object, {"spec", "volumeAttributesClassName"}, "<unset>"),
          object_age(object, now),
          text_at(object, {"spec", "volumeMode"}, "<unset>")};
}

row class_cells(const json::value& object, timestamp now) {
  auto name = object_name(object);
  for (std::string_view key : {"storageclass.kubernetes.io/is-default-class",
                               "storageclass.beta.kubernetes.io/is-default-class"})
    if (text_at(object, {"metadata", "annotations", key}) == "true") {
      name += " (default)";
      break;
    }
  return {name,
          text_at(object, {"provisioner"}),
          text_at(object, {"reclaimPolicy"}, "Delete"),
          text_at(object, {"volumeBindingMode"}, "Immediate"),
          json::get_bool(object, "allowVolumeExpansion"),
          object_age(object, now)};
}

bool spec_flag(const json::value& object, std::string_view key, bool fallback) {
  const auto* v = json::at(object, {"spec", key});
  return v && v->IsBool() ? v->GetBool() : fallback;
}

row driver_cells(const json::value& object, timestamp now) {
  std::vector<std::string> audiences, modes;
  for (const auto* t : items_at(object, {"spec", "tokenRequests"}))
    audiences.emplace_back(json::get_string(*t, "audience"));
  for (const auto* m : items_at(object, {"spec", "volumeLifecycleModes"}))
    modes.emplace_back(json::as_string(*m));
  return {object_name(object),
          spec_flag(object, "attachRequired", true),
          spec_flag(object, "podInfoOnMount", false),
          spec_flag(object, "storageCapacity", false),
          join(audiences, "<unset>"),
          spec_flag(object, "requiresRepublish", false),
          join(modes),
          object_age(object, now)};
}

row node_driver_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"spec", "drivers"}), object_age(object, now)};
}

row capacity_cells(const json::value& object, timestamp) {
  return {object_name(object), text_at(object, {"storageClassName"}),
          text_at(object, {"capacity"}, "<unset>")};
}

row attachment_cells(const json::value& object, timestamp now) {
  const auto* attached = json::at(object, {"status", "attached"});
  return {object_name(object),
          text_at(object, {"spec", "attacher"}),
          text_at(object, {"spec", "source", "persistentVolumeName"}),
          text_at(object, {"spec", "nodeName"}),
          attached && attached->IsBool() && attached->GetBool(),
          object_age(object, now)};
}

void add_volume_printers(printer_map& m) {
  m["persistentvolumes"] = {
      {name_column(), col("Capacity", "string", "The volume's size."),
       col("Access Modes", "string", "How it can be mounted."),
       col("Reclaim Policy", "string", "What becomes of it when it is released."),
       col("Status", "string", "Whether it is bound."),
       col("Claim", "string", "The claim that holds it."),
       col("StorageClass", "string", "Its storage class."),
       col("VolumeAttributesClass", "string", "Its attributes class."),
       col("Reason", "string", "Why it is in this state."), age_column(),
       col("VolumeMode", "string", "A file system or a raw device.", 1)},
      volume_cells};
  m["persistentvolumeclaims"] = {
      {name_column(), col("Status", "string", "Whether the claim is bound."),
       col("Volume", "string", "The volume bound to it."),
       col("Capacity", "string", "The size it got."),
       col("Access Modes", "string", "How the volume can be mounted."),
       col("StorageClass", "string", "Its storage class."),
       col("VolumeAttributesClass", "string", "Its attributes class."), age_column(),
       col("VolumeMode", "string", "A file system or a raw device.", 1)},
      claim_cells};
}

} // namespace

void add_storage_printers(printer_map& m) {
  add_volume_printers(m);
  m["storageclasses.storage.k8s.io"] = {
      {name_column(), col("Provisioner", "string", "Who makes the volumes."),
       col("ReclaimPolicy", "string", "What becomes of volumes when they are released."),
       col("VolumeBindingMode", "string", "Whether volumes wait for a pod."),
       col("AllowVolumeExpansion", "string", "Whether claims may grow."), age_column()},
      class_cells};
  m["csidrivers.storage.k8s.io"] = {
      {name_column(), col("AttachRequired", "boolean", "Whether volumes must be attached first."),
       col("PodInfoOnMount", "boolean", "Whether it is told about the pod that mounts."),
       col("StorageCapacity", "boolean", "Whether the scheduler heeds its capacity."),
       col("TokenRequests", "string", "Audiences of the tokens it gets."),
       col("RequiresRepublish", "boolean", "Whether it is called again for mounted volumes."),
       col("Modes", "string", "Life cycles of volumes that it supports."), age_column()},
      driver_cells};
  m["csinodes.storage.k8s.io"] = {
      {name_column(), col("Drivers", "integer", "Drivers on the node."), age_column()},
      node_driver_cells};
  m["csistoragecapacities.storage.k8s.io"] = {
      {name_column(), col("StorageClassName", "string", "The storage class."),
       col("Capacity", "string", "How much is left.")},
      capacity_cells};
  m["volumeattachments.storage.k8s.io"] = {
      {name_column(), col("Attacher", "string", "The driver that attaches."),
       col("PV", "string", "The volume."), col("Node", "string", "The node."),
       col("Attached", "boolean", "Whether it is attached."), age_column()},
      attachment_cells};
}

} // namespace thespis::api::table
