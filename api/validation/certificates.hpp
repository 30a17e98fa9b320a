// What must hold of certificate signing requests and trust bundles beyond what each field's schema
// says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// "example.com/name", whose certificates are meant.
void validate_signer_name(std::string_view name, const path& at, findings& f);

void validate_signing_request(const json::value& csr, findings& f);
/// What only new requests are refused for.
void validate_new_signing_request(const json::value& csr, findings& f);
/// Which of a request's subresources is written.
enum class signing_write { status, approval };
/// Conditions say true or are not there, exclude one another and stay; who writes the status does
/// not approve, who approves writes no certificate, and a certificate is one and never changes.
void validate_signing_request_update(const json::value& now, const json::value& old,
                                     signing_write what, findings& f);

void validate_trust_bundle(const json::value& bundle, findings& f);
/// The signer stays.
void validate_trust_bundle_update(const json::value& now, const json::value& old, findings& f);

} // namespace thespis::api
