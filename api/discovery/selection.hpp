// What selectors select: label and field selectors of a request, checked against what the kind
// supports and matched against objects. Lists and watches use the same.
#pragma once

#include "api/object/object.hpp"
#include "api/pipeline/watch.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"
#include "api/text/fields.hpp"
#include "api/text/labels.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace thespis::api {

/// Selectors, parsed. Immutable; any thread may match.
class object_selector {
public:
  /// Selects everything.
  object_selector() = default;

  /// Errors: bad_request for selectors that do not parse, longer than 64 KiB, or that name a field
  /// which the kind does not support.
  static result<object_selector> parse(const schema::resource& resource,
                                       std::string_view label_selector,
                                       std::string_view field_selector);

  bool matches(const object& o) const;
  bool matches_everything() const {
    return labels_.matches_everything() && fields_.matches_everything();
  }
  const field_selector& fields() const { return fields_; }

private:
  label_selector labels_;
  field_selector fields_;
  bool needs_body_ = false; ///< a field is none of the parsed identity
};

/// The value of a selectable field of an object, as the field selector compares it. `body` is the
/// object's JSON; null suffices for metadata.name, metadata.namespace and a pod's spec.nodeName.
std::string selectable_field(const object& o, const json::value* body, std::string_view field);

/// Decides over the label and field selectors of a selection (its other members are the caller's).
using object_matcher = std::function<bool(const object&)>;

/// A maker of matchers by group resource, as registries take it. `schemas` outlives it.
std::function<result<object_matcher>(const std::string& resource, const selection&)>
matchers_of(const schema::registry& schemas);

} // namespace thespis::api
