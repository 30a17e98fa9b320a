// Conversion of custom objects by a web service (apiextensions.k8s.io/v1 ConversionReview).
#pragma once

#include "api/crd/definition.hpp"
#include "api/outbound/client.hpp"
#include "api/pipeline/reader.hpp"

#include <functional>
#include <memory>
#include <string>

namespace thespis::api::outbound {

struct conversion_deps {
  std::shared_ptr<client> http;
  std::shared_ptr<const reader> state; ///< to find Services in
  std::function<std::string()> new_uid;
};

/// Makes the converters of definitions with webhook conversion. They block, call nobody for no
/// object, and refuse what a conversion may not change: apiVersion other than asked for, kind,
/// name, namespace and uid; other metadata but labels and annotations is put back.
crd::webhook_factory conversion_webhooks(conversion_deps deps);

} // namespace thespis::api::outbound
