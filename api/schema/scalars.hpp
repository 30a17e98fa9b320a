// The two values of the Kubernetes API that C++ has no plain type for.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace thespis::api {

/// util.intstr.IntOrString: a port number or name, a count or a percentage.
struct int_or_string {
  std::variant<int32_t, std::string> value = 0;

  int_or_string() = default;
  int_or_string(int32_t n) : value(n) {}
  int_or_string(std::string s) : value(std::move(s)) {}
  int_or_string(const char* s) : value(std::string{s}) {}

  bool is_int() const { return value.index() == 0; }
  /// The number; 0 when it is a string.
  int32_t as_int() const { return is_int() ? std::get<0>(value) : 0; }
  /// The string; empty when it is a number.
  const std::string& as_string() const {
    static const std::string none;
    return is_int() ? none : std::get<1>(value);
  }
  bool operator==(const int_or_string&) const = default;
};

/// JSON of any shape (a ControllerRevision's data, managed fields), kept as compact text.
struct raw_json {
  std::string text; ///< empty: absent
  bool operator==(const raw_json&) const = default;
};

} // namespace thespis::api
