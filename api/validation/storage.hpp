// What must hold of volumes, claims, classes and drivers of storage, beyond what each field's
// schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_volume(const json::value& volume, findings& f);
void validate_volume_update(const json::value& now, const json::value& old, findings& f);
void validate_claim(const json::value& claim, findings& f);
void validate_claim_update(const json::value& now, const json::value& old, findings& f);
void validate_storage_class(const json::value& c, findings& f);
void validate_storage_class_update(const json::value& now, const json::value& old, findings& f);
void validate_csi_driver(const json::value& driver, findings& f);
void validate_csi_node(const json::value& node, findings& f);
void validate_volume_attachment(const json::value& attachment, findings& f);
void validate_volume_attachment_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
