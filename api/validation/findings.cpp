#include "api/validation/findings.hpp"

#include "api/text/quote.hpp"

namespace thespis::api {

namespace {

/// A value as field errors print it: strings quoted as Go does, everything else as JSON.
std::string shown(const json::value& v) {
  return v.IsString() ? quote_go(json::as_string(v)) : json::to_string(v);
}

} // namespace

void findings::required(const path& at, std::string_view detail) {
  causes_.push_back(api::required(at.str(), detail));
}

void findings::invalid(const path& at, const json::value& v, std::string_view detail) {
  causes_.push_back(invalid_value(at.str(), shown(v), detail));
}

void findings::invalid(const path& at, std::string_view v, std::string_view detail) {
  causes_.push_back(invalid_value(at.str(), quote_go(v), detail));
}

void findings::invalid(const path& at, int64_t v, std::string_view detail) {
  causes_.push_back(invalid_value(at.str(), std::to_string(v), detail));
}

void findings::invalid_raw(const path& at, std::string_view json_value, std::string_view detail) {
  causes_.push_back(invalid_value(at.str(), json_value, detail));
}

void findings::duplicate(const path& at, std::string_view v) {
  causes_.push_back(api::duplicate(at.str(), quote_go(v)));
}

void findings::duplicate(const path& at, const json::value& v) {
  causes_.push_back(api::duplicate(at.str(), shown(v)));
}

void findings::not_supported(const path& at, std::string_view v,
                             std::initializer_list<std::string_view> supported) {
  std::vector<std::string> values(supported.begin(), supported.end());
  causes_.push_back(api::not_supported(at.str(), quote_go(v), values));
}

void findings::forbidden(const path& at, std::string_view detail) {
  causes_.push_back(field_forbidden(at.str(), detail));
}

void findings::too_long(const path& at, size_t max_bytes) {
  causes_.push_back(api::too_long(at.str(), max_bytes));
}

void findings::too_many(const path& at, size_t actual, size_t max_items) {
  causes_.push_back(api::too_many(at.str(), actual, max_items));
}

void findings::not_found(const path& at, std::string_view v) {
  causes_.push_back(field_not_found(at.str(), quote_go(v)));
}

} // namespace thespis::api
