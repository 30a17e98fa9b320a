// From a CustomResourceDefinition to the resources it defines.
#pragma once

#include "api/crd/structural.hpp"
#include "api/schema/schema.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::api::crd {

/// The resource that holds the definitions.
inline constexpr std::string_view definitions_resource =
    "customresourcedefinitions.apiextensions.k8s.io";
/// Holds a definition until its instances are gone.
inline constexpr std::string_view cleanup_finalizer = "customresourcecleanup.apiextensions.k8s.io";

/// Makes the converter that a definition with webhook conversion asks for.
using webhook_factory = std::function<std::shared_ptr<const schema::converter>(
    const json::value& conversion, const std::string& definition)>;

/// The resources of a definition: one a served version, in the order of the definition. `crd` is a
/// valid object, with defaults. Without a factory webhook conversion fails.
/// Errors: bad_request when a schema cannot be read.
result<std::vector<schema::resource>> resources_of(const json::value& crd,
                                                   const webhook_factory& webhooks = {});

/// Conversion by changing apiVersion alone.
std::shared_ptr<const schema::converter> relabelling_converter();

/// The schema of a version as OpenAPI documents show it: a JSON object. `v2` leaves out what
/// OpenAPI v2 does not have. `selectable`: fields that selectors may name ("spec.host").
std::string open_api_of(const json::value& schema, const schema::struct_type& kind,
                        const std::vector<std::string>& selectable, bool v2);

/// Appends what a schema's tree has of fields, list types and map types to `set`, and returns the
/// type of its root.
schema::struct_type* make_types(const structural& s, const json::value& schema,
                                const std::string& full_name, schema::type_set& set);

} // namespace thespis::api::crd
