// How objects of built-in kinds get from one version to another. Internal to api/schema.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <string>

namespace thespis::api::schema {

/// Versions that differ in their name alone.
result<void> rename_version(json::document& doc, const std::string& api_version);
/// HorizontalPodAutoscalers: what autoscaling/v1 has no field for is in annotations there.
result<void> convert_autoscaler(json::document& doc, const std::string& api_version);
/// Events of the core group and of events.k8s.io.
result<void> convert_event(json::document& doc, const std::string& api_version);
/// ResourceClaims, their templates and ResourceSlices: v1beta1 nests devices, and not requests.
result<void> convert_claim(json::document& doc, const std::string& api_version);
result<void> convert_claim_template(json::document& doc, const std::string& api_version);
result<void> convert_slice(json::document& doc, const std::string& api_version);

} // namespace thespis::api::schema
