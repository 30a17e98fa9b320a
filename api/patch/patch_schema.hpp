// What a strategic merge patch needs to know of a type: which lists merge, and by which key.
// The schema engine implements it; patches know nothing else of schemas.
#pragma once

#include <string_view>

namespace thespis::api::patch {

class type_schema;

/// A field as strategic merge sees it (x-kubernetes-patch-strategy, x-kubernetes-patch-merge-key).
/// The default describes a field nothing is known of: objects merge by JSON merge patch, lists are
/// replaced.
struct field_schema {
  /// The type of the field's value; for a list, of its elements; for a map, the map itself, whose
  /// `field` answers any key. nullptr for scalars and where no schema reaches.
  const type_schema* type = nullptr;
  /// The element field that identifies an element of a merging list of objects ("name"); empty for
  /// lists of scalars.
  std::string_view merge_key;
  bool merge = false;       ///< strategy "merge": a list is merged and not replaced
  bool replace = false;     ///< strategy "replace": an object is replaced and not merged
  bool retain_keys = false; ///< strategy "retainKeys": for the makers of patches; applying needs
                            ///< only the `$retainKeys` that the patch carries
};

/// The schema of an object type. Outlives every patch it is used for; safe to share between
/// threads.
class type_schema {
public:
  virtual ~type_schema() = default;

  /// The field of that name; a default field_schema when there is none.
  virtual field_schema field(std::string_view name) const = 0;
};

} // namespace thespis::api::patch
