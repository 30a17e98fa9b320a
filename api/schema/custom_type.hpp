// What stands behind the types of kinds that are defined at run time: a schema of its own makes
// their objects canonical and judges them.
#pragma once

#include "api/error.hpp"
#include "api/json.hpp"
#include "api/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

/// Immutable, thread-safe. The functions of decode.hpp, defaults.hpp and validate.hpp hand the
/// types that have one over to it.
class custom_type {
public:
  virtual ~custom_type() = default;
  /// See schema::conform.
  virtual result<void> conform(json::value& doc, json::allocator& a,
                               std::vector<std::string>* unknown) const = 0;
  /// See schema::apply_defaults.
  virtual void apply_defaults(json::value& doc, json::allocator& a) const = 0;
  /// See schema::validate; judges the whole object but its metadata.
  virtual void validate(const json::value& doc, const json::value* old,
                        std::vector<cause>& causes) const = 0;
  /// The schema as OpenAPI documents show it: a JSON object. `v2` leaves out what OpenAPI v2 does
  /// not have.
  virtual std::string open_api(bool v2) const = 0;
};

} // namespace thespis::api::schema
