// Built-in resources that are served in several versions, or in two groups.
#include "api/schema/conversion.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace thespis::api::schema {
namespace {

constexpr std::array<builtin_conversion, 0> conversions{};

class function_converter final : public converter {
public:
  explicit function_converter(convert_function f) : convert_(f) {}

  result<void> convert(const std::vector<json::document*>& docs,
                       const std::string& api_version) const override {
    for (auto* doc : docs)
      if (auto ok = convert_(*doc, api_version); !ok)
        return ok;
    return {};
  }

private:
  convert_function convert_;
};

} // namespace

const builtin_conversion* find_builtin_conversion(std::string_view resource) {
  const auto* i = std::find_if(conversions.begin(), conversions.end(),
                               [&](const auto& c) { return c.resource == resource; });
  return i == conversions.end() ? nullptr : &*i;
}

std::shared_ptr<const converter> make_converter(convert_function f) {
  return std::make_shared<function_converter>(f);
}

uint64_t next_epoch() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

} // namespace thespis::api::schema
