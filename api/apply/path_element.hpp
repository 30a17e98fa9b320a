// One step of a path into an object, as server-side apply names it: a field, a list item by its
// keys or its value, or an index.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thespis::api::apply {

/// A step of a path. Kept as bytes whose plain order is Kubernetes' order of path elements (fields,
/// keys, values, indices; numbers before strings before booleans), so that comparing is memcmp.
class path_element {
public:
  using key_field = std::pair<std::string_view, const json::value*>;

  static path_element field(std::string_view name);
  static path_element index(int64_t i);
  /// An item of a set.
  static path_element value(const json::value& v);
  /// An item of a list of objects, by the fields that identify it.
  static path_element key(std::vector<key_field> fields);

  /// Reads the notation of FieldsV1: `f:name`, `k:{"name":"a"}`, `v:"a"`, `i:0`. Nothing for a
  /// kind of element that is not known (to be skipped). Errors: bad_request.
  static result<std::optional<path_element>> parse(std::string_view text);

  /// The notation of FieldsV1.
  std::string text() const;
  /// As messages show it: `.name`, `[name="a"]`, `[="a"]`, `[0]`.
  std::string print() const;

  bool is_field() const { return bytes_[0] == field_kind; }
  bool is_key() const { return bytes_[0] == key_kind; }
  /// Of a field alone.
  std::string_view field_name() const { return std::string_view{bytes_}.substr(1); }

  const std::string& bytes() const { return bytes_; }
  friend bool operator==(const path_element&, const path_element&) = default;
  friend bool operator<(const path_element& a, const path_element& b) {
    return a.bytes_ < b.bytes_;
  }

private:
  static constexpr char field_kind = 1, key_kind = 2, value_kind = 3, index_kind = 4;

  explicit path_element(std::string bytes) : bytes_(std::move(bytes)) {}

  std::string bytes_; ///< the kind, then what it names
};

using path = std::vector<path_element>;

/// `.spec.containers[name="a"].image`
std::string print(const path& p);

} // namespace thespis::api::apply
