// What must hold of ConfigMaps and Secrets, beyond what each field's schema says.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

void validate_config_map(const json::value& map, findings& f);
void validate_config_map_update(const json::value& map, const json::value& old, findings& f);

/// Values of `data` are base64, as stored.
void validate_secret(const json::value& secret, findings& f);
void validate_secret_update(const json::value& secret, const json::value& old, findings& f);

} // namespace thespis::api
