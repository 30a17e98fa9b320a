// Volumes, claims, classes and drivers of storage.
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/storage.hpp"

namespace thespis::api {

namespace {

void begin_pending(operation& op, json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& status = json::ensure_object(doc, "status", a);
  json::set(status, "phase", "Pending", a);
  if (op.type.resource == "persistentvolumes")
    json::set(status, "lastPhaseTransitionTime", op.now, a);
}

using change_rule = void (*)(const json::value&, const json::value&, findings&);

/// A rule about changes of the object, not of its status.
template <change_rule Rule>
void on_spec(const operation& op, const json::value& now, const json::value& old, findings& f) {
  if (!is_status_call(op))
    Rule(now, old, f);
}

} // namespace

std::vector<strategy> storage_strategies() {
  strategy volume;
  volume.resource = "persistentvolumes";
  volume.prepare_create = begin_pending;
  volume.validate = validate_volume;
  volume.validate_update = on_spec<validate_volume_update>;

  strategy claim;
  claim.resource = "persistentvolumeclaims";
  claim.prepare_create = begin_pending;
  claim.validate = validate_claim;
  claim.validate_update = on_spec<validate_claim_update>;

  strategy storage_class;
  storage_class.resource = "storageclasses.storage.k8s.io";
  storage_class.validate = validate_storage_class;
  storage_class.validate_update = on_spec<validate_storage_class_update>;

  strategy driver;
  driver.resource = "csidrivers.storage.k8s.io";
  driver.unconditional_update = false;
  driver.validate = validate_csi_driver;

  strategy node;
  node.resource = "csinodes.storage.k8s.io";
  node.unconditional_update = false;
  node.validate = validate_csi_node;

  strategy attachment;
  attachment.resource = "volumeattachments.storage.k8s.io";
  attachment.unconditional_update = false;
  attachment.validate = validate_volume_attachment;
  attachment.validate_update = on_spec<validate_volume_attachment_update>;
  return {volume, claim, storage_class, driver, node, attachment};
}

} // namespace thespis::api
