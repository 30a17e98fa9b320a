#include "api/admission/plugins.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

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
  explicit toleration_plugin(const ports& p)
      : not_ready_(p.not_ready_toleration), unreachable_(p.unreachable_toleration) {}

  std::string_view name() const override { return "DefaultTolerationSeconds"; }

  result<void> mutate(request& r) override {
    if (!r.is("pods") || (r.action != action::create && r.action != action::update))
      return {};
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    const std::pair<std::string_view, std::chrono::seconds> wanted[] = {
        {"node.kubernetes.io/not-ready", not_ready_},
        {"node.kubernetes.io/unreachable", unreachable_}};
    for (const auto& [key, time] : wanted) {
      if (tolerates_no_execute(spec, key))
        continue;
      json::value t(rapidjson::kObjectType);
      json::set(t, "key", key, a);
      json::set(t, "operator", "Exists", a);
      json::set(t, "effect", "NoExecute", a);
      json::set(t, "tolerationSeconds", json::value(static_cast<int64_t>(time.count())), a);
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

private:
  const std::chrono::seconds not_ready_;
  const std::chrono::seconds unreachable_;
};

} // namespace

plugin_ptr default_toleration_seconds(const ports& p) {
  return std::make_shared<toleration_plugin>(p);
}

} // namespace thespis::api::admission
