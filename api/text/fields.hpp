// Field selectors: "metadata.name=x,status.phase!=Running".
#pragma once

#include "api/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

struct field_requirement {
  std::string field;
  std::string value;
  bool equal = true; ///< false: "!="
  bool operator==(const field_requirement&) const = default;
};

/// A conjunction of field requirements. Default: matches everything.
class field_selector {
public:
  /// The value of a field; empty when the object does not have it.
  using lookup = std::function<std::string(std::string_view field)>;

  field_selector() = default;
  explicit field_selector(std::vector<field_requirement> requirements)
      : requirements_(std::move(requirements)) {}

  bool matches(const lookup& get) const;
  bool matches_everything() const { return requirements_.empty(); }
  /// The value that `field` must equal, if one requirement says so.
  std::optional<std::string> exact(std::string_view field) const;
  const std::vector<field_requirement>& requirements() const { return requirements_; }
  std::string to_string() const;

private:
  std::vector<field_requirement> requirements_;
};

/// Parses a fieldSelector query parameter; `\` escapes `\`, `,` and `=` in values.
/// Errors: bad_request in the words of apimachinery.
result<field_selector> parse_field_selector(std::string_view text);

/// Refuses fields other than `supported`, metadata.name and metadata.namespace, with the message
/// `field label not supported: x`. Errors: bad_request.
result<void> check_fields(const field_selector& s, const std::vector<std::string>& supported);

} // namespace thespis::api
