// What must hold of certificate signing requests and trust bundles, of the priorities of API
// requests and of claims for devices, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// "example.com/name", whose certificates are meant.
void validate_signer_name(std::string_view name, const path& at, findings& f);

void validate_signing_request(const json::value& csr, findings& f);
/// Approved and denied exclude one another, and neither can be taken back.
void validate_signing_request_update(const json::value& now, const json::value& old, findings& f);

void validate_trust_bundle(const json::value& bundle, findings& f);
/// The signer stays.
void validate_trust_bundle_update(const json::value& now, const json::value& old, findings& f);

void validate_flow_schema(const json::value& schema, findings& f);
void validate_priority_level(const json::value& level, findings& f);

void validate_device_claim(const json::value& claim, findings& f);
void validate_device_claim_template(const json::value& tmpl, findings& f);
void validate_device_claim_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
