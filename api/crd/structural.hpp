// The schema of a custom resource: Kubernetes' structural schemas (apiextensions.k8s.io/v1,
// JSONSchemaProps) as a tree that decodes, fills in and judges objects.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <functional>
#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::crd {

enum class value_kind : uint8_t { any, object, array, string, integer, number, boolean };

/// A schema. Pointers to JSON lead into the document it was read from, which must outlive it.
struct structural {
  value_kind type = value_kind::any;
  std::string type_name; ///< as written
  std::string format;
  bool nullable = false;
  bool int_or_string = false;
  bool preserve_unknown = false;
  bool embedded = false;
  const json::value* default_value = nullptr;

  std::vector<std::pair<std::string, std::unique_ptr<structural>>> properties; ///< by name
  bool has_additional = false;            ///< additionalProperties is a schema or true
  std::unique_ptr<structural> additional; ///< null with has_additional: any values
  std::unique_ptr<structural> items;
  std::string list_type, map_type;
  std::vector<std::string> list_keys;

  std::optional<double> minimum, maximum, multiple_of;
  bool exclusive_minimum = false, exclusive_maximum = false, unique_items = false;
  int64_t min_length = -1, max_length = -1, min_items = -1, max_items = -1;
  int64_t min_properties = -1, max_properties = -1;
  std::unique_ptr<re2::RE2> pattern;
  std::vector<const json::value*> values; ///< enum
  std::vector<std::string> required;
  std::vector<std::unique_ptr<structural>> all_of, any_of, one_of;
  std::unique_ptr<structural> not_of;
  const json::value* rules = nullptr; ///< x-kubernetes-validations
  /// Something inside has defaults: false spares the walk.
  bool defaults_inside = false;

  /// nullptr when there is none of that name.
  const structural* property(std::string_view name) const;
  /// The schema of a member: of its own, or that of additional ones. nullptr when unknown.
  const structural* member(std::string_view name) const;
};

/// Reads a schema that the rules for definitions accepted. Patterns are compiled, in linear-time
/// RE2 with bounded memory. Errors: bad_request.
result<std::unique_ptr<structural>> read_structural(const json::value& schema);

/// The apiVersion, kind and metadata of an object are not the schema's business.
bool is_type_member(std::string_view name);

/// Drops the members that the schema does not know, in place; their paths are appended to
/// `dropped` ("spec.foo") unless that is null. `root` has the members of every object. `embedded`
/// is called with the metadata of every object inside, and its path where `dropped` is given.
using metadata_step = std::function<void(json::value& metadata, const std::string& path)>;
void prune(const structural& s, json::value& v, bool root, std::vector<std::string>* dropped,
           const metadata_step& embedded = {});

/// Fills in defaults, then drops nulls where they are not allowed. Defaults that unfold into more
/// than `max_defaults` values are left out from there on: false then.
inline constexpr size_t max_defaults = 100'000;
bool fill_in(const structural& s, json::value& v, json::allocator& a);

} // namespace thespis::api::crd
