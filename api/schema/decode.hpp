// Takes a parsed request body to the shape that its type has, in the words of Kubernetes' decoder.
#pragma once

#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <string>
#include <vector>

namespace thespis::api::schema {

/// Checks that `doc` fits `type`, and makes it canonical: nulls and empty lists and maps that need
/// not be there are dropped (a null list item of an object becomes {}), members that are no field
/// are dropped and reported in `unknown` as `unknown field "spec.foo"`. nullptr: they are not
/// reported. Errors: bad_request with Go's words, `json: cannot unmarshal string into Go struct
/// field DeploymentSpec.spec.replicas of type int32`; `handled_as` makes them whole.
result<void> conform(const struct_type& type, json::value& doc, json::allocator& a,
                     std::vector<std::string>* unknown = nullptr);

/// The error of a body that is no `kind`: `Deployment in version "v1" cannot be handled as a
/// Deployment: DETAIL`. `version` is that of the body's apiVersion ("v1").
error handled_as(std::string_view kind, std::string_view version, std::string_view detail);

/// What strict decoding says with these reports (`unknown field "a"`): `strict decoding error:
/// duplicate field "b", unknown field "a"`. Empty when there are none.
std::string strict_error(const std::vector<std::string>& reports);

} // namespace thespis::api::schema
