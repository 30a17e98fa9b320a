// Built-in resources that are served in several versions, or in two groups.
#include "api/schema/builtin_versions.hpp"
#include "api/schema/conversion.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace thespis::api::schema {
namespace {

constexpr std::string_view autoscalers = "horizontalpodautoscalers.autoscaling";
constexpr std::string_view addresses = "ipaddresses.networking.k8s.io";
constexpr std::string_view blocks = "servicecidrs.networking.k8s.io";
constexpr std::string_view attributes = "volumeattributesclasses.storage.k8s.io";
constexpr std::string_view device_classes = "deviceclasses.resource.k8s.io";
constexpr std::string_view claims = "resourceclaims.resource.k8s.io";
constexpr std::string_view claim_templates = "resourceclaimtemplates.resource.k8s.io";
constexpr std::string_view slices = "resourceslices.resource.k8s.io";

constexpr std::array<builtin_conversion, 9> conversions{{
    {autoscalers, autoscalers, "autoscaling/v2", convert_autoscaler},
    {addresses, addresses, "networking.k8s.io/v1", rename_version},
    {blocks, blocks, "networking.k8s.io/v1", rename_version},
    {attributes, attributes, "storage.k8s.io/v1", rename_version},
    {device_classes, device_classes, "resource.k8s.io/v1", rename_version},
    {claims, claims, "resource.k8s.io/v1", convert_claim},
    {claim_templates, claim_templates, "resource.k8s.io/v1", convert_claim_template},
    {slices, slices, "resource.k8s.io/v1", convert_slice},
    {"events.events.k8s.io", "events", "v1", convert_event},
}};

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
