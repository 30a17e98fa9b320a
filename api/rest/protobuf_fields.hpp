// What the two directions of the protobuf transcoder know about fields beyond their numbers.
#pragma once

#include "api/schema/schema.hpp"

#include <string_view>

namespace thespis::api::rest {

/// What every Kubernetes protobuf body starts with.
inline constexpr std::string_view protobuf_magic{"k8s\0", 4};

/// The message that stands for a field whose JSON may be of several shapes.
enum class free_form : uint8_t {
  raw,               ///< RawExtension, FieldsV1, JSON: {raw = 1}
  schema_or_bool,    ///< JSONSchemaPropsOrBool: {allows = 1, schema = 2}
  schema_or_array,   ///< JSONSchemaPropsOrArray: {schema = 1, jSONSchemas = 2}
  schema_or_strings, ///< JSONSchemaPropsOrStringArray: {schema = 1, property = 2}
};

/// Which of them holds the free values in `f` (or in the list or map that `f` is).
free_form free_form_of(const schema::field& f);

/// Whether Go's field is no pointer: protobuf then always carries it, and zero means "not set".
/// (Pointers are carried only when they are set, and keep their zero.)
bool is_plain(const schema::struct_type& t, const schema::field& f);

/// Whether an empty string differs from an absent one.
bool keeps_empty_string(const schema::field& f);

} // namespace thespis::api::rest
