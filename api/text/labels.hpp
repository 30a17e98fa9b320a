// Label selectors: from a query string and from a metav1.LabelSelector.
#pragma once

#include "api/json.hpp"
#include "api/object/object.hpp"
#include "api/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

enum class label_operator : uint8_t {
  in,
  not_in,
  equals,
  double_equals,
  not_equals,
  exists,
  does_not_exist,
  greater_than,
  less_than,
};

/// One condition on one label.
struct label_requirement {
  std::string key;
  label_operator op = label_operator::exists;
  std::vector<std::string> values; ///< sorted, without repetitions

  bool matches(const label_set& labels) const;
  /// As it stands in a query: "app=web", "tier in (a,b)", "!canary".
  std::string to_string() const;
  bool operator==(const label_requirement&) const = default;
};

/// A conjunction of requirements. Default: matches everything.
class label_selector {
public:
  label_selector() = default;
  explicit label_selector(std::vector<label_requirement> requirements);

  /// Matches no object; what a missing metav1.LabelSelector means.
  static label_selector nothing();
  /// Exactly these labels, as a Service's or ReplicationController's map selects. `map` is a JSON
  /// object of strings; other values are ignored. An empty or missing map matches everything.
  static label_selector from_map(const json::value* map);

  /// `labels` must be ordered by key, as label_set is.
  bool matches(const label_set& labels) const;
  bool matches_everything() const { return !nothing_ && requirements_.empty(); }
  bool matches_nothing() const { return nothing_; }
  /// Ordered by key.
  const std::vector<label_requirement>& requirements() const { return requirements_; }
  /// The query string that selects the same.
  std::string to_string() const;

private:
  std::vector<label_requirement> requirements_;
  bool nothing_ = false;
};

/// Parses a labelSelector query parameter ("app=web,tier in (a,b),!canary,weight>3").
/// Errors: bad_request in the words of apimachinery.
result<label_selector> parse_label_selector(std::string_view text);

/// Reads a metav1.LabelSelector: nothing when `v` is null, everything when it is empty. Messages
/// name paths below `field` ("spec.selector"). Errors: bad_request.
result<label_selector> read_label_selector(const json::value* v, std::string_view field = {});

/// What is wrong with a metav1.LabelSelector, with paths below `field`.
std::vector<cause> validate_label_selector(const json::value& v, std::string_view field);

} // namespace thespis::api
