// What validation found wrong with an object, in the words of apimachinery's field errors.
#pragma once

#include "api/error.hpp"
#include "api/json.hpp"
#include "api/validation/path.hpp"

#include <initializer_list>
#include <string_view>
#include <vector>

namespace thespis::api {

/// Collects causes; paths are spelled out only when there is something to report.
class findings {
public:
  void required(const path& at, std::string_view detail = {});
  void invalid(const path& at, const json::value& v, std::string_view detail);
  void invalid(const path& at, std::string_view v, std::string_view detail);
  void invalid(const path& at, int64_t v, std::string_view detail);
  /// `json_value` is shown as it is.
  void invalid_raw(const path& at, std::string_view json_value, std::string_view detail);
  void duplicate(const path& at, std::string_view v);
  void duplicate(const path& at, const json::value& v);
  void not_supported(const path& at, std::string_view v,
                     std::initializer_list<std::string_view> supported);
  void forbidden(const path& at, std::string_view detail);
  void too_long(const path& at, size_t max_bytes);
  void too_many(const path& at, size_t actual, size_t max_items);
  void not_found(const path& at, std::string_view v);

  bool empty() const { return causes_.empty(); }
  size_t size() const { return causes_.size(); }
  const std::vector<cause>& causes() const { return causes_; }
  std::vector<cause>& causes() { return causes_; }

private:
  std::vector<cause> causes_;
};

} // namespace thespis::api
