#include "api/admission/plugins.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

constexpr int64_t default_seconds = 300;

bool tolerates_no_execute(const json::value& spec, std::string_view key) {
  const auto& list = member(spec, "tolerations");
  if (!list.IsArray())
    return false;
  for (const auto& t : list.GetArray()) {
    auto effect = text(t, "effect");
    auto k = text(t, "key");
    if ((k == key || k.empty()) && (effect == "NoExecute" || effect.empty()))
      return true;
  }
  return false;
}

class toleration_plugin final : public plugin {
public:
  std::string_view name() const override { return "DefaultTolerationSeconds"; }

  result<void> mutate(request& r) override {
    if (!r.is("pods") || (r.action != action::create && r.action != action::update))
      return {};
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    for (std::string_view key :
         {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
      if (tolerates_no_execute(spec, key))
        continue;
      json::value t(rapidjson::kObjectType);
      json::set(t, "key", key, a);
      json::set(t, "operator", "Exists", a);
      json::set(t, "effect", "NoExecute", a);
      json::set(t, "tolerationSeconds", json::value(default_seconds), a);
      auto* list = json::find(spec, "tolerations");
      if (!list || !list->IsArray()) {
        json::set(spec, "tolerations", json::value(rapidjson::kArrayType), a);
        list = json::find(spec, "tolerations");
      }
      list->PushBack(std::move(t), a);
      r.changed = true;
    }
    return {};
  }
};

} // namespace

plugin_ptr default_toleration_seconds() {
  return std::make_shared<toleration_plugin>();
}

} // namespace thespis::api::admission
